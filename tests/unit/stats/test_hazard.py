"""Proportional hazards: R's values, brute force, properties, guards that speak."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats import partial_likelihood as partial
from cjlib.stats.concordance import concordance
from cjlib.stats.hazard import functional_form, proportional_hazards, proportionality
from tests.unit.stats.data import freireich, mgus2_rows, reference


def placebo() -> pd.DataFrame:
    rows = freireich()
    return pd.DataFrame(
        {"stop_days": rows["duration_days"], "event": rows["outcome"], "placebo": (rows["group"] == "placebo") * 1}
    )


def lung() -> pd.DataFrame:
    from lifelines.datasets import load_lung

    return load_lung().rename(columns={"time": "stop_days", "status": "event"})


def heart() -> pd.DataFrame:
    """Stanford heart transplants (Crowley and Hu 1977): rows until and since the transplant."""
    from lifelines.datasets import load_stanford_heart_transplants

    return load_stanford_heart_transplants().rename(columns={"start": "start_days", "stop": "stop_days"})


def jasa() -> pd.DataFrame:
    """The same, one row per patient, as if the transplant were known from the start; wait in days."""
    rows = heart()
    wait = rows[rows["transplant"] == 1].groupby("id")["start_days"].min()
    last = rows.groupby("id").agg(
        stop_days=("stop_days", "max"), event=("event", "max"), age=("age", "first"), surgery=("surgery", "first")
    )
    return last.assign(wait=wait, transplant=wait.notna().reindex(last.index, fill_value=False).astype(int))


def coefficients(model: Any) -> dict[str, tuple[float, float]]:
    return {row.covariate: (row.coefficient, row.std_error) for row in model.table.itertuples()}


def random_rows(seed: int, n: int = 60, p: int = 2, *, ties: bool = True) -> pd.DataFrame:
    """Several (start, stop] rows per person, two strata, weights."""
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 8, n) if ties else rng.random(n) * 8
    length = rng.integers(1, 8, n) if ties else rng.random(n) * 8 + 0.01
    rows = pd.DataFrame(rng.normal(size=(n, p)), columns=[f"x{j}" for j in range(p)])
    return rows.assign(
        start_days=start.astype(float),
        stop_days=(start + length).astype(float),
        event=(rng.random(n) < 0.6).astype(int),
        stratum=rng.integers(0, 2, n),
        unit=np.arange(n) // 2,
        weight=rng.random(n) + 0.5,
    )


def brute_force(rows: pd.DataFrame, names: list[str], beta: np.ndarray) -> float:
    """Efron's log partial likelihood, written from its definition."""
    total = 0.0
    for _, block in rows.groupby("stratum"):
        eta = block[names].to_numpy() @ beta
        w = block["weight"].to_numpy()
        for time in block.loc[block["event"] == 1, "stop_days"].unique():
            died = ((block["stop_days"] == time) & (block["event"] == 1)).to_numpy()
            at_risk = ((block["start_days"] < time) & (block["stop_days"] >= time)).to_numpy()
            total += float(w[died] @ eta[died])
            risk = w * np.exp(eta)
            for tie in range(died.sum()):
                total -= w[died].mean() * np.log(risk[at_risk].sum() - tie / died.sum() * risk[died].sum())
    return total


def test_rt06_the_placebo_effect_equals_r() -> None:
    model = proportional_hazards(placebo(), covariates=["placebo"])
    assert coefficients(model)["placebo"] == pytest.approx((1.572125, 0.412397), abs=1e-6)
    assert model.log_likelihood == pytest.approx(-85.008425, abs=1e-6)


def test_rt08_lung_and_its_concordance_equal_r() -> None:
    model = proportional_hazards(lung(), covariates=["age", "sex"])
    found = coefficients(model)
    assert found["age"] == pytest.approx((0.0170453, 0.0092233), abs=1e-7)
    assert found["sex"] == pytest.approx((-0.5132185, 0.1674580), abs=1e-7)
    assert model.concordance == pytest.approx(0.602853, abs=1e-6)


