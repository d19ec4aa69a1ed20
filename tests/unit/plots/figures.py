"""What every figure must satisfy, and tables made by hand."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.text import Text


def drawn_texts(ax):
    """Visible texts of the figure with their boxes in pixels."""
    figure = ax.get_figure(root=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.canvas.draw()
        off = {
            text
            for part in figure.findobj(Axes)
            if not part.axison
            for axis in (part.xaxis, part.yaxis)
            for text in axis.findobj(Text)
        }
        return [
            (text, Text.get_window_extent(text))  # of an annotation without its arrow
            for text in figure.findobj(Text)
            if text.get_visible() and text.get_text().strip() and text not in off
        ]


def assert_readable(ax):
    """Every text lies inside the figure and touches no other text; nothing is below 8.2 pt."""
    figure = ax.get_figure(root=True)
    texts = drawn_texts(ax)
    width, height = figure.get_size_inches() * figure.dpi
    outside = [t.get_text() for t, b in texts if b.x0 < 0 or b.y0 < 0 or b.x1 > width or b.y1 > height]
    assert outside == []
    boxes = [(t.get_text(), b.padded(-1.5)) for t, b in texts]
    touching = [(a, b) for (a, box), (b, other) in itertools.combinations(boxes, 2) if box.overlaps(other)]
    assert touching == []
    assert min(t.get_fontsize() for t, _ in texts) >= 8.2


def texts_of(ax, gid):
    """Texts with that gid, child axes included."""
    return [t.get_text() for t in ax.get_figure(root=True).findobj(Text) if t.get_gid() == gid]


def axes_of(ax):
    return [ax, *ax.child_axes]


def bars(ax, name):
    """Bars drawn under that label."""
    return [
        patch
        for part in axes_of(ax)
        for container in part.containers
        if container.get_label() == name
        for patch in container.patches
    ]


def lines_of(ax, gid):
    return [line for part in axes_of(ax) for line in part.lines if line.get_gid() == gid]


def wilson(k, n, z=1.959964):
    p, a = k / n, 1 + z * z / n
    middle, half = (p + z * z / 2 / n) / a, z / a * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    return p, middle - half, middle + half


STEPS = ("visit", "product view", "cart", "payment details", "purchase")


def funnel_table(groups=("(all)",), *, steps=STEPS, n=4000, kept=0.6, curve=True):
    """A funnel in which one in six of those who stop are still inside their window."""
    rows = []
    for place, group in enumerate(groups):
        entered = n // (place + 1)
        reached, still = entered, 0
        for order, step in enumerate(steps):
            if order:
                going = int(reached * (kept + 0.05 * ((place + order) % 3)))
                still += (reached - going) // 6
                reached = going
            mature = entered - still
            share, low, high = wilson(reached, mature)
            tail = (share, low, high) if curve else (math.nan,) * 3
            rows.append(
                [group, step, order, entered, reached, still, entered - reached - still, reached / entered,
                 mature, reached, share, low, high, *tail, 1.5 * order]
            )  # fmt: skip
    names = (
        "group step step_order n_start n_reached n_open n_out share_naive n_mature n_mature_reached "
        "share_mature ci_low ci_high share_curve curve_low curve_high median_days"
    )
    frame = pd.DataFrame(rows, columns=names.split())
    counts = [name for name in frame if name.startswith("n_")]
    return frame.astype(dict.fromkeys(counts, "Int64"))


def curve_table(groups=("(all)",), *, n=400, days=90, outcomes=(), pace=30.0):
    """Incidence with a band that widens; one row per day; everybody leaves evenly over `days`."""
    frames = []
    for place, group in enumerate(groups):
        time = np.arange(0, days + 1.0)
        risk = np.round(n * (1 - time / (days + 1)))
        for k, outcome in enumerate(outcomes or ("purchase",)):
            estimate = (1 - np.exp(-time / (pace * (1 + place)))) * (0.7 if k == 0 else 0.15)
            half = 1.96 * np.sqrt(estimate * (1 - estimate) / np.maximum(risk, 1))
            frames.append(
                pd.DataFrame(
                    {"group": group, "outcome": outcome, "time_days": time, "n_at_risk": risk,
                     "estimate": estimate, "ci_low": np.clip(estimate - half, 0, 1),
                     "ci_high": np.clip(estimate + half, 0, 1)}
                )
            )  # fmt: skip
    return pd.concat(frames, ignore_index=True).astype({"n_at_risk": "Int64"})


def survival_table(groups=("(all)",), **options):
    frame = curve_table(groups, **options).drop(columns="outcome")
    low, high = 1 - frame["ci_high"], 1 - frame["ci_low"]
    return frame.assign(estimate=1 - frame["estimate"], ci_low=low, ci_high=high)


def triangle_table(n=14):
    """`n` monthly cohorts, the newest followed for no month; with the weighted average."""
    rows, total = [], {}
    for place in range(n):
        size = 200 + 37 * place
        year, month = divmod(place + 8, 12)
        for age in range(n):
            name = f"{2025 + year}-{month + 1:02d}"
            if age > n - 1 - place:
                rows.append([name, age, None, None, math.nan, math.nan, math.nan])
                continue
            active = size if age == 0 else int(size * 0.5 * (age + 0.6) ** -0.55)
            rows.append([name, age, size, active, *wilson(active, size)])
            total.setdefault(age, [0, 0])
            total[age][0] += size
            total[age][1] += active
    rows += [["(all)", age, size, active, *wilson(active, size)] for age, (size, active) in total.items()]
    frame = pd.DataFrame(rows, columns=["cohort", "age", "n_at_risk", "n_active", "share", "ci_low", "ci_high"])
    return frame.astype({"age": "Int64", "n_at_risk": "Int64", "n_active": "Int64"})


def score_table(groups=("(all)", "Camille", "Bruno", "Fatima")):
    rows = [
        [group, 800 // (k + 1), 30.0 - 14 * k, 25.0 - 16 * k, 36.0 - 12 * k, 0.5, 0.45, 0.55]
        for k, group in enumerate(groups)
    ]
    names = ["group", "n", "score", "ci_low", "ci_high", "top_share", "top_low", "top_high"]
    return pd.DataFrame(rows, columns=names).astype({"n": "Int64"})


def said_table():
    names = ["question", "view", "category", "n", "mean", "ci_low", "ci_high", "top_share", "top_low", "top_high"]
    rows = [
        ["delivery", "final", "promise kept", 88000, 4.29, 4.28, 4.30, 0.830, 0.827, 0.833],
        ["delivery", "final", "late", 7800, 2.27, 2.24, 2.31, 0.210, 0.200, 0.220],
        ["delivery", "final", "never", 2800, 1.75, 1.70, 1.80, 0.120, 0.110, 0.130],
        ["delivery", "when answered", "promise kept", 87000, 4.30, 4.29, 4.31, 0.835, 0.830, 0.840],
        ["delivery", "when answered", "late", 3200, 3.56, 3.49, 3.62, 0.520, 0.500, 0.540],
        ["delivery", "when answered", "not yet received", 7400, 1.78, 1.74, 1.81, 0.110, 0.100, 0.120],
    ]
    return pd.DataFrame(rows, columns=names).astype({"n": "Int64"})
