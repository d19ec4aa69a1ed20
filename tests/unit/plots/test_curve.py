from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import PolyCollection

from cjlib.core.errors import ParameterError
from cjlib.core.svg import to_svg
from cjlib.plots.curve import draw
from cjlib.plots.steps import thinned, value_at

from .figures import assert_readable, curve_table, drawn_texts, lines_of, survival_table, texts_of

GROUPS = ("Camille", "Bruno", "Fatima")
LONG = "A really long label that somebody typed in full, with $dollars$ & <b>"


def words(ax):
    return [t.get_text() for t, _ in drawn_texts(ax)]


def risk_row(ax, k=0):
    """Numbers of one row of the risk table, left to right."""
    numbers = [t for t in ax.child_axes[0].texts if t.get_gid() == "at risk"]
    heights = sorted({t.get_position()[1] for t in numbers})
    return [t.get_text() for t in numbers if t.get_position()[1] == heights[k]]


@pytest.mark.parametrize(
    ("table", "options"),
    [
        (curve_table(), {"horizons": [7, 30, 60], "origin": "visit"}),
        (curve_table(), {"horizons": [7, 30, 60], "scale": "log"}),
        (curve_table(GROUPS), {"horizons": [30], "origin": LONG}),
        (curve_table((*GROUPS, LONG), pace=500), {}),
        (curve_table([f"Group {k}" for k in range(9)]), {}),
        (curve_table(outcomes=("purchase", "unsubscribe", "cancelled")), {}),
        (curve_table(days=1), {}),
        (curve_table(days=900, n=100000), {}),
        (survival_table((*GROUPS, LONG)), {"kind": "survival"}),
    ],
    ids=["one", "log", "three", "four close", "nine", "outcomes", "hours", "years", "survival"],
)
def test_every_label_is_inside_and_apart(table, options):
    assert_readable(draw(table, **options))


def test_the_line_is_a_step_function_through_the_estimates():
    table = curve_table()
    (line,) = lines_of(draw(table), "curve")
    assert line.get_drawstyle() == "steps-post"
    kept = table[table["n_at_risk"] >= 5]
    assert list(line.get_xdata()) == list(kept["time_days"])
    assert list(line.get_ydata()) == pytest.approx(list(kept["estimate"]))


def test_a_band_is_drawn_for_each_curve():
    ax = draw(curve_table(GROUPS))
    assert len([c for c in ax.collections if isinstance(c, PolyCollection)]) == 3


def test_a_curve_without_a_row_at_zero_starts_at_its_origin():
    table = curve_table()
    (line,) = lines_of(draw(table[table["time_days"] > 2]), "curve")
    assert (line.get_xdata()[0], line.get_ydata()[0]) == (0.0, 0.0)
    survival = survival_table()
    (line,) = lines_of(draw(survival[survival["time_days"] > 2], kind="survival"), "curve")
    assert (line.get_xdata()[0], line.get_ydata()[0]) == (0.0, 1.0)


@pytest.mark.parametrize("least", [5, 50])
def test_no_step_is_drawn_where_fewer_than_k_are_at_risk(least):
    table = curve_table()
    ax = draw(table, min_people=least)
    last = table.loc[table["n_at_risk"] >= least, "time_days"].max()
    assert lines_of(ax, "curve")[0].get_xdata()[-1] == last
    assert f"Curves end where fewer than {least} people are at risk (•)." in words(ax)


def test_hidden_rows_end_the_curve_and_show_a_dot_in_the_risk_table():
    table = curve_table(("a", "b"))
    cut = (table["group"] == "b") & (table["time_days"] >= 20)
    table.loc[cut, "n_at_risk"] = pd.NA
    table.loc[cut, ["estimate", "ci_low", "ci_high"]] = np.nan
    ax = draw(table)
    assert lines_of(ax, "curve")[1].get_xdata()[-1] == 19
    assert "•" in risk_row(ax, 1)
    assert "•" not in risk_row(ax, 0)[:-1]


