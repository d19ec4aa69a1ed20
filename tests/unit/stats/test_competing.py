"""Fine-Gray and Gray's test: R's values, an oracle without competing outcomes, guards."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.core.errors import NotEnoughDataError
from cjlib.stats.comparison import log_rank
from cjlib.stats.competing import fine_gray, gray_test
from cjlib.stats.hazard import proportional_hazards
from tests.unit.stats.data import counts_of, mgus2_rows


def test_rt13_fine_gray_equals_r_to_three_digits() -> None:
    model = fine_gray(mgus2_rows(), covariates=["age", "male"])
    assert model.table["coefficient"].to_numpy() == pytest.approx([-0.01730, -0.25976], abs=1e-3)
    assert model.table["std_error"].iloc[0] == pytest.approx(0.0056, abs=2e-4)
    assert (model.n_people, model.n_event, model.n_competing) == (1384, 115, 860)


def test_rt13_grays_test_equals_r() -> None:
    rows = mgus2_rows()
    assert gray_test(rows, group="male") == pytest.approx((1.194508, 1, 0.274422), abs=1e-4)
    assert gray_test(rows, group="male", outcome=2) == pytest.approx((11.651259, 1, 0.000642), abs=1e-4)


def one_outcome(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=200)
    until, end = rng.exponential(np.exp(-0.5 * x)), rng.uniform(0.2, 3, 200)
    return pd.DataFrame(
        {"stop_days": np.minimum(until, end), "outcome": (until <= end).astype(int), "x": x, "up": (x > 0).astype(int)}
    )


@pytest.mark.parametrize("seed", range(3))
def test_without_competing_outcomes_it_is_the_model_of_cox_and_the_log_rank_test(seed: int) -> None:
    rows = one_outcome(seed)
    cox = proportional_hazards(rows.assign(event=rows["outcome"]), covariates=["x"])
    model = fine_gray(rows, covariates=["x"])
    assert model.table["coefficient"].item() == pytest.approx(cox.table["coefficient"].item(), abs=1e-5)
    counts = counts_of(rows["stop_days"], rows["outcome"].tolist(), rows["up"].astype(str).tolist())
    assert gray_test(rows, group="up").chi2 == pytest.approx(log_rank(counts).chi2, rel=2e-2)  # another variance


def test_another_unit_changes_the_unit_of_the_ratio_only() -> None:
    rows = mgus2_rows()
    one = fine_gray(rows, covariates=["age"]).table
    ten = fine_gray(rows.assign(age=rows["age"] / 10 + 5), covariates=["age"]).table
    assert ten["coefficient"].item() == pytest.approx(10 * one["coefficient"].item(), rel=1e-6)
    assert ten["p_value"].item() == pytest.approx(one["p_value"].item(), rel=1e-5)


def test_what_cannot_be_estimated_is_set_aside_or_said() -> None:
    rows = mgus2_rows().assign(same=1, twice=lambda r: 2 * r["age"])
    model = fine_gray(rows, covariates=["age", "same", "twice"])
    assert model.dropped == (("same", "does not vary"), ("twice", "same as age"))
    with pytest.raises(NotEnoughDataError, match="had the outcome"):
        fine_gray(rows.assign(outcome=2), covariates=["age"])
    with pytest.raises(NotEnoughDataError, match="only one group"):
        gray_test(rows, group="same")
    with pytest.raises(NotEnoughDataError, match="no outcome"):
        gray_test(rows, group="male", outcome=3)