def test_rt08_the_proportionality_test_equals_r_and_not_lifelines() -> None:
    table = proportionality(lung(), covariates=["age", "sex"])
    assert table["chi2"].tolist() == pytest.approx([0.2092, 2.6077, 2.7708], abs=5e-5)
    assert table["df"].tolist() == [1, 1, 2]


def test_rt12_the_cause_specific_model_equals_r() -> None:
    rows = mgus2_rows()
    model = proportional_hazards(rows.assign(event=(rows["outcome"] == 1).astype(int)), covariates=["age", "male"])
    found = coefficients(model)
    assert found["age"] == pytest.approx((0.013039, 0.008259), abs=1e-6)
    assert found["male"] == pytest.approx((-0.025138, 0.188456), abs=1e-6)


def test_rt15_a_covariate_that_changes_equals_r() -> None:
    found = coefficients(proportional_hazards(heart(), covariates=["transplant", "age", "surgery"]))
    assert found["transplant"] == pytest.approx((0.016096, 0.308586), abs=1e-6)
    assert found["age"] == pytest.approx((0.030536, 0.013893), abs=1e-6)
    assert found["surgery"] == pytest.approx((-0.773328, 0.359668), abs=1e-6)


def test_rt16_immortal_time_makes_the_transplant_look_like_a_cure() -> None:
    model = proportional_hazards(jasa(), covariates=["transplant", "age", "surgery"])
    assert coefficients(model)["transplant"] == pytest.approx((-1.717113, 0.278530), abs=1e-6)
    assert float(model.table["p_value"][0]) < 1e-8