def test_a_small_number_at_risk_is_never_printed():
    table = curve_table(n=30, days=60)
    assert not {"1", "2", "3", "4"} & set(risk_row(draw(table)))


def test_the_risk_table_counts_who_is_still_followed_at_each_tick():
    table = pd.DataFrame(
        {"group": "(all)", "outcome": "x", "time_days": [0.0, 7.0, 10.0, 28.0], "n_at_risk": [90, 80, 70, 20],
         "estimate": [0, 0.1, 0.2, 0.3], "ci_low": [0, 0.05, 0.1, 0.2], "ci_high": [0, 0.2, 0.3, 0.4]}
    )  # fmt: skip
    ax = draw(table)
    assert list(ax.get_xticks()) == [0, 5, 10, 15, 20, 25]
    assert risk_row(ax) == ["90", "80", "70", "20", "20", "20"]


def test_the_risk_table_is_a_child_axes_so_that_one_axes_is_returned():
    _, ax = plt.subplots()
    assert draw(curve_table(), ax=ax) is ax
    assert len(ax.child_axes) == 1
    assert ax.child_axes[0].get_xlim() == ax.get_xlim()


def test_each_group_is_named_at_the_end_of_its_curve_with_its_value():
    table = curve_table(GROUPS)
    ends = texts_of(draw(table), "end")
    assert [text.split("\n")[0] for text in ends] == list(GROUPS)
    last = table[(table["group"] == "Camille") & (table["n_at_risk"] >= 5)]["estimate"].iloc[-1]
    assert ends[0].split("\n")[1] == f"{100 * last:.1f}%"


def test_more_than_four_groups_have_a_legend_instead():
    ax = draw(curve_table([f"Group {k}" for k in range(9)]))
    assert texts_of(ax, "end") == []
    assert {f"Group {k}" for k in range(7)} <= set(words(ax))
    assert "2 more groups are in the table." in words(ax)


def test_the_title_gives_the_value_at_the_last_horizon_that_is_reached():
    table = curve_table()
    at = table[table["time_days"] == 60].iloc[0]
    title = draw(table, horizons=[30, 60, 365]).get_title(loc="left")
    assert title.startswith(f"After 60 days: purchase {100 * at['estimate']:.1f}% (")


def test_a_horizon_beyond_the_curve_is_not_drawn():
    assert len(lines_of(draw(curve_table(), horizons=[30, 365]), "horizon")) == 1


def test_the_axis_ends_soon_after_the_last_horizon_and_says_so():
    table = curve_table(days=600)
    ax = draw(table, horizons=[10, 30])
    assert ax.get_xlim() == (0, 45)
    assert lines_of(ax, "curve")[0].get_xdata()[-1] == 45
    assert "Drawn up to 45 days; the curves go on to 594 days." in words(ax)
    assert not any("fewer than" in word for word in words(ax))
    assert_readable(ax)


def test_two_outcomes_of_one_group_are_named_in_the_title():
    title = draw(curve_table(outcomes=("purchase", "unsubscribe")), horizons=[30]).get_title(loc="left")
    assert "purchase" in title
    assert "unsubscribe" in title


def test_several_groups_show_the_first_outcome_only():
    ax = draw(curve_table(("a", "b"), outcomes=("purchase", "unsubscribe")))
    assert len(lines_of(ax, "curve")) == 2


def test_the_naive_curve_is_dashed_and_named():
    naive = curve_table().assign(estimate=lambda f: f["estimate"] * 1.2)
    ax = draw(curve_table(), naive=naive)
    (line,) = lines_of(ax, "naive")
    assert line.is_dashed()
    assert any(word.startswith("naive") for word in words(ax))
    assert_readable(ax)


def test_naive_values_known_only_at_horizons_are_marks_not_a_line():
    naive = pd.DataFrame({"group": "(all)", "outcome": "purchase", "horizon_days": [7.0, 30.0], "naive": [0.2, 0.6]})
    (line,) = lines_of(draw(curve_table(), naive=naive), "naive")
    assert line.get_linestyle() == "None"
    assert list(line.get_ydata()) == [0.2, 0.6]


