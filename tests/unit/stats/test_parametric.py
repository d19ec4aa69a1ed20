"""Accelerated time and never-converters: R's and lifelines' values, recovery, guards."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.core.errors import NotEnoughDataError
from cjlib.stats.cure import mixture, never_by_covariate, never_share
from cjlib.stats.parametric import FAMILIES, accelerated_time, waiting


def lung() -> pd.DataFrame:
    from lifelines.datasets import load_lung

    return load_lung().rename(columns={"time": "stop_days", "status": "event"})


def e1684() -> pd.DataFrame:
    import greenwood

    data = greenwood.load_dataset("e1684")
    time = np.maximum(np.asarray(data["FAILTIME"], dtype=float), 0.001)
    return pd.DataFrame({"stop_days": time, "event": np.asarray(data["FAILCENS"], dtype=int)})


def with_never(seed: int, n: int, never: float, follow_up: float) -> pd.DataFrame:
    """Log-normal waits with median 10 days; `never` of 1 do not come; watched for `follow_up` days."""
    rng = np.random.default_rng(seed)
    until = np.where(rng.random(n) < never, np.inf, np.exp(np.log(10) + rng.normal(size=n)))
    end = rng.uniform(follow_up / 2, follow_up, n)
    return pd.DataFrame({"stop_days": np.minimum(until, end), "event": (until <= end).astype(int)})


def test_rt09_weibull_equals_r() -> None:
    model = accelerated_time(lung(), covariates=["age", "sex"], families=["weibull"])
    assert model.intercept == pytest.approx(6.274853, abs=1e-5)
    assert model.table["coefficient"].tolist() == pytest.approx([-0.012257, 0.382085], abs=2e-6)
    assert np.log(model.scale) == pytest.approx(-0.282295, abs=1e-5)
    assert model.families["log_likelihood"].item() == pytest.approx(-1147.0544, abs=1e-4)


@pytest.mark.parametrize("family", ["log-normal", "log-logistic"])
def test_other_families_equal_lifelines(family: str) -> None:
    from lifelines import LogLogisticAFTFitter, LogNormalAFTFitter

    fitter = {"log-normal": LogNormalAFTFitter, "log-logistic": LogLogisticAFTFitter}[family]()
    rows = lung()[["stop_days", "event", "age", "sex"]]
    theirs = fitter.fit(rows, "stop_days", "event")
    ours = accelerated_time(rows, covariates=["age", "sex"], families=[family])
    # lifelines stops a little before the maximum.
    assert ours.table["coefficient"].to_numpy() == pytest.approx(
        theirs.params_.droplevel(0)[["age", "sex"]].to_numpy(), abs=2e-3
    )
    assert theirs.log_likelihood_ - 1e-6 <= ours.families["log_likelihood"].item() <= theirs.log_likelihood_ + 0.01


@pytest.mark.parametrize(
    ("family", "share", "error"),
    [("weibull", 0.299, 0.0279), ("log-normal", 0.2813, 0.0298), ("log-logistic", 0.2711, 0.0305)],
)
def test_rt20_cure_fractions_equal_lifelines(family: str, share: float, error: float) -> None:
    rows = e1684()
    fit = waiting(rows, family, np.empty((len(rows), 0)), cure=True)
    assert fit is not None
    estimate = 1 / (1 + np.exp(-fit.estimate[-1]))
    assert estimate == pytest.approx(share, abs=6e-5)
    assert estimate * (1 - estimate) * np.sqrt(fit.covariance[-1, -1]) == pytest.approx(error, abs=6e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_family_that_made_the_data_is_found_with_its_ratio(family: str) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=8000)
    noise = {
        "exponential": np.log(rng.exponential(size=8000)),
        "weibull": np.log(rng.exponential(size=8000)),
        "log-normal": rng.normal(size=8000),
        "log-logistic": rng.logistic(size=8000),
    }[family]
    time = np.exp(3 + 0.4 * x + (1.0 if family == "exponential" else 0.6) * noise)
    rows = pd.DataFrame({"stop_days": np.minimum(time, 60), "event": (time <= 60).astype(int), "x": x})
    model = accelerated_time(rows, covariates=["x"])
    assert model.family in ({"exponential", "weibull"} if family == "exponential" else {family})
    assert model.table["coefficient"].item() == pytest.approx(0.4, abs=0.04)


def test_the_share_that_never_comes_is_recovered_within_its_interval() -> None:
    model = never_share(with_never(1, 3000, 0.7, 1500.0).assign())
    assert model.ci_low < 0.7 < model.ci_high
    assert model.ci_high - model.ci_low < 0.06
    assert model.follow_up_p < 0.05


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("follow_up", [3.0, 10.0, 30.0, 400.0, 2000.0])
def test_rt43_short_follow_up_is_refused_and_no_limit_leaves_zero_to_one(seed: int, follow_up: float) -> None:
    rows = with_never(seed, 400, 0.7, follow_up)
    try:
        model = never_share(rows)
    except NotEnoughDataError as error:
        assert "cannot be said" in str(error)  # noqa: PT017 - a sentence or limits, both are right
        return
    assert follow_up > 30, "a curve that still rises was taken for a plateau"
    assert (model.families[["ci_low", "ci_high"]].to_numpy() > 0).all()
    assert (model.families[["ci_low", "ci_high"]].to_numpy() < 1).all()


def test_everybody_converting_or_nobody_is_a_sentence() -> None:
    with pytest.raises(NotEnoughDataError, match="had the outcome"):
        never_share(pd.DataFrame({"stop_days": [1.0, 2.0], "event": 0}))
    with pytest.raises(NotEnoughDataError, match="cannot be said"):
        never_share(pd.DataFrame({"stop_days": [1.0, 2.0, 3.0], "event": 1}))


def test_rt19_cure_with_covariates_equals_smcure() -> None:
    import greenwood

    data = greenwood.load_dataset("e1684")
    known = pd.DataFrame({name: np.asarray(data[name], dtype=float) for name in ("TRT", "SEX", "AGE")})
    rows = e1684().assign(**known).dropna()
    found = mixture(rows, ["TRT", "SEX", "AGE"], 0)  # the guard refuses these data
    assert found["part"].tolist() == ["ever"] * 4 + ["when"] * 3
    expected = [1.365, -0.5885, -0.08696, 0.02034, -0.1536, 0.09946, -0.007664]
    assert found["coefficient"].tolist() == pytest.approx(expected, rel=2e-3, abs=2e-4)


def test_a_covariate_of_the_share_is_told_from_one_of_the_wait_and_short_follow_up_is_refused() -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(0, 2, 900).astype(float)
    until = np.where(rng.random(900) < 0.3 + 0.4 * x, np.inf, rng.exponential(20, 900))
    rows = pd.DataFrame({"stop_days": np.minimum(until, 400.0), "event": (until < 400).astype(int), "x": x})
    found = never_by_covariate(rows, covariates=["x"], draws=30).set_index(["part", "covariate"])
    truth = np.log(0.3 / 0.7) - np.log(0.7 / 0.3)
    assert found.loc[("ever", "x"), "ci_low"] < truth < found.loc[("ever", "x"), "ci_high"]
    assert found.loc[("when", "x"), "ci_low"] < 0 < found.loc[("when", "x"), "ci_high"]
    early = rows.assign(stop_days=rows["stop_days"].clip(upper=15), event=rows["event"] * (rows["stop_days"] <= 15))
    with pytest.raises(NotEnoughDataError, match="cannot be said"):
        never_by_covariate(early, covariates=["x"], draws=0)


def test_people_counted_together_give_what_people_one_by_one_give() -> None:
    rows = with_never(3, 900, 0.6, 800.0)
    rows = rows.assign(stop_days=np.ceil(rows["stop_days"]))
    counted = rows.groupby(["stop_days", "event"]).size().rename("n").reset_index()
    one, many = never_share(rows), never_share(counted, weight="n")
    assert (many.estimate, many.ci_low, many.follow_up_p) == pytest.approx(
        (one.estimate, one.ci_low, one.follow_up_p), rel=1e-4
    )
    assert (many.n_people, many.n_event) == (one.n_people, one.n_event)


@pytest.mark.parametrize("family", FAMILIES)
def test_two_people_run_the_search_off_without_a_warning_and_are_refused(family: str) -> None:
    rows = pd.DataFrame({"stop_days": [0.5, 299.5], "event": [1, 0], "n": [1, 1]})
    for cure in (False, True):
        fit = waiting(rows, family, np.empty((2, 0)), cure=cure, weight="n")
        assert fit is None or np.isfinite(fit.estimate).all()
