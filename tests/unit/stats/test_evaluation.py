"""Forecasts judged where some people were not followed to the horizon."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.evaluation import EVERYBODY, calibration, evaluate, known_at
from cjlib.stats.prediction import auc, brier

H = 10.0
PEOPLE = st.lists(
    st.tuples(st.integers(1, 15), st.booleans(), st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9])), min_size=4, max_size=40
)


def alone(judged, model):
    part = judged[(judged["model"] == model) & (judged["than"] == "") & judged["at"].isna()]
    return part.set_index("measure")["estimate"]


@pytest.fixture(scope="module")
def lung():
    """Time, status and the risk at 180 and 365 days by a Cox model of age and sex."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifelines import CoxPHFitter
        from lifelines.datasets import load_lung

        rows = load_lung()[["time", "status", "age", "sex"]].dropna()
        model = CoxPHFitter().fit(rows, "time", "status")
        risk = {h: 1 - model.predict_survival_function(rows, times=[h]).iloc[0].to_numpy() for h in (180, 365)}
    return rows["time"].to_numpy(), rows["status"].to_numpy(), risk


REFERENCE = [  # horizon, Brier, AUC: scikit-survival 0.28 and greenwood 0.8 (design notes, 2.2)
    (180, 0.1916, 0.6415),
    (365, 0.2362, 0.597),
]


@pytest.mark.parametrize(("horizon", "score", "area"), REFERENCE)
def test_brier_and_area_of_the_lung_data_are_those_of_two_libraries(lung, horizon, score, area):
    days, event, risk = lung
    made = {"cox": risk[horizon], "null": np.full(len(days), 0.3)}
    found = alone(evaluate(days, event, made, horizon_days=horizon, null="null", draws=100), "cox")
    assert found["brier"] == pytest.approx(score, abs=0.001)
    assert found["auc"] == pytest.approx(area, abs=0.005)


@pytest.mark.parametrize("horizon", [180, 365])
def test_greenwood_gives_the_same_within_the_convention_of_ties(lung, horizon):
    import greenwood as gw

    days, event, risk = lung
    made = {"cox": risk[horizon], "null": np.full(len(days), 0.3)}
    found = alone(evaluate(days, event, made, horizon_days=horizon, null="null", draws=100), "cox")
    surv = gw.Surv(days, event)
    theirs = np.ravel(gw.brier_score(surv, (1 - risk[horizon])[:, None], [horizon])).astype(float)
    assert found["brier"] == pytest.approx(theirs[0], abs=0.01)
    area = np.ravel(gw.time_dependent_auc(surv, risk[horizon], [horizon])).astype(float)
    assert found["auc"] == pytest.approx(area[0], abs=0.01)


@given(PEOPLE)
def test_weights_are_one_over_the_chance_of_still_being_followed(people):
    days, event = (np.array(column) for column in list(zip(*people, strict=True))[:2])
    if not (days >= H).any() and not event.all():
        return
    outcome, weight = known_at(days, event, horizon_days=H)
    for person, (length, came) in enumerate(zip(days, event, strict=True)):
        end, stay = min(length, H), 1.0
        for moment in sorted({d for d, c in zip(days, event, strict=True) if not c and d < end}):
            at_risk = sum(d > moment or (d == moment and not c) for d, c in zip(days, event, strict=True))
            lost = sum(d == moment and not c for d, c in zip(days, event, strict=True))
            stay *= 1 - lost / at_risk
        known = length >= H or came
        assert weight[person] == pytest.approx(1 / stay if known else 0)
        assert outcome[person] == (came and length <= H)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9])), min_size=4, max_size=30))