def test_rt17_the_landmark_model_equals_r() -> None:
    rows = jasa()  # R counts from the day before: 30 days are 31 here
    followed = rows[rows["stop_days"] > 31].assign(start_days=31.0)
    followed = followed.assign(tx=(followed["wait"] <= 31).astype(int))
    assert len(followed) == 78
    model = proportional_hazards(followed, covariates=["tx", "age", "surgery"])
    assert coefficients(model)["tx"] == pytest.approx((-0.248090, 0.286017), abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ties", [True, False])
def test_likelihood_gradient_and_information_equal_brute_force(seed: int, ties: bool) -> None:
    rows = random_rows(seed, ties=ties)
    x = rows[["x0", "x1"]].to_numpy()
    sets = partial.risk_sets(
        rows["start_days"].to_numpy(),
        rows["stop_days"].to_numpy(),
        rows["event"].to_numpy(bool),
        rows["stratum"].to_numpy().astype(np.intp),
        rows["weight"].to_numpy(),
    )
    beta, step = np.array([0.4, -0.3]), 1e-4
    names = ["x0", "x1"]
    value, gradient, information = partial.terms(sets, x[sets.kept], beta)
    assert value == pytest.approx(brute_force(rows, names, beta), abs=1e-9)
    for i in range(2):
        h = step * np.eye(2)[i]
        slope = (brute_force(rows, names, beta + h) - brute_force(rows, names, beta - h)) / (2 * step)
        assert gradient[i] == pytest.approx(slope, abs=1e-5)
        up, down = (partial.terms(sets, x[sets.kept], beta + sign * h).gradient for sign in (1, -1))
        assert information[i] == pytest.approx(-(up - down) / (2 * step), abs=1e-5)
    assert partial.score_residuals(sets, x[sets.kept], beta).sum(axis=0) == pytest.approx(gradient)
    assert sets.weight @ partial.martingale(sets, x[sets.kept], beta) == pytest.approx(0, abs=1e-9)
    surprise, variance = partial.event_moments(sets, x[sets.kept], beta)
    assert surprise.sum(axis=0) == pytest.approx(gradient)
    assert variance.sum(axis=0) == pytest.approx(information)


@pytest.mark.parametrize("seed", range(3))
def test_clustered_errors_and_strata_equal_greenwood_without_ties(seed: int) -> None:
    """With ties greenwood takes residuals of Breslow's form, R and we those of Efron's."""
    from greenwood import CoxPH, Surv

    rows = random_rows(seed, n=120, ties=False)
    theirs = CoxPH().fit(
        Surv(rows["start_days"], rows["stop_days"], rows["event"]),
        rows[["x0", "x1"]],
        strata=rows["stratum"],
        robust=True,
        cluster=rows["unit"],
    )
    model = proportional_hazards(rows, covariates=["x0", "x1"], strata=["stratum"], cluster="unit")
    assert model.table["coefficient"].to_numpy() == pytest.approx(np.asarray(theirs.coef_), abs=1e-7)
    assert model.table["std_error"].to_numpy() == pytest.approx(np.asarray(theirs.std_error_), rel=1e-6)
    assert model.n_people == 60


@pytest.mark.parametrize("seed", range(3))
def test_weights_and_strata_equal_lifelines_where_times_are_distinct(seed: int) -> None:
    from lifelines import CoxPHFitter

    rows = random_rows(seed, n=200, ties=False).assign(start_days=0.0)
    columns = ["stop_days", "event", "x0", "x1", "stratum", "weight"]
    theirs = CoxPHFitter().fit(
        rows[columns], "stop_days", "event", strata=["stratum"], weights_col="weight", robust=True
    )
    model = proportional_hazards(rows, covariates=["x0", "x1"], strata=["stratum"], weight="weight")
    assert model.table["coefficient"].to_numpy() == pytest.approx(theirs.params_.to_numpy(), abs=1e-5)
    assert model.table["std_error"].to_numpy() == pytest.approx(theirs.standard_errors_.to_numpy(), rel=1e-4)


def bladder() -> pd.DataFrame:
    rows = []
    for unit, (rx, number, size, again, end) in enumerate(reference("bladder", "people")):
        stops = [*again, *([] if end is None else [end])]
        for start, stop in zip([0, *stops], stops, strict=False):
            rows.append((unit, rx, number, size, float(start), float(stop), int(stop in again)))
    return pd.DataFrame(rows, columns=["unit", "rx", "number", "size", "start_days", "stop_days", "event"])


def test_rt18_recurrent_events_with_clustered_errors_equal_r() -> None:
    rows = bladder()
    assert (len(rows), rows["event"].sum()) == (178, 112)
    model = proportional_hazards(rows, covariates=["rx", "size", "number"], cluster="unit")
    found = coefficients(model)
    assert found["rx"] == pytest.approx((-0.464687, 0.265561), abs=1e-6)
    assert found["size"][0] == pytest.approx(-0.043660, abs=1e-6)
    assert found["number"] == pytest.approx((0.174960, 0.063041), abs=1e-6)
    assert (model.n_rows, model.n_people, model.n_event) == (178, 85, 112)


def simulated(seed: int, n: int, beta: tuple[float, ...], *, late: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, len(beta)))
    until, end = rng.exponential(100 * np.exp(-x @ np.array(beta))), rng.uniform(20, 300, n)
    start = rng.uniform(0, 60, n) if late else np.zeros(n)
    rows = pd.DataFrame(x, columns=[f"x{j}" for j in range(len(beta))]).assign(
        start_days=start, stop_days=np.minimum(until, end), event=(until <= end).astype(int)
    )
    return rows[rows["stop_days"] > rows["start_days"]]


@pytest.mark.parametrize("late", [False, True])
def test_known_hazard_ratios_are_recovered_also_with_late_entry(late: bool) -> None:
    model = proportional_hazards(simulated(3, 20_000, (0.5, -0.3, 0.0), late=late), covariates=["x0", "x1", "x2"])
    error = model.table["coefficient"] - [0.5, -0.3, 0.0]
    assert (error.abs() < 3.5 * model.table["std_error"]).all()
    assert model.table["p_value"].iloc[2] > 0.001


