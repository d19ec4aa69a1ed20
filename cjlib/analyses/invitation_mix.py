"""By which door did the answers come in? Invited or spontaneous, after a purchase or after a complaint.

Surveys set off by different events ask different people at different moments. Their scores are put side
by side and never pooled silently: the overall score is printed as what it is, an average of doors with
the weights of this file, and it moves when the weights move although nobody changed their mind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from cjlib.analyses.said import answers_of, headline, say, say_interval, score_name, share_by_person, with_unit
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import GROUP, Kpi, Note, Result
from cjlib.core.text import percent, t
from cjlib.journey.tables import SurveyResponses


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class InvitationMixResult(Result):
    """Answers, their share of all, and the score, by what set the survey off."""

    kind: ClassVar[str] = "invitation_mix"
    columns: ClassVar[Columns] = Columns(
        (
            GROUP,
            Column("n_people", "Int64", "", "people", "distinct people who answered"),
            Column("n", "Int64", "Answers", "people", "answers that came this way"),
            Column("share", "float64", "Share of all answers", "proportion", "", ("n",)),
            Column("share_low", "float64", "95 % CI", "proportion", "Wilson interval", ("n",)),
            Column("share_high", "float64", "", "proportion", "", ("n",)),
            Column("score", "float64", "Score", "score", "NPS, share of the best answers, or mean", ("n",)),
            Column("ci_low", "float64", "95 % CI", "score", "", ("n",)),
            Column("ci_high", "float64", "", "score", "", ("n",)),
        ),
        over="group",
        caption="Answers by what set the survey off",
    )  # fmt: skip

    def question(self) -> str:
        return t("By which door did the answers come in, by {by}?", by=self.params["by"])

    def answer(self) -> str:
        name = self.params["instrument"]
        rows = self._table[(self._table["group"] != ALL) & self._table["score"].notna()]
        if rows.empty:
            return t("Too few people answered to print a score.")
        parts = [
            t("{group} {share} of the answers, {name} {score} (95 % CI {ci})", group=row["group"],
              share=percent(row["share"]), name=score_name(name), score=say(row["score"], name),
              ci=say_interval(row["ci_low"], row["ci_high"], name)) for row in rows.head(3).to_dict("records")
        ]  # fmt: skip
        return t("; ").join(parts) + "."

    def definition(self) -> str:
        return t(
            "Answers by {by}. The row of all is their average with the weights of this file; it is comparable "
            "with another period or company only where the mix is the same.",
            by=self.params["by"],
        )

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.share import draw

        frame = self._table[self._table["group"] != ALL]
        frame = frame[["group", "n"]].assign(estimate=frame["share"], ci_low=frame["share_low"],
                                             ci_high=frame["share_high"])  # fmt: skip
        return draw(frame, axis=t("share of all answers"), title=t("How the answers came in"), ax=ax)

    def shown(self) -> list[Any]:
        caption, frame, hidden, columns = super().shown()[0]
        return [(caption, frame, hidden, with_unit(columns, self.params["instrument"], ("score", "ci_low", "ci_high")))]


def invitation_mix(
    responses: SurveyResponses, *, instrument: str, by: str = "trigger", confidence: float = 0.95
) -> InvitationMixResult:
    """Estimate the share and the score of the answers by what set the survey off.

    Parameters
    ----------
    responses : SurveyResponses
    instrument : "nps", "csat", "ces" or "other"; must occur in the study
    by : attribute of the answers that tells the doors apart: trigger, invited or not, stage
    confidence : level of the intervals

    Returns
    -------
    InvitationMixResult
        One row per door, "(all)" first, largest next.

    Raises
    ------
    ParameterError
        CJ-JN-003: the answers have no such attribute.
    NotEnoughDataError
        CJ-AN-020: nobody answered.

    Examples
    --------
    >>> import pandas as pd
    >>> from cjlib.journey.frames import from_frames
    >>> said = pd.DataFrame({"customer": list("abcd"), "asked_at": 0, "answered_at": 1, "instrument": "csat",
    ...                      "score": [5.0, 4.0, 5.0, 1.0], "trigger": ["invited"] * 3 + ["spontaneous"]})
    >>> _, responses = from_frames(responses=said, as_of="1970-02-01")
    >>> invitation_mix(responses, instrument="csat").table[["group", "n", "share", "score"]].values.tolist()
    [['(all)', 4, 1.0, 0.75], ['invited', 3, 0.75, 1.0], ['spontaneous', 1, 0.25, 0.0]]
    """
    frame, kind = answers_of(responses, instrument, [by])
    frame["group"] = ["(unknown)" if pd.isna(value) else responses.label(str(value)) for value in frame[by]]
    sizes = frame["group"].value_counts()
    order = sorted(sizes.index, key=lambda name: (-sizes[name], name))
    whole = {
        "group": ALL, "n_people": frame["unit"].nunique(), "n": len(frame), "share": 1.0, "share_low": float("nan"),
        "share_high": float("nan"), **headline(frame["score"], kind, confidence, people=frame["unit"])._asdict(),
    }  # fmt: skip
    rows = [whole]
    for name in order:
        part = frame[frame["group"] == name]
        share = share_by_person(frame["group"] == name, frame["unit"], confidence)
        rows.append({
            "group": name, "n_people": part["unit"].nunique(), "n": len(part), "share": share.estimate,
            "share_low": share.ci_low, "share_high": share.ci_high,
            **headline(part["score"], kind, confidence, people=part["unit"])._asdict(),
        })  # fmt: skip
    table = pd.DataFrame(rows).rename(columns={"estimate": "score"})
    notes = [Note("CJ-AN-083", "caution", t(
        "Answers of {n} kinds of invitation are compared here, never pooled silently: the overall score depends "
        "on their mix.", n=len(order)))] if len(order) > 1 else []  # fmt: skip
    params = {"instrument": instrument, "by": responses.label(by), "scale": list(kind.scale),
              "box": list(kind.good_scores), "confidence": confidence}  # fmt: skip
    top = table.iloc[1]
    kpi = Kpi(measure="largest", label=t("Share of {group}", group=top["group"]), estimate=top["share"],
              ci_low=top["share_low"], ci_high=top["share_high"], n=int(top["n"]), form="percent",
              definition=t("share of all answers"))  # fmt: skip
    return InvitationMixResult.build(table, data=responses.info, params=params, notes=notes, kpis=[kpi])
