"""Survey scores: how the answers are spread over the scale, and the score of each group with interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pandas as pd

from cjlib.core import checks
from cjlib.core.gate import ALL
from cjlib.core.result import HIDDEN
from cjlib.core.text import interval, number, percent, points, t, tn
from cjlib.plots import style
from cjlib.plots.marks import beside, head, point, rows
from cjlib.plots.sheet import empty, sheet
from cjlib.plots.style import count, known, label, short

LOW, MIDDLE, HIGH = "#b4530a", "#7f8b93", "#1b6468"
SCALES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
SPREAD, BETWEEN, ROW = 108.0, 84.0, 22.0  # points
N_AT, SCORE_AT = 46.0, 58.0
MOST_GROUPS = 20

Instrument = Literal["nps", "csat", "ces", "other"]


def draw(
    table: pd.DataFrame,
    *,
    distribution: pd.DataFrame | None = None,
    instrument: Instrument = "nps",
    scale: tuple[float, float] | None = None,
    box: Sequence[float] = (),
    colours: Mapping[str, str] | None = None,
    title: str = "",
    ax: Any = None,
) -> Any:
    """Draw scores by group with intervals, below the distribution of the answers where it is given.

    Parameters
    ----------
    table : DataFrame
        Columns `group, n` (people who answered), `score, ci_low, ci_high`: NPS in points from -100 to
        100, other instruments on their own scale. Missing cells are hidden ones and are not drawn.
    distribution : DataFrame, optional
        Columns `group, value, n` (or `share`): answers per value of the scale. The group "(all)" is
        drawn, or the sum of the groups.
    instrument : {"nps", "csat", "ces", "other"}
        Fixes the words, the shaded classes (detractors, passives, promoters; else the `box`)
        and the scale unless `scale` is given.
    scale : (low, high), optional
        Ends of the answer scale; values that nobody gave are drawn empty.
    box : sequence of float
        Answers that count as the best ones (not for NPS); shaded as a class.
    colours, title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes
        With two child axes (distribution, scores) where a distribution is given.

    Raises
    ------
    ParameterError
        CJ-E04 for an unknown instrument.

    Examples
    --------
    >>> scores = {"group": ["web", "store"], "n": [120, 80], "score": [12.0, 31.0]}
    >>> ax = draw(pd.DataFrame({**scores, "ci_low": [2.0, 20.0], "ci_high": [22.0, 42.0]}))
    >>> ax.get_title(loc="left")
    'NPS: highest for store (+31), lowest for web (+12)'
    """
    checks.one_of("instrument", instrument, ("nps", "csat", "ces", "other"))
    frame = table.reset_index(drop=True)
    frame = pd.concat([frame[frame["group"] == ALL], frame[frame["group"] != ALL]])
    shown = frame.head(MOST_GROUPS)
    answers = _answers(distribution, scale or SCALES.get(instrument))
    if not shown["score"].notna().any() and answers.empty:
        return empty(ax, t("No data to draw: nobody answered, or too few to be shown."))
    palette = dict(colours or style.group_colours(table["group"]))
    tall = len(shown) * ROW
    with sheet(ax, body=(tall + (0 if answers.empty else SPREAD + BETWEEN)) / 72) as page:
        panel = page.ax
        if not answers.empty:
            page.ax.set_axis_off()
            whole = SPREAD + BETWEEN + tall
            _spread(page.ax.inset_axes((0, 1 - SPREAD / whole, 1, SPREAD / whole)), answers, instrument, len(box))
            panel = page.ax.inset_axes((0, 0, 1, tall / whole))
        _scores(panel, shown, palette, instrument, scale)
        page.header(title or _finding(shown, instrument), _subtitle(instrument), gap=20)
        if shown["score"].isna().any() or answers["share"].isna().any():
            page.note(t("{sign} Too few people to be shown.", sign=HIDDEN))
        if len(frame) > len(shown):
            page.note(
                tn("{n} more group is in the table.", "{n} more groups are in the table.", len(frame) - len(shown))
            )
    return page.ax


def _answers(distribution: pd.DataFrame | None, scale: tuple[float, float] | None) -> pd.DataFrame:
    """Columns `value` (text), `share`, in the order of the scale; NaN where hidden; maybe empty.

    Without a column `share` the shares are those of the counts that are shown.
    """
    blank = pd.DataFrame({"value": [], "share": []})
    if distribution is None or distribution.empty:
        return blank
    part = distribution[distribution["group"] == ALL]
    single = bool((distribution["group"] == distribution["group"].iloc[0]).all())
    part = distribution if part.empty else part
    weight = "share" if "share" in part and (single or part is not distribution) else "n"
    values = part["value"].astype(str)
    sums = part[weight].astype("float64").groupby(values, sort=False).sum(min_count=1)
    hidden = part[weight].isna().groupby(values, sort=False).any()
    counted = sums.where(~hidden)
    if not counted.sum() > 0:
        return blank
    shares = {name: value / (1.0 if weight == "share" else counted.sum()) for name, value in counted.items()}
    return pd.DataFrame(
        _in_order({str(name): share for name, share in shares.items()}, scale), columns=["value", "share"]
    )


def _in_order(shares: Mapping[str, float], scale: tuple[float, float] | None) -> list[tuple[str, float]]:
    """Values as numbers from low to high if they are numbers; those of the scale that nobody gave are 0."""
    numeric = pd.to_numeric(pd.Series(list(shares)), errors="coerce")
    if numeric.isna().any():
        return list(shares.items())
    found = dict(zip(numeric.astype(float), shares.values(), strict=True))
    if scale is not None and scale[1] - scale[0] <= 12:
        found = {**dict.fromkeys(map(float, range(int(scale[0]), int(scale[1]) + 1)), 0.0), **found}
    return [(number(value, 0 if value == int(value) else 1), found[value]) for value in sorted(found)]


def _classes(values: list[str], instrument: str, best: int) -> list[tuple[int, int, str, str]]:
    """Shaded classes as (first bar, one after the last, word, colour)."""
    n = len(values)
    if instrument == "nps" and n == 11:
        return [(0, 7, t("detractors"), LOW), (7, 9, t("passives"), MIDDLE), (9, 11, t("promoters"), HIGH)]
    if 0 < best < n:
        return [(0, n - best, t("other answers"), MIDDLE), (n - best, n, t("best answers"), HIGH)]
    return [(0, n, "", style.EVERYBODY)]


def _spread(panel: Any, answers: pd.DataFrame, instrument: str, best: int) -> None:
    """Bars per value; under them the classes, in words with their share."""
    values, shares = list(answers["value"]), [float(share) for share in answers["share"]]
    for first, end, word, colour in _classes(values, instrument, best):
        panel.bar(
            range(first, end),
            [count(share) for share in shares[first:end]],
            width=0.78,
            color=colour,
            label=word or "answers",
        )
        if not word:
            continue
        panel.plot(
            [first - 0.39, end - 0.61], [-0.2, -0.2], transform=panel.get_xaxis_transform(), color=colour,
            linewidth=2.4, clip_on=False, gid="class",
        )  # fmt: skip
        panel.annotate(
            _class_text(word, sum(shares[first:end]), (end - first) / len(values)), ((first + end - 1) / 2, -0.2),
            xycoords=panel.get_xaxis_transform(), xytext=(0, -5), textcoords="offset points", ha="center",
            va="top", fontsize=style.SMALL, color=style.INK, gid="class",
        )  # fmt: skip
    for place, share in enumerate(shares):
        panel.annotate(
            percent(share, 0) if known(share) else HIDDEN, (place, count(share)), xytext=(0, 3),
            textcoords="offset points", ha="center", va="bottom", fontsize=style.SMALL, color=style.MUTED, gid="share",
        )  # fmt: skip
    panel.set(xlim=(-0.6, len(values) - 0.4), ylim=(0, max(map(count, shares)) * 1.02))
    panel.set_xticks(
        range(len(values)), [style.wrap(value, 400 / len(values), style.SMALL, lines=2) for value in values]
    )
    panel.set_yticks([])
    panel.set_ylabel(t("share of answers"), fontsize=style.SMALL)


def _class_text(word: str, share: float, part: float) -> str:
    """Word and share of a class (no share if a part is hidden), no wider than its bars.

    The panel is at least 270 points wide.
    """
    words = style.wrap(word, max(270 * part, 50), style.SMALL)
    return words + "\n" + percent(share) if known(share) else words


def _scores(
    panel: Any, shown: pd.DataFrame, palette: Mapping[str, str], instrument: str, scale: tuple[float, float] | None
) -> None:
    """One row per group: point, interval, n and the score in figures."""
    limits = shown[["score", "ci_low", "ci_high"]].astype("float64")
    ends = (-100.0, 100.0) if instrument == "nps" else scale or SCALES.get(instrument)
    low, high = _range(limits, ends)
    for place, row in enumerate(rows(shown)):
        y = (place + 0.5) * ROW
        panel.axhline(y, color=style.GRID, linewidth=0.8, zorder=0.5)
        colour = palette.get(str(row.group), style.MUTED)
        point(panel, y, row.score, row.ci_low, row.ci_high, colour=colour, size=7)
        beside(panel, y, N_AT, number(count(row.n)) if known(row.n) else HIDDEN, "right", gid="n")
        text = _estimate(row, instrument) if known(row.score) else HIDDEN
        beside(panel, y, SCORE_AT, text, "left", color=style.INK, gid="label")
    if low < 0 < high:
        panel.axvline(0, color="#aeb8be", linewidth=0.9, zorder=0.6)
    ticks, texts = style.number_ticks(low, high)
    panel.set_xticks(ticks, [points(tick) for tick in ticks] if instrument == "nps" else texts)
    panel.set(xlim=(low, high), ylim=(len(shown) * ROW, 0))
    places = [(place + 0.5) * ROW for place in range(len(shown))]
    panel.set_yticks(places, [style.wrap(label(group), 130, lines=1) for group in shown["group"]])
    panel.set_xlabel(_axis(instrument, scale))
    head(panel, N_AT, t("answers"), "right")
    head(panel, SCORE_AT, t("score (95 % interval)"), "left")


def _range(limits: pd.DataFrame, ends: tuple[float, float] | None) -> tuple[float, float]:
    """Axis around all intervals, with some air, never beyond the ends of the scale."""
    values = limits.to_numpy().ravel()
    values = values[~pd.isna(values)]
    if not values.size:
        return ends or (0.0, 1.0)
    span = values.max() - values.min()
    least = 0.2 * (ends[1] - ends[0]) if ends else 0.0  # a fifth of the scale: small things stay small
    pad = max(0.12 * span, (least - span) / 2)
    low, high = float(values.min() - pad), float(values.max() + pad)
    if ends and ends[0] <= values.min() and values.max() <= ends[1]:
        return max(low, ends[0]), min(high, ends[1])
    return low, high


def _write(value: float, instrument: str) -> str:
    return points(value) if instrument == "nps" else number(value, 2)


def _estimate(row: Any, instrument: str) -> str:
    value = _write(row.score, instrument)
    if not (known(row.ci_low) and known(row.ci_high)):
        return value
    limits = interval(row.ci_low, row.ci_high, lambda x: _write(x, instrument))
    return f"{value} ({limits})"


def _name(instrument: str) -> str:
    names = {"nps": t("NPS"), "csat": t("mean satisfaction"), "ces": t("mean effort score")}
    return names.get(instrument, t("mean score"))


def _axis(instrument: str, scale: tuple[float, float] | None) -> str:
    if instrument == "nps":
        return t("NPS, points from −100 to +100")
    ends = scale or SCALES.get(instrument)
    name = _name(instrument)
    return t("{name}, from {low} to {high}", name=name, low=number(ends[0]), high=number(ends[1])) if ends else name


def _finding(shown: pd.DataFrame, instrument: str) -> str:
    name = _name(instrument)
    name = name[:1].upper() + name[1:]
    groups = shown[(shown["group"] != ALL) & shown["score"].notna()]
    if len(groups) < 2:
        row = next((row for row in rows(shown) if known(row.score)), None)
        if row is None:
            return t("Answers over the scale")
        return t("{name}: {x} from {n} answers", name=name, x=_estimate(row, instrument), n=int(count(row.n)))
    ordered = rows(groups.sort_values("score", kind="stable"))
    return t(
        "{name}: highest for {best} ({x}), lowest for {worst} ({y})", name=name,
        best=short(ordered[-1].group), x=_write(ordered[-1].score, instrument),
        worst=short(ordered[0].group), y=_write(ordered[0].score, instrument),
    )  # fmt: skip


def _subtitle(instrument: str) -> str:
    if instrument == "nps":
        return t("Share of promoters minus share of detractors, in points; lines are 95 % intervals.")
    return t("Mean of the answers; lines are 95 % intervals.")