def test_rows_cut_in_pieces_give_the_same_model() -> None:
    rows = simulated(4, 300, (0.5,)).assign(unit=np.arange(300))
    middle = rows["stop_days"] / 2
    cut = pd.concat([rows.assign(stop_days=middle, event=0), rows.assign(start_days=middle)])
    whole, pieces = (proportional_hazards(r, covariates=["x0"], cluster="unit") for r in (rows, cut))
    pd.testing.assert_frame_equal(whole.table, pieces.table, rtol=1e-8)
    assert whole.concordance == pytest.approx(pieces.concordance)
    assert (whole.n_people, pieces.n_people, pieces.n_rows) == (300, 300, 600)


def test_whole_weights_equal_repeated_rows_without_ties_in_the_estimate() -> None:
    rows = random_rows(5, n=80, ties=False).assign(copies=1)
    model = proportional_hazards(rows.assign(copies=2.0), covariates=["x0", "x1"], weight="copies")
    plain = proportional_hazards(rows, covariates=["x0", "x1"])
    assert model.table["coefficient"].to_numpy() == pytest.approx(plain.table["coefficient"].to_numpy(), abs=1e-8)


def test_clustered_errors_cover_what_plain_errors_miss() -> None:
    """Twenty copies of each person are no more people."""
    rows = simulated(6, 400, (0.4,)).assign(unit=np.arange(400))
    copies = pd.concat([rows.assign(stop_days=rows["stop_days"] + 1e-7 * k) for k in range(20)])
    once = proportional_hazards(rows, covariates=["x0"]).table["std_error"].item()
    clustered = proportional_hazards(copies, covariates=["x0"], cluster="unit").table["std_error"].item()
    plain = proportional_hazards(copies, covariates=["x0"]).table["std_error"].item()
    assert clustered == pytest.approx(once, rel=0.15)
    assert plain < once / 3


@given(st.integers(0, 10_000), st.booleans())
def test_concordance_equals_counting_pairs(seed: int, ties: bool) -> None:
    rows = random_rows(seed, n=25, ties=ties)
    sets = partial.risk_sets(
        rows["start_days"].to_numpy(),
        rows["stop_days"].to_numpy(),
        rows["event"].to_numpy(bool),
        rows["stratum"].to_numpy().astype(np.intp),
        rows["weight"].to_numpy(),
    )
    score = np.round(rows["x0"].to_numpy(), 1)
    right = pairs = 0.0
    for i, one in enumerate(rows.itertuples()):
        for j, other in enumerate(rows.itertuples()):
            after = other.stop_days > one.stop_days or (other.stop_days == one.stop_days and not other.event)
            if one.event and one.stratum == other.stratum and other.start_days < one.stop_days and after:
                pairs += one.weight * other.weight
                right += one.weight * other.weight * ((score[i] > score[j]) + 0.5 * (score[i] == score[j]))
    assert concordance(sets, score[sets.kept]) == pytest.approx(right / pairs if pairs else 0.5)


@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-1000, 1000))
def test_another_unit_of_a_covariate_changes_the_unit_of_its_ratio_only(seed: int, scale: float, shift: float) -> None:
    rows = random_rows(seed)
    one = proportional_hazards(rows, covariates=["x0", "x1"], strata=["stratum"])
    two = proportional_hazards(rows.assign(x0=rows["x0"] * scale + shift), covariates=["x0", "x1"], strata=["stratum"])
    assert two.table["coefficient"].iloc[0] * scale == pytest.approx(
        one.table["coefficient"].iloc[0], rel=1e-4, abs=1e-6
    )
    assert two.table["p_value"].to_numpy() == pytest.approx(one.table["p_value"].to_numpy(), abs=1e-5)
    assert two.concordance == pytest.approx(one.concordance, abs=1e-9)


