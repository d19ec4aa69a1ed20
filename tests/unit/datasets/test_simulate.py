"""The simulator against its own truth: what was planted must be found in the tables."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

from cjlib.core.errors import ParameterError
from cjlib.datasets.simulate import Simulated, simulate
from cjlib.datasets.truth import LONG_WAIT, PERSONAS, PRAISE_THEN_LEAVE, WAIT_BUT_FINE

DAY = 86_400_000_000
N = 30_000


@pytest.fixture(scope="module")
def seen_to_the_end() -> Simulated:
    """Nobody is cut off: the cut-off lies years after the last entry."""
    return simulate(n_customers=N, seed=20, as_of="2032-01-01")


@pytest.fixture(scope="module")
def cut() -> Simulated:
    return simulate(n_customers=5_000, seed=21)


def firsts(events: pd.DataFrame, name: str) -> pd.Series:
    return events[events["event"] == name].groupby("customer")["at"].min()


def close(share: float, truth: float, n: int) -> bool:
    """Within four standard errors of a proportion: fails once in 16,000 for a right simulator."""
    return abs(share - truth) <= 4 * np.sqrt(truth * (1 - truth) / n)


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = (simulate(n_customers=300, seed=5) for _ in range(2))
    other = simulate(n_customers=300, seed=6)
    digest = [
        hashlib.sha256("".join(t.to_csv() for t in (s.events, s.responses, s.customers)).encode()).hexdigest()
        for s in (first, second, other)
    ]
    assert digest[0] == digest[1]
    assert digest[0] != digest[2]


@pytest.mark.parametrize("persona", [p.name for p in PERSONAS])
@pytest.mark.parametrize("days", [1, 30, 200])
def test_conversion_without_censoring_is_the_true_one(seen_to_the_end: Simulated, persona: str, days: int) -> None:
    people = seen_to_the_end.customers
    members = people.loc[people["persona"] == persona, "customer"]
    waited = firsts(seen_to_the_end.events, "purchase") - firsts(seen_to_the_end.events, "visit")
    share = float((waited.reindex(members) <= days * DAY).mean())
    assert close(share, float(seen_to_the_end.truth.converted(days, persona=persona)), len(members))


def test_unsubscribing_competes_at_the_true_rate(seen_to_the_end: Simulated) -> None:
    waited = firsts(seen_to_the_end.events, "unsubscribe") - firsts(seen_to_the_end.events, "visit")
    share = (waited <= 30 * DAY).sum() / N
    assert close(share, float(seen_to_the_end.truth.unsubscribed(30)), N)
    both = firsts(seen_to_the_end.events, "purchase").index.intersection(waited.dropna().index)
    assert len(both) == 0, "an exit before purchase excludes the purchase"


def test_everybody_ends_in_the_long_run() -> None:
    truth = simulate(n_customers=1, seed=1).truth
    assert truth.converted(1e9) + truth.unsubscribed(1e9) == pytest.approx(1.0)
    assert truth.converted([0, 0.02]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("persona", [p.name for p in PERSONAS])
def test_second_purchases_come_at_the_true_rate(seen_to_the_end: Simulated, persona: str) -> None:
    people = seen_to_the_end.customers
    bought = seen_to_the_end.events[seen_to_the_end.events["event"] == "purchase"]
    bought = bought[bought["customer"].isin(people.loc[people["persona"] == persona, "customer"])]
    times = bought.groupby("customer")["at"].agg(lambda at: at.iloc[1] - at.iloc[0] if len(at) > 1 else np.inf)
    share = float((times <= 90 * DAY).mean())
    assert close(share, float(seen_to_the_end.truth.repurchased(90, persona=persona)), len(times))


def test_life_after_purchase_follows_the_churn_hazard(seen_to_the_end: Simulated) -> None:
    latent = seen_to_the_end.truth.customers
    for persona in PERSONAS:
        life = latent.loc[latent["persona"] == persona.name, "alive_days"]
        share = float((life > 60).mean())
        assert close(share, float(seen_to_the_end.truth.alive(60, persona=persona.name)), len(life))


def test_the_curves_are_monotone_and_refuse_an_unknown_persona(cut: Simulated) -> None:
    days = np.linspace(0, 400, 200)
    assert (np.diff(cut.truth.converted(days)) >= 0).all()
    assert (np.diff(cut.truth.alive(days, persona="Marc")) <= 0).all()
    with pytest.raises(ParameterError, match="Did you mean 'Camille'"):
        cut.truth.converted(1, persona="Camile")


def test_those_who_answer_are_happier_than_everybody(seen_to_the_end: Simulated) -> None:
    truth = seen_to_the_end.truth
    assert truth.nps(answered_only=True) > truth.nps() + 3
    for survey in ("decision", "reception"):
        assert truth.mean_score(survey, answered_only=True) > truth.mean_score(survey) + 0.03


def test_silence_depends_on_behaviour_only(seen_to_the_end: Simulated) -> None:
    """Weighting by the inverse of the true answer probability undoes the bias."""
    asked = seen_to_the_end.truth.invitations
    asked = asked[asked["survey"] == "loyalty"]
    answers = asked[asked["answered"]]
    weighted = np.average(answers["true_score"], weights=1 / answers["answer_probability"])
    assert weighted == pytest.approx(asked["true_score"].mean(), abs=0.06)
    assert answers["true_score"].mean() > weighted + 0.1


@pytest.mark.parametrize(
    ("survey", "lived", "loss"),
    [("decision", "fee", 0.8), ("reception", "late", 0.8), ("after-sales", "long_wait", 0.8)],
)
def test_scores_are_caused_by_experience(seen_to_the_end: Simulated, survey: str, lived: str, loss: float) -> None:
    truth = seen_to_the_end.truth
    asked = truth.invitations[truth.invitations["survey"] == survey]
    asked = asked.merge(truth.customers[["customer", lived]], on="customer")
    mean = asked.groupby(lived)["true_score"].mean()
    assert mean[False] - mean[True] > loss


def test_praise_then_abandonment_is_planted_at_the_known_rate(seen_to_the_end: Simulated) -> None:
    events, truth = seen_to_the_end.events, seen_to_the_end.truth.customers
    fee, bought = firsts(events, "fee_shown"), firsts(events, "purchase")
    left = fee[~fee.index.isin(bought.index)]
    planted = truth.loc[truth["praise_then_leave"], "customer"]
    assert close(len(planted) / len(left), PRAISE_THEN_LEAVE, len(left))

    praise = seen_to_the_end.responses
    praise = praise[(praise["stage"] == "comparison") & praise["customer"].isin(planted)].set_index("customer")
    assert len(praise) == len(planted)
    assert (praise["score"] == 5).all()
    assert (praise["comment"] != "").all()
    assert (praise["answered_at"] < fee.reindex(praise.index)).all()
    web = events[events["event"].isin(["visit", "product_view", "add_to_cart"])]
    last = web[web["customer"].isin(planted)].groupby("customer")["at"].max()
    assert (last < fee.reindex(last.index)).all(), "nothing on the site after the fee"


def test_fine_scores_after_long_waits_are_planted_at_the_known_rate(seen_to_the_end: Simulated) -> None:
    truth = seen_to_the_end.truth
    asked = truth.invitations[truth.invitations["survey"] == "after-sales"]
    asked = asked.merge(truth.customers[["customer", "wait_minutes"]], on="customer")
    long_wait = asked[asked["wait_minutes"] > LONG_WAIT]
    assert close(float(long_wait["planted"].mean()), WAIT_BUT_FINE, len(long_wait))
    assert (long_wait.loc[long_wait["planted"], "true_score"] >= 6).all()
    assert long_wait.loc[~long_wait["planted"], "true_score"].mean() < 5


def test_what_lies_after_the_cut_off_is_not_in_the_tables(cut: Simulated) -> None:
    assert cut.events["at"].max() < cut.as_of
    assert cut.responses["asked_at"].max() < cut.as_of
    assert cut.responses["answered_at"].max() < cut.as_of
    unanswered = cut.responses["answered_at"].isna()
    assert unanswered.any(), "invitations without an answer are rows"
    assert cut.responses.loc[unanswered, "score"].isna().all()
    assert (cut.responses.loc[unanswered, "comment"] == "").all()


def test_some_customers_are_still_open_at_the_cut_off(cut: Simulated) -> None:
    ended = cut.events.loc[cut.events["event"].isin(["purchase", "unsubscribe"]), "customer"].nunique()
    latent = cut.truth.customers
    later = (latent["entry_at"] + latent[["purchase_days", "unsubscribe_days"]].min(axis=1) * DAY) >= cut.as_of
    assert ended == 5_000 - later.sum()
    assert later.sum() > 100


def test_the_log_has_ties_and_every_channel(cut: Simulated) -> None:
    assert cut.events.duplicated(["customer", "at"]).sum() > 100
    assert set(cut.events["channel"]) == {"web", "e-mail", "SMS", "phone", "shop", "social", "home"}
    assert not cut.events.duplicated().any()


def test_the_steps_of_a_visit_keep_their_order_in_an_export_in_minutes(cut: Simulated) -> None:
    steps = ["add_to_cart", "fee_shown", "purchase"]
    wide = {name: firsts(cut.events, name) for name in steps}
    fee = wide["fee_shown"].index
    assert (wide["add_to_cart"].reindex(fee) < wide["fee_shown"]).all()
    both = fee.intersection(wide["purchase"].index)
    assert (wide["fee_shown"][both] < wide["purchase"][both]).all()
    assert (cut.events["at"] % 60_000_000 == 0).all()


def test_the_first_delivery_keeps_the_promise_unless_late(cut: Simulated) -> None:
    delivered = firsts(cut.events[cut.events["order"] % 1000 == 0], "delivered")
    people = cut.customers.set_index("customer").loc[delivered.index]
    late = cut.truth.customers.set_index("customer").loc[delivered.index, "late"]
    assert ((delivered >= people["promised"] + DAY).to_numpy(dtype=bool) == late.to_numpy()).all()


def test_verbatims_are_varied_and_in_two_languages(cut: Simulated) -> None:
    said = cut.responses.loc[cut.responses["comment"] != "", "comment"]
    assert said.nunique() > 250
    assert said.str.contains("livraison").any()
    assert said.str.contains("shipping").any()
    assert not said.str.contains("{", regex=False).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_customers": 0}, "n_customers=0 must lie in 1 to"),
        ({"as_of": "2025-01-01"}, "cut-off must come after the start"),
        ({"start": "soon"}, "start='soon' is not a date"),
        ({"entry_days": 0}, "at least one day"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        simulate(**{"n_customers": 10, "seed": 1, **options})
    assert caught.value.code == "CJ-DS-001"


def test_a_single_customer_is_enough() -> None:
    alone = simulate(n_customers=1, seed=3)
    assert alone.customers["customer"].tolist() == ["00001"]
