from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.core.text import using
from cjlib.plots.prediction import draw

from .figures import assert_readable, drawn_texts

GROUPS = pd.DataFrame({
    "n_test": [100, 100, 90, 110], "forecast": [0.05, 0.12, 0.2, 0.4], "estimate": [0.04, 0.15, 0.22, 0.35],
    "ci_low": [0.02, 0.09, 0.14, 0.27], "ci_high": [0.1, 0.24, 0.32, 0.45],
})  # fmt: skip
BENEFIT = pd.DataFrame({
    "threshold": [0.05, 0.1, 0.2, 0.3], "n_test": 400, "benefit": [0.15, 0.11, 0.06, 0.03],
    "benefit_low": [0.11, 0.07, 0.03, 0.0], "benefit_high": [0.19, 0.15, 0.09, 0.06],
    "everybody": [0.15, 0.1, -0.01, -0.16],
})  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_label_is_inside_and_apart(lang):
    with using(lang):
        assert_readable(draw(GROUPS, BENEFIT))


def test_each_group_is_a_point_with_its_interval_and_the_policies_are_lines():
    left, right = draw(GROUPS, BENEFIT).child_axes
    points = [line for line in left.lines if line.get_gid() == "point"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in points] == list(
        zip(GROUPS["forecast"], GROUPS["estimate"], strict=True)
    )
    assert sum(line.get_gid() == "interval" for line in left.lines) == 4
    lines = {line.get_gid(): line for line in right.lines}
    assert lines["model"].get_ydata().tolist() == pytest.approx([15, 11, 6, 3])
    assert lines["everybody"].get_ydata()[-1] == pytest.approx(-16)


def test_the_number_of_people_is_shown_and_hidden_groups_are_mentioned():
    groups = GROUPS.astype({"n_test": "Int64"})
    groups.loc[0, ["n_test"]] = pd.NA
    groups.loc[0, ["forecast", "estimate", "ci_low", "ci_high"]] = np.nan
    ax = draw(groups, BENEFIT)
    texts = " ".join(text.get_text() for text, _ in drawn_texts(ax))
    assert "400 people" in texts
    assert "Too few people to be shown" in texts
    assert sum(line.get_gid() == "point" for line in ax.child_axes[0].lines) == 3


def test_nothing_to_draw_is_said_not_raised():
    assert "No data to draw" in drawn_texts(draw(GROUPS.assign(estimate=np.nan), BENEFIT))[0][0].get_text()