@given(st.integers(0, 10_000), st.integers(4, 40))
def test_no_number_is_ever_missing_or_infinite(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    rows = random_rows(seed, n=n).assign(
        rare=(rng.random(n) < 0.1).astype(int), level=rng.integers(0, 2, n), same=1, event=rng.random(n) < 0.4
    )
    rows = rows.assign(event=rows["event"].astype(int), tells=rows["event"] * 1.0)
    names = ["x0", "rare", "level", "same", "tells"]
    try:
        model = proportional_hazards(rows, covariates=names, strata=["stratum"], cluster="unit")
        table = pd.concat([model.table, proportionality(rows, covariates=names)])
    except NotEnoughDataError as error:
        assert str(error).endswith(".")  # noqa: PT017 - either outcome is right, a sentence or numbers
        return
    assert np.isfinite(table.select_dtypes("number").to_numpy(na_value=0)).all()
    assert set(model.table["covariate"]) | {name for name, _ in model.dropped} == set(names)


DROPPED = [
    ("constant", "does not vary"),
    ("twice", "same as x0"),
    ("minus", "same as x0"),
    ("sum", "follows from x0, x1"),
    ("no_event_here", "separates perfectly"),
    ("is_event", "separates perfectly"),
    ("later", "separates perfectly"),
]


@pytest.mark.parametrize(("name", "reason"), DROPPED)
def test_a_covariate_that_cannot_be_estimated_is_set_aside_with_the_reason(name: str, reason: str) -> None:
    rows = random_rows(7, n=200)
    rows = rows.assign(
        constant=3.5,
        twice=2 * rows["x0"] + 1,
        minus=-rows["x0"],
        sum=rows["x0"] - 3 * rows["x1"],
        no_event_here=((rows["event"] == 0) & (rows["x0"] > 0)).astype(int),
        is_event=rows["event"],
        later=-rows["stop_days"],
    )
    model = proportional_hazards(rows, covariates=["x0", "x1", name])
    assert model.dropped == ((name, reason),)
    plain = proportional_hazards(rows, covariates=["x0", "x1"])
    pd.testing.assert_frame_equal(model.table, plain.table)


def test_a_covariate_fixed_within_strata_does_not_vary() -> None:
    rows = random_rows(8, n=100)
    model = proportional_hazards(rows.assign(own=rows["stratum"] * 2.0), covariates=["x0", "own"], strata=["stratum"])
    assert model.dropped == (("own", "does not vary"),)


def test_events_per_covariate_are_counted() -> None:
    model = proportional_hazards(lung(), covariates=["age", "sex"])
    assert model.events_per_covariate == pytest.approx(165 / 2)


WRONG = [
    ({"stop_days": 0.0}, ParameterError, "do not end after they start"),
    ({"event": 2}, ParameterError, "0 or 1"),
    ({"x0": np.nan}, ParameterError, "no number in x0"),
    ({"x0": "blue"}, ParameterError, "no number in x0"),
    ({"weight": -1.0}, ParameterError, "positive"),
    ({"event": 0}, NotEnoughDataError, "none of 60 customers had the outcome"),
    ({"x0": 1.0}, NotEnoughDataError, "x0: does not vary"),
]


@pytest.mark.parametrize(("change", "error", "words"), WRONG)
def test_what_cannot_be_fitted_is_said(change: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        proportional_hazards(random_rows(9).assign(**change), covariates=["x0"], weight="weight")
    with pytest.raises(ParameterError, match="lack ghost"):
        proportional_hazards(random_rows(9), covariates=["ghost"])
    with pytest.raises(NotEnoughDataError, match="0 customers"):
        proportional_hazards(random_rows(9).head(0), covariates=["x0"])


@pytest.mark.parametrize("seed", range(3))
def test_proportionality_equals_greenwood_with_late_entry(seed: int) -> None:
    from greenwood import CoxPH, Surv

    rows = random_rows(seed, n=150)
    fitted = CoxPH().fit(Surv(rows["start_days"], rows["stop_days"], rows["event"]), rows[["x0", "x1"]])
    theirs = fitted.cox_zph(transform="km")
    ours = proportionality(rows, covariates=["x0", "x1"])
    assert ours["chi2"].iloc[2] == pytest.approx(theirs.global_test["chisq"], rel=1e-5)


def test_ratios_that_change_are_found_and_steady_ones_are_not() -> None:
    steady = simulated(10, 3000, (0.5, 0.3))
    assert proportionality(steady, covariates=["x0", "x1"])["p_value"].iloc[-1] > 0.01
    rng = np.random.default_rng(11)
    x = rng.integers(0, 2, 3000)
    shape = np.where(x == 1, 2.0, 0.7)
    fading = pd.DataFrame({"x0": x, "stop_days": 100 * rng.weibull(shape) + 1e-6, "event": 1})
    assert proportionality(fading, covariates=["x0"])["p_value"].iloc[0] < 1e-6


@pytest.mark.slow
def test_the_proportionality_test_errs_at_its_level_within_strata() -> None:
    rejected = []
    for seed in range(150):
        rows = simulated(seed, 150, (0.5,))
        rows = rows.assign(stratum=np.arange(len(rows)) % 2)
        slower = np.where(rows["stratum"] == 1, 3.0, 1.0)
        rows = rows.assign(stop_days=rows["stop_days"] * slower)
        table = proportionality(rows, covariates=["x0"], strata=["stratum"])
        rejected.append(table["p_value"].iloc[0] < 0.05)
    assert 0.01 < np.mean(rejected) < 0.11


def test_a_bent_covariate_is_found_and_a_straight_one_is_not() -> None:
    rng = np.random.default_rng(12)
    x, y = rng.normal(size=(2, 2000))
    rows = pd.DataFrame(
        {"stop_days": rng.exponential(np.exp(-0.5 * x**2 - 0.5 * y)) + 1e-9, "event": 1, "x": x, "y": y}
    )
    table = functional_form(rows.assign(flag=(y > 0).astype(int)), covariates=["x", "y", "flag"])
    assert table["covariate"].tolist() == ["x", "y"]
    assert table["p_value"].iloc[0] < 1e-10
    assert table["p_value"].iloc[1] > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("robust", [False, True])
def test_intervals_cover_the_true_ratio(robust: bool) -> None:
    covered = []
    for seed in range(150):
        rows = simulated(seed, 120, (0.6, 0.0), late=True).reset_index(drop=True)
        rows = rows.assign(unit=np.arange(len(rows)))
        table = proportional_hazards(rows, covariates=["x0", "x1"], cluster="unit" if robust else None).table
        covered.append((table["ci_low"] <= np.exp([0.6, 0.0])) & (np.exp([0.6, 0.0]) <= table["ci_high"]))
    assert 0.9 < np.mean(covered) < 0.985


@pytest.mark.parametrize("strata", [(), ("side",)])
def test_rows_counted_by_pattern_give_what_the_rows_give(
    strata: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(8)
    n = 3000
    start = np.where(rng.random(n) < 0.5, 0.0, rng.integers(0, 9, n))
    stop = start + rng.integers(1, 30, n)
    rows = pd.DataFrame({"start_days": start, "stop_days": stop, "event": rng.integers(0, 2, n),
                         "side": rng.integers(0, 2, n), "x": rng.integers(0, 2, n), "k": rng.integers(0, 4, n),
                         "unit": rng.integers(0, 900, n)})  # fmt: skip
    found = []
    for many in (10**9, 1):
        monkeypatch.setattr(partial, "_MANY", many)
        model = proportional_hazards(rows, covariates=["x", "k"], strata=strata, cluster="unit")
        test = proportionality(rows, covariates=["x", "k"], strata=strata)
        found.append([*model.table.drop(columns="covariate").to_numpy().ravel(), model.log_likelihood, *test["chi2"]])
    assert found[1] == pytest.approx(found[0], rel=1e-9)
