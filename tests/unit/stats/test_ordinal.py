from __future__ import annotations

import numpy as np
import pytest

from cjlib.core.errors import NotEnoughDataError
from cjlib.stats.ordinal import limits, ordinal_logit, p_of, proportional_odds

# Counts of low, medium, high satisfaction; contact low then high, type Tower, Apartment, Atrium, Terrace,
# influence Low, Medium, High (Madsen 1976)
HOUSING = [21, 21, 28, 34, 22, 36, 10, 11, 36, 61, 23, 17, 43, 35, 40, 26, 18, 54, 13, 9, 10, 8, 8, 12, 6, 7, 9, 18, 6,
           7, 15, 13, 13, 7, 5, 11, 14, 19, 37, 17, 23, 40, 3, 5, 23, 78, 46, 43, 48, 45, 86, 15, 25, 62, 20, 23, 20,
           10, 22, 24, 7, 10, 21, 57, 23, 13, 31, 21, 13, 5, 6, 13]  # fmt: skip
# Bitterness of wine 1-5 (Randall 1989): cold/warm by contact no/yes
WINE = {(0, 0): (4, 9, 5, 0, 0), (0, 1): (1, 7, 8, 2, 0), (1, 0): (0, 5, 8, 3, 2), (1, 1): (0, 1, 5, 7, 5)}


def housing():
    rows, scores = [], []
    for contact in range(2):
        for kind in range(4):
            for influence in range(3):
                counts = HOUSING[((contact * 4 + kind) * 3 + influence) * 3 :][:3]
                row = [influence == 1, influence == 2, kind == 1, kind == 2, kind == 3, contact == 1]
                rows += [row] * sum(counts)
                scores += [0] * counts[0] + [1] * counts[1] + [2] * counts[2]
    return np.array(scores), np.array(rows, dtype=float)


def test_rt_35_housing_satisfaction_equals_polr():
    fit = ordinal_logit(*housing())
    assert fit.coefficient == pytest.approx([0.56639, 1.28882, -0.57235, -0.36619, -1.09101, 0.36028], abs=2e-5)
    assert fit.cuts == pytest.approx([-0.49614, 0.69071], abs=2e-5)
    assert fit.deviance == pytest.approx(3479.149, abs=1e-3)


def wine():
    rows = [(s + 1, *key) for key, counts in WINE.items() for s, n in enumerate(counts) for _ in range(n)]
    table = np.array(rows, dtype=float)
    return table[:, 0], table[:, 1:]


def test_rt_36_wine_rating_equals_clm():
    fit = ordinal_logit(*wine())
    assert fit.coefficient == pytest.approx([2.503102, 1.527798], abs=2e-5)
    assert fit.std_error == pytest.approx([0.528680, 0.476623], abs=2e-4)
    assert fit.cuts == pytest.approx([-1.34438, 1.25081, 3.46689, 5.00640], abs=5e-5)


def test_reversing_the_scale_inverts_the_odds_ratios():
    y, x = wine()
    there, back = ordinal_logit(y, x), ordinal_logit(6 - y, x)
    assert back.coefficient == pytest.approx(-there.coefficient, abs=1e-4)
    assert limits(back)[0] == pytest.approx(1 / limits(there)[1], rel=1e-3)


def test_duplicated_answers_change_nothing_but_the_error_and_units_scale():
    y, x = wine()
    once, twice = ordinal_logit(y, x), ordinal_logit(np.tile(y, 4), np.tile(x, (4, 1)))
    assert twice.coefficient == pytest.approx(once.coefficient, abs=1e-4)
    assert twice.std_error == pytest.approx(once.std_error / 2, rel=1e-3)
    assert ordinal_logit(y, 60 * x + 7).coefficient == pytest.approx(once.coefficient / 60, abs=1e-5)


def proportional(rng, n=1500):
    x = rng.normal(size=(n, 1))
    return np.digitize(0.8 * x[:, 0] + rng.logistic(size=n), [-1, 0, 1]), x


@pytest.mark.slow
def test_the_check_is_calibrated_where_odds_are_proportional():
    found = [proportional_odds(*proportional(np.random.default_rng(seed), 600))["even"].item() for seed in range(300)]
    assert 0.92 <= np.mean(found) <= 0.98


def test_the_check_finds_a_driver_that_only_splits_the_top():
    rng = np.random.default_rng(3)
    x = rng.integers(0, 2, 3000).astype(float)[:, None]
    low = rng.random(3000) < 0.3  # the lowest class does not depend on x
    y = np.where(low, 0, 1 + (rng.random(3000) < 0.25 + 0.5 * x[:, 0]))
    row = proportional_odds(y, x).iloc[0]
    assert not row["even"]
    assert row["lowest"] < 2
    assert row["highest"] > 4


def test_a_yes_no_score_has_no_second_step_to_check():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(200, 1))
    row = proportional_odds(rng.integers(0, 2, 200), x).iloc[0]
    assert row["n_cuts"] == 1
    assert np.isnan(row["p_value"])


