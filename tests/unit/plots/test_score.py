from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.core.errors import ParameterError
from cjlib.core.svg import to_svg
from cjlib.plots.score import HIGH, LOW, MIDDLE, draw

from .figures import assert_readable, axes_of, drawn_texts, lines_of, score_table, texts_of

ANSWERS = pd.DataFrame(
    {"group": "(all)", "value": [str(k) for k in range(11)], "n": [31, 8, 11, 20, 22, 60, 55, 90, 158, 187, 200]}
)
STARS = pd.DataFrame({"group": "(all)", "value": list("12345"), "n": [114, 31, 81, 191, 573]})
LONG = "A really long label that somebody typed in full, with $dollars$ & <b>"


def all_bars(ax):
    return [patch for part in axes_of(ax) for group in part.containers for patch in group.patches]


def csat():
    table = score_table(("(all)", "a", LONG))
    return table.assign(score=[4.1, 4.2, 3.9], ci_low=[4.0, 4.1, 3.7], ci_high=[4.2, 4.3, 4.1])


@pytest.mark.parametrize(
    ("table", "options"),
    [
        (score_table(), {"distribution": ANSWERS}),
        (score_table(), {}),
        (score_table(("(all)",)), {"distribution": ANSWERS}),
        (csat(), {"distribution": STARS, "instrument": "csat"}),
        (csat(), {"distribution": STARS, "instrument": "other", "scale": (1, 5)}),
        (csat(), {"instrument": "ces"}),
    ],
)
def test_every_label_is_inside_and_apart(table, options):
    assert_readable(draw(table, **options))


def test_bars_are_the_shares_of_the_answers_by_class():
    ax = draw(score_table(), distribution=ANSWERS)
    heights = [bar.get_height() for bar in all_bars(ax)]
    assert heights == pytest.approx(list(ANSWERS["n"] / ANSWERS["n"].sum()))
    from matplotlib.colors import to_hex

    assert [to_hex(bar.get_facecolor()) for bar in all_bars(ax)] == [LOW] * 7 + [MIDDLE] * 2 + [HIGH] * 2


def test_classes_are_written_with_their_share():
    found = texts_of(draw(score_table(), distribution=ANSWERS), "class")
    assert found == ["detractors\n24.6%", "passives\n29.5%", "promoters\n46.0%"]


def test_values_that_nobody_gave_keep_their_place_on_the_scale():
    ax = draw(score_table(), distribution=ANSWERS[ANSWERS["value"] != "3"])
    assert [bar.get_height() for bar in all_bars(ax)][3] == 0
    assert len(all_bars(ax)) == 11


def test_values_are_ordered_as_numbers():
    ax = draw(score_table(), distribution=ANSWERS.sample(frac=1, random_state=1))
    assert [t.get_text() for t in ax.child_axes[0].get_xticklabels()] == [str(k) for k in range(11)]


def test_without_a_total_the_groups_are_summed():
    halves = pd.concat([ANSWERS.assign(group="a"), ANSWERS.assign(group="b")])
    heights = [bar.get_height() for bar in all_bars(draw(score_table(), distribution=halves))]
    assert heights == pytest.approx(list(ANSWERS["n"] / ANSWERS["n"].sum()))


def test_hidden_answers_are_a_dot_never_zero_and_give_no_share_of_their_class():
    answers = ANSWERS.assign(share=ANSWERS["n"] / ANSWERS["n"].sum()).astype({"n": "Int64"})
    answers.loc[1, "n"], answers.loc[1, "share"] = pd.NA, np.nan
    ax = draw(score_table(), distribution=answers)
    assert texts_of(ax, "share")[:3] == ["4%", "•", "1%"]
    assert texts_of(ax, "class") == ["detractors", "passives\n29.5%", "promoters\n46.0%"]
    assert [bar.get_height() for bar in all_bars(ax)][10] == pytest.approx(200 / 842)
    assert "• Too few people to be shown." in [t.get_text() for t, _ in drawn_texts(ax)]
    assert_readable(ax)


def test_hidden_answers_in_a_sum_of_groups_stay_hidden():
    halves = pd.concat([ANSWERS.assign(group="a"), ANSWERS.assign(group="b", n=pd.NA)]).astype({"n": "Int64"})
    assert axes_of(draw(score_table(), distribution=halves))[0].child_axes == []


def test_each_group_has_point_interval_n_and_score():
    table = score_table()
    ax = draw(table)
    assert [line.get_xdata()[0] for line in lines_of(ax, "point")] == list(table["score"])
    assert [list(line.get_xdata()) for line in lines_of(ax, "interval")] == table[
        ["ci_low", "ci_high"]
    ].to_numpy().tolist()
    assert texts_of(ax, "n") == ["800", "400", "266", "200"]
    assert texts_of(ax, "label")[0] == "+30 (+25 to +36)"


def test_the_total_comes_first_whatever_the_order():
    ax = draw(score_table(("a", "(all)", "b")))
    assert [t.get_text() for t in ax.get_yticklabels()] == ["all", "a", "b"]


def test_hidden_groups_are_named_but_not_drawn():
    table = score_table()
    table.loc[3, ["score", "ci_low", "ci_high"]] = np.nan
    table.loc[3, "n"] = pd.NA
    ax = draw(table)
    assert len(lines_of(ax, "point")) == 3
    assert texts_of(ax, "n")[3] == "•"
    assert "• Too few people to be shown." in [t.get_text() for t, _ in drawn_texts(ax)]


def test_titles_say_what_was_found():
    assert draw(score_table()).get_title(loc="left") == "NPS: highest for Camille (+16), lowest for Fatima (−12)"
    assert draw(score_table(("(all)",))).get_title(loc="left") == "NPS: +30 (+25 to +36) from 800 answers"


def test_a_small_interval_is_not_blown_up_to_the_whole_axis():
    low, high = draw(score_table(("(all)",)).assign(ci_low=29.0, ci_high=31.0)).get_xlim()
    assert high - low >= 40


def test_the_axis_has_its_unit():
    assert draw(score_table()).get_xlabel() == "NPS, points from −100 to +100"
    assert draw(csat(), instrument="csat").get_xlabel() == "mean satisfaction, from 1 to 5"


def test_scores_are_french(french):
    ax = draw(csat(), instrument="csat", distribution=STARS)
    assert texts_of(ax, "label")[0] == "4,10 (4,00 à 4,20)"
    assert texts_of(ax, "share")[0] == "12\xa0%"


@pytest.mark.parametrize("table", [score_table().head(0), score_table().assign(score=np.nan)])
def test_nothing_to_draw_is_said_not_raised(table):
    assert "No data to draw" in drawn_texts(draw(table))[0][0].get_text()


def test_an_unknown_instrument_is_refused():
    with pytest.raises(ParameterError, match="Allowed: nps, csat, ces, other"):
        draw(score_table(), instrument="nsp")


def test_the_svg_is_small_and_the_same_each_time():
    first = to_svg(draw(score_table(), distribution=ANSWERS))
    assert first == to_svg(draw(score_table(), distribution=ANSWERS))
    assert len(first) < 60_000
