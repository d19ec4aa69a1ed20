"""Purchase processes: published values on CDNOW, other fitters, numerical integration, simulated truth."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import hyp2f1

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.purchase_process import (
    MODELS,
    _left_when,
    _with_slope,
    expected_purchases,
    fit_purchase_process,
    log_likelihood,
    p_alive,
    purchases,
)


@pytest.fixture(scope="module")
def lifetimes():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("lifetimes", reason="lifetimes is not installed: no CDNOW purchases")


@pytest.fixture(scope="module")
def cdnow(lifetimes):
    from lifetimes.datasets import load_cdnow_summary

    frame = load_cdnow_summary()
    return purchases(frame["frequency"], frame["recency"], frame["T"])


@pytest.fixture(scope="module")
def fits(cdnow):
    return {model: fit_purchase_process(cdnow, model=model) for model in MODELS}


@pytest.mark.parametrize(
    ("model", "published"),
    [
        ("bg/nbd", (0.243, 4.414, 0.793, 2.426)),
        ("mbg/nbd", (0.5248, 6.1830, 0.8914, 1.6140)),
        ("pareto/nbd", (0.5533, 10.578, 0.6063, 11.669)),
    ],
)
def test_rt_23_and_rt_24_parameters_on_cdnow_are_the_published_ones(fits, model, published):
    assert list(fits[model].parameters.values()) == pytest.approx(published, rel=2e-3)
    assert fits[model].on_bound == ()
    assert (fits[model].n, fits[model].n_repeat) == (2357, 946)


@pytest.mark.parametrize(("model", "published"), [("bg/nbd", -9582.4), ("pareto/nbd", -9595.0)])
def test_rt_23_log_likelihoods_are_the_published_ones(fits, model, published):
    assert fits[model].log_likelihood == pytest.approx(published, abs=0.05)


def test_rt_23_one_customer_of_the_paper(fits):
    customer = purchases([2], [30.43], [38.86])
    point = fits["bg/nbd"].point
    assert expected_purchases("bg/nbd", point, customer, days=39)[0] == pytest.approx(1.2259, abs=2e-4)
    assert p_alive("bg/nbd", point, customer)[0] == pytest.approx(0.7266, abs=1e-4)


def test_rt_24_bg_nbd_calls_every_one_time_buyer_a_customer_for_ever(fits):
    once = purchases([0, 0, 0], [0, 0, 0], [30, 365, 3650])
    assert p_alive("bg/nbd", fits["bg/nbd"].point, once).tolist() == [1.0, 1.0, 1.0]
    for model in ("mbg/nbd", "pareto/nbd"):
        alive = p_alive(model, fits[model].point, once)
        assert alive[0] > alive[1] > alive[2]
        assert alive[2] < 0.25


@pytest.mark.parametrize("model", MODELS)
def test_p_alive_and_expectations_are_those_of_lifetimes(lifetimes, cdnow, fits, model):
    other = {"mbg/nbd": lifetimes.ModifiedBetaGeoFitter, "pareto/nbd": lifetimes.ParetoNBDFitter,
             "bg/nbd": lifetimes.BetaGeoFitter}[model]()  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other.fit(cdnow.x, cdnow.recency, cdnow.watched, weights=cdnow.n)
        alive = other.conditional_probability_alive(cdnow.x, cdnow.recency, cdnow.watched)
        coming = other.conditional_expected_number_of_purchases_up_to_time(39, cdnow.x, cdnow.recency, cdnow.watched)
    mine = fits[model]
    assert p_alive(model, mine.point, cdnow) == pytest.approx(np.asarray(alive), abs=2e-3)
    assert expected_purchases(model, mine.point, cdnow, days=39) == pytest.approx(
        np.asarray(coming), rel=5e-3, abs=1e-3
    )


@pytest.mark.parametrize("point", [(0.55, 10.6, 0.6, 11.7), (2.0, 3.0, 1.5, 40.0), (0.3, 50.0, 0.9, 0.5), (1, 5, 1, 5)])
@pytest.mark.parametrize("row", [(0, 0.0, 100.0), (3, 20.0, 100.0), (12, 99.0, 100.0), (1, 1.0, 500.0)])
def test_the_integral_of_leaving_is_the_hypergeometric_one_and_the_numerical_one(point, row):
    r, alpha, s, beta = point
    x, recency, watched = row
    mine = np.exp(_left_when(r, alpha, s, beta, purchases([x], [recency], [watched])).log_total[0])
    direct = quad(lambda u: s * (alpha + u) ** -(r + x) * (beta + u) ** -(s + 1), recency, watched,
                  epsabs=0, epsrel=1e-10, limit=500)[0]  # fmt: skip
    assert mine == pytest.approx(direct, rel=1e-6)
    big, second = (alpha, s + 1) if alpha >= beta else (beta, r + x)
    size = r + s + x

    def closed(at):
        return hyp2f1(size, second, size + 1, abs(alpha - beta) / (big + at)) / (big + at) ** size

    assert mine == pytest.approx(s / size * (closed(recency) - closed(watched)), rel=1e-6)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("point", [(0.55, 10.6, 0.6, 11.7), (2.0, 3.0, 1.5, 40.0), (0.3, 50.0, 0.9, 0.5), (1, 5, 1, 5)])
def test_the_derivatives_are_those_of_the_log_likelihood(model, point):
    data = purchases([0, 0, 1, 3, 12, 40], [0, 0, 1, 20, 99, 50], [1, 100, 500, 100, 100, 80])
    at = np.log(point)
    slope = _with_slope(model, at, data)[1]
    for place, step in enumerate(np.eye(4) * 1e-5):
        numeric = (log_likelihood(model, at + step, data) - log_likelihood(model, at - step, data)) / 2e-5
        assert slope[:, place] == pytest.approx(numeric, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_hundreds_of_purchases_neither_overflow_nor_vanish(model):
    data = purchases([300, 300, 900], [364, 100, 3000], [365, 365, 3650])
    for point in (np.log([0.5, 5, 0.6, 10]), np.log([3, 1, 0.05, 2]), np.log([0.8, 30, 4, 0.5])):
        assert np.isfinite(log_likelihood(model, point, data)).all()
        coming = expected_purchases(model, point, data, days=365)
        assert np.isfinite(coming).all()
        assert (coming >= 0).all()


def simulated(n=2500, *, model="mbg/nbd", point=(0.8, 12.0, 0.7, 2.0), seed=0):
    """Purchases of `n` customers by the model itself; also who is still alive at the end, and who buys after."""
    rng = np.random.default_rng(seed)
    r, alpha, c, d = point
    rate, watched = rng.gamma(r, 1 / alpha, n), rng.uniform(100, 400, n)
    x, last, alive, after = np.zeros(n, int), np.zeros(n), np.ones(n, bool), np.zeros(n, int)
    leaves = rng.beta(c, d, n) if model == "mbg/nbd" else rng.gamma(c, 1 / d, n)
    for i in range(n):
        life = rng.exponential(1 / leaves[i]) if model == "pareto/nbd" else np.inf
        gone = model == "mbg/nbd" and rng.random() < leaves[i]
        when = 0.0
        while not gone:
            when += rng.exponential(1 / max(rate[i], 1e-12))
            if when > min(life, watched[i] + 90):
                break
            if when <= watched[i]:
                x[i], last[i] = x[i] + 1, when
                gone = model == "mbg/nbd" and rng.random() < leaves[i]
            else:
                after[i] += 1
                if model == "mbg/nbd" and rng.random() < leaves[i]:
                    break
        alive[i] = life > watched[i] if model == "pareto/nbd" else not gone
    return x, last, watched, alive, after


@pytest.mark.parametrize(
    ("model", "point"), [("mbg/nbd", (0.8, 12.0, 0.7, 2.0)), ("pareto/nbd", (0.9, 10.0, 0.8, 60.0))]
)
def test_p_alive_is_the_share_alive_where_the_parameters_are_known(model, point):
    x, last, watched, alive, after = simulated(12_000, model=model, point=point, seed=2)
    each = purchases([0], [0], [1])._replace(x=x.astype(float), recency=last, watched=watched, n=np.ones(len(x)))
    p = p_alive(model, np.log(point), each)
    for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.01)):
        band = (p >= low) & (p < high)
        chance = np.sqrt(p[band] @ (1 - p[band])) / max(band.sum(), 1)
        assert band.sum() < 100 or abs(alive[band].mean() - p[band].mean()) < 4 * chance
    coming = expected_purchases(model, np.log(point), each, days=90).sum()
    assert after.sum() == pytest.approx(coming, rel=0.04)


def test_p_alive_of_pareto_is_exact_to_four_parts_in_a_thousand():
    # Drawn by another road than `simulated`: purchases of a lifetime at once, the last one as their largest instant.
    # A lean of 1.8 standard errors in two of four bands at n = 20,000 was chance: 20 runs of 400,000 have none.
    n, rng, (r, alpha, s, beta) = 300_000, np.random.default_rng(0), (0.9, 10.0, 0.8, 60.0)
    rate, leaving, watched = rng.gamma(r, 1 / alpha, n), rng.gamma(s, 1 / beta, n), rng.uniform(100, 400, n)
    life = rng.exponential(1 / leaving)
    span = np.minimum(life, watched)
    x = rng.poisson(rate * span)
    recency = np.where(x > 0, span * rng.beta(np.maximum(x, 1), 1), 0.0)
    each = purchases([0], [0], [1])._replace(x=x.astype(float), recency=recency, watched=watched, n=np.ones(n))
    p, alive = p_alive("pareto/nbd", np.log([r, alpha, s, beta]), each), life > watched
    for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.01)):
        band = (p >= low) & (p < high)
        assert alive[band].mean() == pytest.approx(p[band].mean(), abs=0.004)


@pytest.mark.parametrize(
    ("model", "point"), [("mbg/nbd", (0.8, 12.0, 0.7, 2.0)), ("pareto/nbd", (0.9, 10.0, 0.8, 60.0))]
)
def test_the_truth_is_found_again(model, point):
    x, last, watched, alive, after = simulated(model=model, point=point)
    data = purchases(x, last, watched)
    found = fit_purchase_process(data, model=model)
    error = np.sqrt(np.diag(found.covariance))
    assert (np.abs(found.point - np.log(point)) < 3.5 * error).all()
    # Calibration: of those given P(alive) near p, a share p is alive; purchases come as expected.
    each = purchases(np.arange(1), [0], [1])._replace(x=x.astype(float), recency=last, watched=watched,
                                                      n=np.ones(len(x)))  # fmt: skip
    p = p_alive(model, found.point, each)
    for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.01)):
        band = (p >= low) & (p < high)
        if band.sum() > 100:
            chance = np.sqrt(p[band] @ (1 - p[band])) / band.sum()
            assert alive[band].mean() == pytest.approx(p[band].mean(), abs=3.5 * chance + 0.01)
    coming = expected_purchases(model, found.point, each, days=90)
    assert after.sum() == pytest.approx(coming.sum(), rel=0.08)


@given(
    x=st.integers(1, 60), recency=st.floats(1, 300), more=st.floats(0, 500), longer=st.floats(1, 500),
    logs=st.lists(st.floats(-2.5, 3), min_size=4, max_size=4), model=st.sampled_from(MODELS),
)  # fmt: skip
def test_silence_only_lowers_the_probability_of_being_alive(x, recency, more, longer, logs, model):
    data = purchases([x, x], [recency, recency], [recency + more, recency + more + longer])
    found = p_alive(model, np.array(logs), data)
    assert ((found >= 0) & (found <= 1)).all()
    assert found[1] <= found[0] + 1e-9
    coming = [expected_purchases(model, np.array(logs), data, days=span) for span in (10, 100)]
    assert (coming[0] >= -1e-9).all()
    assert (coming[1] >= coming[0] - 1e-7).all()


def test_equal_customers_are_counted_together_without_changing_the_fit():
    x, last, watched, *_ = simulated(600)
    last, watched = np.floor(last), np.floor(watched)
    one = fit_purchase_process(purchases(x, last, watched))
    twice = fit_purchase_process(purchases(np.tile(x, 2), np.tile(last, 2), np.tile(watched, 2)))
    counted = fit_purchase_process(purchases(x, last, watched, n=np.full(len(x), 2)))
    assert twice.point == pytest.approx(one.point, abs=0.02)
    assert counted.log_likelihood == pytest.approx(twice.log_likelihood, rel=1e-9)
    assert np.diag(counted.covariance) == pytest.approx(np.diag(one.covariance) / 2, rel=0.1)


def test_too_few_who_came_again_is_said():
    with pytest.raises(NotEnoughDataError, match="Only 3 customers came again"):
        fit_purchase_process(purchases([1, 1, 1, 0, 0], [5, 6, 7, 0, 0], [9, 9, 9, 9, 9]))


def test_where_nobody_leaves_the_parameters_that_run_away_are_named():
    rng = np.random.default_rng(1)
    x = rng.poisson(10, 300)
    data = purchases(x, np.where(x > 0, 99.9, 0), np.full(300, 100.0))
    found = fit_purchase_process(data)
    assert found.on_bound
    assert p_alive("mbg/nbd", found.point, data)[data.x > 3].min() > 0.97


@pytest.mark.parametrize(
    "rows", [([1], [5], [4]), ([0], [3], [9]), ([1.5], [1], [9]), ([-1], [0], [9]), ([1], [np.nan], [9])]
)
def test_impossible_purchases_are_refused(rows):
    with pytest.raises(ParameterError, match="whole repeats"):
        purchases(*rows)