@pytest.mark.parametrize(
    ("case", "y", "x"),
    [
        ("separation", [1] * 20 + [2] * 20, [[0]] * 20 + [[1]] * 20),
        ("no spread", [1, 2] * 20, [[3]] * 40),
        ("twins", [1, 2, 3, 1] * 10, [[0, 0], [1, 1], [1, 1], [1, 1]] * 10),
    ],
)
def test_what_has_no_finite_odds_ratio_is_a_sentence(case, y, x):
    with pytest.raises(NotEnoughDataError, match="No odds ratio"):
        ordinal_logit(y, x)


def test_all_scores_equal_is_a_sentence():
    with pytest.raises(NotEnoughDataError, match="All scores are equal"):
        ordinal_logit([5] * 9, [[i] for i in range(9)])


def test_p_values_are_two_sided():
    assert p_of(np.array([1.959964, -1.959964]), np.ones(2)) == pytest.approx([0.05, 0.05])


def repeated(n_people=150, seed=1, effect=0.0):
    """Answers of people who answer up to four times, alike with themselves; the driver is one of the person."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(n_people), rng.integers(1, 5, n_people))
    x = rng.integers(0, 2, n_people)[who].astype(float)
    latent = effect * x + 1.5 * rng.normal(size=n_people)[who] + rng.logistic(size=who.size)
    return np.digitize(latent, [-1.5, -0.5, 0.5, 1.5]), x[:, None], who


def test_errors_by_person_of_a_yes_no_score_are_those_of_a_logit_with_clusters():
    import statsmodels.api as sm

    y, x, who = repeated(effect=0.5)
    other = sm.Logit((y > 1).astype(float), sm.add_constant(x)).fit(
        disp=False, cov_type="cluster", cov_kwds={"groups": who, "use_correction": True})  # fmt: skip
    n, people = len(y), len(np.unique(who))
    factor = (n - 1) / (n - 2)  # statsmodels also corrects for the number of coefficients
    fit = ordinal_logit((y > 1).astype(float), x, people=who)
    assert fit.coefficient == pytest.approx(other.params[1:], abs=1e-4)
    assert fit.std_error == pytest.approx(other.bse[1:] / np.sqrt(factor), rel=1e-3)
    assert people < n


def test_errors_by_person_equal_the_derivatives_of_the_likelihood():
    from scipy.special import expit

    y, x, who = repeated(seed=3, effect=0.5)
    fit = ordinal_logit(y, x, people=who)

    def each(theta):
        steps = np.concatenate([[-np.inf], theta[1:], [np.inf]])
        return np.log(expit(steps[y + 1] - x[:, 0] * theta[0]) - expit(steps[y] - x[:, 0] * theta[0]))

    theta, size = np.concatenate([fit.coefficient, fit.cuts]), 1 + fit.cuts.size
    move = 1e-4 * np.eye(size)
    scores = np.array([(each(theta + d) - each(theta - d)) / 2e-4 for d in move]).T
    bend = np.array([[(each(theta + a + b) - each(theta + a - b) - each(theta - a + b) + each(theta - a - b)).sum()
                      for a in move] for b in move]) / 4e-8  # fmt: skip
    summed = np.array([scores[who == one].sum(axis=0) for one in np.unique(who)])
    bread = np.linalg.inv(-bend)
    people = len(summed)
    error = np.sqrt((bread @ (summed.T @ summed) @ bread)[0, 0] * people / (people - 1))
    assert fit.std_error[0] == pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize("k", [2, 5])
def test_every_person_repeated_changes_no_error_and_no_check(k):
    y, x, who = repeated(n_people=80, seed=5)
    once, often = ordinal_logit(y, x, people=who), ordinal_logit(np.tile(y, k), np.tile(x, (k, 1)), people=[*who] * k)
    assert often.std_error == pytest.approx(once.std_error, rel=1e-3)
    assert ordinal_logit(np.tile(y, k), np.tile(x, (k, 1))).std_error < once.std_error
    first, second = (proportional_odds(np.tile(y, m), np.tile(x, (m, 1)), people=[*who] * m) for m in (1, k))
    assert second["p_value"].tolist() == pytest.approx(first["p_value"].tolist(), rel=0.3)
    assert second["even"].tolist() == first["even"].tolist()


@pytest.mark.slow
def test_odds_ratios_cover_no_association_where_people_answer_several_times():
    by_person, plain = [], []
    for seed in range(40):
        y, x, who = repeated(n_people=120, seed=seed)
        for found, people in ((by_person, who), (plain, None)):
            low, high = limits(ordinal_logit(y, x, people=people))
            found.append(low[0] <= 1 <= high[0])
    assert np.mean(by_person) >= 0.85, "three standard errors of 40 draws below 0.95"
    assert np.mean(plain) < np.mean(by_person)