def test_a_naive_value_above_all_curves_stays_inside_the_axes():
    naive = pd.DataFrame({"group": "(all)", "outcome": "purchase", "horizon_days": [30.0], "naive": [0.95]})
    assert draw(curve_table(pace=300), naive=naive, horizons=[30]).get_ylim()[1] > 0.95


def test_a_naive_curve_that_equals_the_curve_is_not_drawn():
    ax = draw(curve_table(), naive=curve_table())
    assert lines_of(ax, "naive") == []
    assert not any(word.startswith("naive") for word in words(ax))


def test_the_naive_curve_goes_with_the_first_outcome():
    both = curve_table(outcomes=("purchase", "unsubscribe"))
    naive = curve_table().assign(estimate=lambda f: f["estimate"] * 1.2)
    ax = draw(both, naive=naive)
    assert [line.get_color() for line in lines_of(ax, "naive")] == [lines_of(ax, "curve")[0].get_color()]


def test_censoring_marks_lie_on_the_curve():
    table = curve_table()
    ax = draw(table, censored=pd.DataFrame({"group": "(all)", "time_days": [10.5, 40.2]}))
    (line,) = lines_of(ax, "censored")
    assert list(line.get_ydata()) == pytest.approx([table["estimate"][10], table["estimate"][40]])


def test_the_axis_has_a_unit_and_an_origin():
    assert draw(curve_table(), origin="visit").get_xlabel() == "days since visit"
    assert draw(curve_table(days=1), origin="visit").get_xlabel() == "hours since visit"
    assert draw(curve_table(), origin="visit", scale="log").get_xlabel() == "time since visit (logarithmic axis)"


def test_survival_is_drawn_on_the_whole_axis():
    assert draw(survival_table(), kind="survival").get_ylim() == (0, 1)


def test_ticks_are_french(french):
    ax = draw(curve_table(GROUPS), horizons=[30])
    assert [t.get_text() for t in ax.get_yticklabels()][1].endswith("\xa0%")
    assert all("," in text for text in texts_of(ax, "end"))
    assert_readable(ax)


@pytest.mark.parametrize(
    "table", [curve_table().head(0), curve_table().assign(n_at_risk=3), curve_table().assign(estimate=np.nan)]
)
def test_nothing_to_draw_is_said_not_raised(table):
    assert "No data to draw" in words(draw(table))[0]


@pytest.mark.parametrize("option", [{"kind": "hazard"}, {"scale": "root"}])
def test_an_unknown_choice_is_refused_by_name(option):
    with pytest.raises(ParameterError, match="Allowed") as caught:
        draw(curve_table(), **option)
    assert caught.value.code == "CJ-E04"


def test_thinning_keeps_values_and_never_moves_a_step_by_more_than_a_slice():
    rng = np.random.default_rng(1)
    times = np.sort(rng.uniform(0, 90, 5000))
    rows = pd.DataFrame({"time_days": times, "estimate": np.linspace(0, 0.8, 5000)})
    few = thinned(rows, 100)
    assert len(few) <= 102
    assert few["estimate"].isin(rows["estimate"]).all()
    assert (few.iloc[[0, -1]] == rows.iloc[[0, -1]]).all(axis=None)
    for time in rng.uniform(0, 90, 200):
        later = value_at(rows, min(time + 0.9, times[-1]))
        assert value_at(rows, max(time - 0.9, times[0])) <= value_at(few, max(min(time, times[-1]), times[0])) <= later


def test_long_curves_stay_small():
    rng = np.random.default_rng(2)
    table = curve_table(GROUPS, days=5000, n=10**6, pace=1500)
    table["time_days"] += rng.uniform(0, 0.9, len(table))
    svg = to_svg(draw(table))
    assert svg == to_svg(draw(table))
    assert len(svg) < 60_000
