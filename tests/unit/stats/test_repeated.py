"""Answers of which several are one person's: the interval knows people, the estimate knows answers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, ttest_rel

from cjlib.core.errors import NotEnoughDataError
from cjlib.stats.contrast import independent
from cjlib.stats.curve import at, kaplan_meier
from cjlib.stats.instrument import INSTRUMENTS
from cjlib.stats.proportion import wilson
from cjlib.stats.repeated import by_person, curve_inflation, headline

KINDS = [INSTRUMENTS[name] for name in ("nps", "csat", "ces")]
NAMES = ["nps", "csat", "ces"]


@st.composite
def answers(draw, least=1):
    """Scores that fit all three instruments, and whose they are."""
    n = draw(st.integers(least, 25))
    return (draw(st.lists(st.integers(1, 5), min_size=n, max_size=n)),
            draw(st.lists(st.integers(0, 8), min_size=n, max_size=n)))  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
@given(answers(), st.integers(2, 6))
def test_every_person_repeated_k_times_changes_no_interval(kind, given_, k):
    scores, people = given_
    once, often = headline(scores, people, kind), headline(scores * k, people * k, kind)
    assert tuple(often) == pytest.approx(tuple(once), nan_ok=True)
    assert once.estimate == pytest.approx(headline(scores, range(len(scores)), kind).estimate)


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
@given(answers(), answers(), st.integers(2, 5))
def test_every_person_repeated_changes_no_difference(kind, one, other, k):
    once = by_person(one[0], other[0], one[1], other[1], kind)
    often = by_person(one[0] * k, other[0] * k, one[1] * k, other[1] * k, kind)
    assert tuple(often) == pytest.approx(tuple(once), nan_ok=True, abs=1e-7)
    back = by_person(other[0], one[0], other[1], one[1], kind)
    assert back[:3] == pytest.approx((-once[0], -once[2], -once[1]), nan_ok=True, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
@given(answers())
def test_the_interval_holds_the_estimate_and_stays_on_the_scale(kind, given_):
    found = headline(*given_, kind)
    low, high = {"net": (-100, 100), "top_box": (0, 1), "mean": kind.scale}[kind.statistic]
    assert math.isnan(found.ci_low) or low <= found.ci_low <= found.estimate + 1e-9
    assert math.isnan(found.ci_high) or found.estimate - 1e-9 <= found.ci_high <= high


@given(answers())
def test_a_difference_of_single_answers_is_the_one_of_different_people(given_):
    scores, _ = given_
    for kind in KINDS:
        found = by_person(scores, scores[::-1], range(len(scores)), range(100, 100 + len(scores)), kind)
        assert found == pytest.approx(independent(scores, scores[::-1], kind), nan_ok=True)


def test_the_error_of_a_mean_equals_that_of_a_regression_with_errors_by_person():
    import statsmodels.api as sm

    rng = np.random.default_rng(4)
    who = rng.integers(0, 30, 200)
    scores = np.clip(np.round(4 + rng.normal(size=30)[who] + rng.normal(size=200)), 1, 7)
    other = sm.OLS(scores, np.ones(200)).fit(cov_type="cluster", cov_kwds={"groups": who}, use_t=True)
    found = headline(scores, who, INSTRUMENTS["ces"])
    assert found[1:] == pytest.approx(other.conf_int()[0], rel=1e-9)


def test_two_answers_of_the_same_people_give_the_paired_t_interval():
    rng = np.random.default_rng(6)
    first = rng.integers(1, 8, 40)
    second = np.clip(first + rng.integers(-1, 3, 40), 1, 7)
    found = by_person(second, first, range(40), range(40), INSTRUMENTS["ces"])
    paired = ttest_rel(second, first)
    assert found[1:3] == pytest.approx(paired.confidence_interval(), rel=1e-9)
    assert found.p_value == pytest.approx(paired.pvalue, rel=1e-9)


def test_a_share_of_repeats_has_the_wilson_interval_of_the_people():
    found = headline([5, 1, 5, 5] * 3, [1, 2, 3, 4] * 3, INSTRUMENTS["csat"])
    assert found[1:] == pytest.approx([float(limit) for limit in wilson(3, 4)])


def test_answers_of_one_person_are_one_person():
    assert math.isnan(headline([5, 3, 4], [1, 1, 1], INSTRUMENTS["ces"]).ci_low)
    assert headline([5, 5, 5], [1, 1, 1], INSTRUMENTS["csat"])[1:] == pytest.approx(
        [float(limit) for limit in wilson(1, 1)]
    )
    with pytest.raises(NotEnoughDataError):
        headline([], [], INSTRUMENTS["ces"])


# --- curves -------------------------------------------------------------------------------------------
def curve(days, hit, weights, when):
    """Product-limit share without the event, each clock weighted: written down, nothing clever."""
    share = 1.0
    for step in sorted(set(days[hit & (days <= when)])):
        share *= 1 - weights[hit & (days == step)].sum() / weights[days >= step].sum()
    return share


def test_the_inflation_is_that_of_the_derivatives_by_person():
    rng = np.random.default_rng(2)
    who = rng.integers(0, 25, 90)
    days, hit = rng.integers(1, 12, 90).astype(float), rng.random(90) < 0.5
    pulls = []
    for one in range(90):
        up, down = np.ones(90), np.ones(90)
        up[one] += 1e-5
        down[one] -= 1e-5
        pulls.append((math.log(curve(days, hit, up, 8)) - math.log(curve(days, hit, down, 8))) / 2e-5)
    by_who = pd.Series(pulls).groupby(who).sum()
    expected = math.sqrt((by_who**2).sum() / (np.array(pulls) ** 2).sum())
    assert curve_inflation(days, hit, who, 8) == pytest.approx(expected, rel=1e-6)
    counts = pd.DataFrame({"group": "(all)", "duration_days": days, "outcome": hit.astype(int), "n": 1})
    row = at(kaplan_meier(counts), [8]).iloc[0]
    greenwood = math.sqrt((np.array(pulls) ** 2).sum()) * row["estimate"]
    assert greenwood == pytest.approx(row["std_error"], rel=1e-5)


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=2, max_size=20), st.integers(2, 5))
def test_clocks_repeated_k_times_are_as_wide_as_once(clocks, k):
    days, hit = (np.array(part) for part in zip(*clocks, strict=True))
    people = np.arange(len(clocks))
    found = curve_inflation(np.tile(days, k), np.tile(hit, k), np.tile(people, k), 5)
    assert found == pytest.approx(math.sqrt(k)) or found == 1.0
    assert curve_inflation(days, hit, people, 5) == 1.0


# --- coverage -----------------------------------------------------------------------------------------
def simulated(rng, n, most, alike):
    """Answers 1-5 (NPS 0-10) of `n` people who answer up to `most` times and are alike with themselves."""
    who = np.repeat(np.arange(n), rng.integers(1, most + 1, n))
    z = math.sqrt(alike) * rng.normal(size=n)[who] + math.sqrt(1 - alike) * rng.normal(size=who.size)
    return norm.cdf(z), who


@pytest.mark.slow
@pytest.mark.parametrize(("most", "alike"), [(3, 0.6), (8, 0.9), (4, 0.0)])
def test_the_interval_covers_where_people_answer_several_times(most, alike):
    rng = np.random.default_rng(most)
    covered, naive = np.zeros(3), np.zeros(3)
    levels = (11, 5, 7)
    truth = (100 * (2 - 7) / 11, 0.4, 4.0)
    for _ in range(400):
        level, who = simulated(rng, 80, most, alike)
        for place, kind in enumerate(KINDS):
            scores = np.floor(level * levels[place] * 0.999999) + (place > 0)
            found, plain = headline(scores, who, kind), headline(scores, range(scores.size), kind)
            covered[place] += found.ci_low <= truth[place] <= found.ci_high
            naive[place] += plain.ci_low <= truth[place] <= plain.ci_high
    assert (covered / 400 >= 0.925).all()
    if alike > 0.5:
        assert (naive / 400 < covered / 400 - 0.03).all()


@pytest.mark.slow
def test_a_difference_of_overlapping_people_covers_no_difference():
    rng = np.random.default_rng(9)
    wrong = np.zeros(3)
    for _ in range(400):
        tendency = rng.normal(size=70)
        sides = []
        for start in (0, 25):  # 45 people on both sides
            who = np.repeat(np.arange(start, start + 45), rng.integers(1, 4, 45))
            sides.append((norm.cdf(0.8 * tendency[who] + 0.6 * rng.normal(size=who.size)), who))
        for place, (kind, count) in enumerate(zip(KINDS, (11, 5, 7), strict=True)):
            one, other = (np.floor(level * count * 0.999999) + (place > 0) for level, _ in sides)
            found = by_person(one, other, sides[0][1], sides[1][1], kind)
            wrong[place] += not found.ci_low <= 0 <= found.ci_high
    assert (wrong / 400 <= 0.085).all()
    assert (wrong / 400 >= 0.015).all()  # nor so wide that it says nothing