def test_without_losses_every_measure_is_the_plain_one(people):
    y, p = (np.array(column, dtype=float) for column in zip(*people, strict=True))
    days = np.where(y == 1, 3.0, H)
    null = np.full(len(y), 0.5)
    limits = (0.15, 0.5)
    judged = evaluate(days, y, {"m": p, "null": null}, horizon_days=H, null="null", draws=100, capacity=0.25,
                      thresholds=limits)  # fmt: skip
    found = alone(judged, "m")
    assert found["brier"] == pytest.approx(brier(y, p))
    assert found["skill"] == pytest.approx(1 - brier(y, p) / 0.25)
    assert found["auc"] == pytest.approx(auc(y, p), nan_ok=True)
    # Brute force: everybody in the order of the forecast, equal forecasts sharing the last places.
    room, reached = 0.25 * len(y), 0.0
    for value in sorted(set(p), reverse=True):
        group = y[p == value]
        part = min(len(group), room) / len(group)
        reached, room = reached + part * group.sum(), room - part * len(group)
    assert found["precision"] == pytest.approx(reached / (0.25 * len(y)))
    assert found["captured"] == pytest.approx(reached / y.sum() if y.any() else np.nan, nan_ok=True)
    benefit = judged[(judged["measure"] == "net benefit") & (judged["than"] == "")].set_index(["model", "at"])
    for limit in limits:
        odds = limit / (1 - limit)
        acted = p >= limit
        assert benefit.loc[("m", limit), "estimate"] == pytest.approx((y[acted] - (1 - y[acted]) * odds).sum() / len(y))
        assert benefit.loc[(EVERYBODY, limit), "estimate"] == pytest.approx((y - (1 - y) * odds).mean())


def test_slope_and_intercept_are_those_of_a_logistic_regression():
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    z = rng.normal(size=800)
    p, y = 1 / (1 + np.exp(-2 * z)), rng.random(800) < 1 / (1 + np.exp(-z - 0.4))
    made = {"m": p, "null": np.full(800, y.mean())}
    found = alone(evaluate(np.ones(800), y, made, horizon_days=1, null="null", draws=100), "m")
    family = sm.families.Binomial()
    both = sm.GLM(y.astype(float), sm.add_constant(2 * z), family=family).fit()
    shift = sm.GLM(y.astype(float), np.ones(800), family=family, offset=2 * z).fit()
    assert found["slope"] == pytest.approx(both.params[1], abs=1e-6)
    assert found["intercept"] == pytest.approx(shift.params[0], abs=1e-6)


@settings(max_examples=20)
@given(PEOPLE, st.integers(0, 5))
def test_the_order_of_people_and_the_unit_of_time_change_nothing(people, seed):
    days, event, p = (np.array(column, dtype=float) for column in zip(*people, strict=True))
    if not (days >= H).any():
        return
    made = {"m": p, "null": np.full(len(p), 0.4)}
    plain = alone(evaluate(days, event, made, horizon_days=H, null="null", draws=100), "m")
    order = np.random.default_rng(seed).permutation(len(p))
    mixed = {name: values[order] for name, values in made.items()}
    other = evaluate(24 * days[order], event[order], mixed, horizon_days=24 * H, null="null", draws=100)
    np.testing.assert_allclose(alone(other, "m"), plain, rtol=1e-7, atol=1e-9)


def test_losses_that_have_nothing_to_do_with_the_outcome_do_not_move_the_measures():
    rng = np.random.default_rng(7)
    n = 8000
    risk = rng.uniform(0.1, 0.9, n)
    time = rng.exponential(-H / np.log(1 - risk))
    lost = rng.uniform(0, 2 * H, n)
    y, weight = known_at(np.minimum(time, lost), time <= lost, horizon_days=H)
    whole = brier(time <= H, risk)
    assert weight @ (y - risk) ** 2 / n == pytest.approx(whole, abs=0.006)
    assert weight @ y / weight.sum() == pytest.approx(0.5, abs=0.02)
    # Leaving the lost people out instead would see too many outcomes.
    assert y[weight > 0].mean() > 0.57


def test_a_pair_is_compared_both_ways_with_opposite_signs():
    rng = np.random.default_rng(2)
    y = rng.random(300) < 0.4
    made = {"a": 0.5 * y + 0.2, "b": rng.random(300), "null": np.full(300, 0.4)}
    judged = evaluate(np.ones(300), y, made, horizon_days=1, null="null", draws=200)
    ways = {(row["model"], row["than"], row["measure"]): row for row in judged.to_dict("records")}
    for measure in ("skill", "auc"):
        one, other = ways["a", "b", measure], ways["b", "a", measure]
        assert one["estimate"] == pytest.approx(-other["estimate"])
        assert one["ci_low"] == pytest.approx(-other["ci_high"])
        assert one["ci_low"] > 0


