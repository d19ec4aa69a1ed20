"""Proportional hazards: R's values, brute force, properties, guards that speak."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cjlib.stats import partial_likelihood as partial
from cjlib.stats.hazard import proportional_hazards, proportionality
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