def test_groups_hold_everybody_once_and_equal_forecasts_stay_together():
    rng = np.random.default_rng(3)
    p = rng.choice([0.1, 0.3, 0.31, 0.9], 400, p=[0.6, 0.2, 0.1, 0.1])
    y = rng.random(400) < p
    table = calibration(np.ones(400), y, p, horizon_days=1)
    assert table["n"].sum() == 400
    assert table["n_event"].sum() == y.sum()
    assert len(table) <= 4
    first = table.iloc[0]
    assert (first["n"], first["forecast"]) == ((p == 0.1).sum(), pytest.approx(0.1))
    assert first["estimate"] == pytest.approx(y[p == 0.1].mean())
    assert (table["ci_low"] <= table["estimate"]).all()
    assert (table["estimate"] <= table["ci_high"]).all()


def test_a_group_of_lost_people_is_read_from_the_curve():
    table = calibration([2, 5, 10, 10], [1, 0, 0, 0], [0.3] * 4, horizon_days=10)
    assert table["estimate"].tolist() == pytest.approx([0.25])
    assert table["n_event"].tolist() == [1]


def test_all_outcomes_equal_leave_what_compares_them_unknown():
    made = {"m": [0.2, 0.3, 0.4], "null": [0.3] * 3}
    found = alone(evaluate([1, 1, 1], [1, 1, 1], made, horizon_days=1, null="null", draws=100), "m")
    assert found[["auc", "slope", "intercept"]].isna().all()


WRONG = [
    ("time of zero", {"days": [0, 1, 1, 1]}),
    ("one outcome too few", {"event": [1, 0, 0]}),
    ("no horizon", {"horizon_days": 0}),
    ("a forecast above 1", {"forecasts": {"null": [0.1, 0.2, 0.3, 1.1]}}),
    ("no such null", {"null": "nil"}),
    ("too few draws", {"draws": 99}),
    ("a threshold of 1", {"thresholds": [1.0]}),
    ("no capacity", {"capacity": 0}),
]


@pytest.mark.parametrize("changed", [case[1] for case in WRONG], ids=[case[0] for case in WRONG])
def test_what_cannot_be_judged_is_refused(changed):
    given_ = {"days": [1, 1, 1, 1], "event": [1, 0, 0, 1], "forecasts": {"null": [0.5] * 4}, "horizon_days": 1,
              "null": "null", **changed}  # fmt: skip
    with pytest.raises(ParameterError) as caught:
        evaluate(given_.pop("days"), given_.pop("event"), given_.pop("forecasts"), **given_)
    assert caught.value.code == "CJ-ST-150"


def test_nobody_followed_to_the_horizon_is_a_sentence():
    with pytest.raises(NotEnoughDataError, match="followed up to the horizon") as caught:
        known_at([1, 2, 3], [0, 1, 0], horizon_days=10)
    assert caught.value.code == "CJ-ST-151"


@pytest.mark.slow
def test_the_interval_of_the_skill_holds_the_truth_as_often_as_it_says():
    # Truth by integration: risk is uniform, so the Brier score is E p(1-p) and that of the base rate 1/4.
    truth = 1 - (0.5 - 1 / 3) / 0.25
    held = []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        risk = rng.uniform(0, 1, 400)
        time = np.where(rng.random(400) < risk, rng.uniform(0.1, H, 400), H)
        lost = rng.uniform(0, 3 * H, 400)
        made = {"m": risk, "null": np.full(400, 0.5)}
        judged = evaluate(np.minimum(time, lost), (time <= lost) & (time < H), made, horizon_days=H, null="null",
                          draws=150, seed=seed)  # fmt: skip
        row = judged[(judged["model"] == "m") & (judged["than"] == "") & (judged["measure"] == "skill")].iloc[0]
        held.append(row["ci_low"] <= truth <= row["ci_high"])
    assert np.mean(held) > 0.88  # 0.95 less two and a half standard errors of 80 runs
