"""Those who did not answer: bias removed on the simulator, bounds, sentences, properties."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.analyses.nonresponse import nonresponse
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.datasets.simulate import Simulated, simulate
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000
LATE = {"delivered": "promised"}
SCALES = {"csat": (1, 5), "ces": (1, 7), "nps": (0, 10)}


def shop(n: int, seed: int):
    made = simulate(n_customers=n, seed=seed)
    who = made.customers[["customer", "persona", "promised"]]
    who = who.assign(promised=pd.to_datetime(who["promised"], unit="us", utc=True))
    log, said = from_frames(made.events[["customer", "at", "event"]], responses=made.responses, customers=who,
                            as_of=pd.Timestamp(made.as_of, unit="us", tz="UTC"), zone="Europe/Paris",
                            scales=SCALES)  # fmt: skip
    return made, log, said


def heard(made: Simulated, survey: str) -> pd.Series:
    """True scores of everybody whose invitation was sent by the cut-off."""
    sent = made.responses.loc[made.responses["stage"] == survey, "customer"]
    everybody = made.truth.invitations
    return everybody.loc[(everybody["survey"] == survey) & everybody["customer"].isin(sent), "true_score"]


def nps(scores: pd.Series) -> float:
    return float(100 * ((scores >= 9).mean() - (scores <= 6).mean()))


def small(n: int = 300, *, answered=None, score=None, events=None, min_people=1, who=None, **options):
    """Half of the people visited twice; who is asked on day 20, instrument nps."""
    people = who or [f"c{i:04d}" for i in range(n)]
    rows = [(name, day * DAY, "visit") for place, name in enumerate(people) for day in ([1, 2] if place % 2 else [1])]
    log_rows = pd.DataFrame(rows if events is None else events, columns=["customer", "at", "event"])
    n = len(people)
    here = np.arange(n) % 3 > 0 if answered is None else np.asarray(answered)
    values = np.where(np.arange(n) % 2, 10.0, 7.0) if score is None else np.asarray(score, dtype=float)
    said = pd.DataFrame({"customer": people, "asked_at": 20 * DAY, "instrument": "nps",
                         "score": np.where(here, values, np.nan)})  # fmt: skip
    said["answered_at"] = pd.array(np.where(here, 21 * DAY, -1), dtype="Int64")
    said.loc[~here, "answered_at"] = pd.NA
    return from_frames(log_rows, responses=said, as_of="1970-03-01", scales=SCALES, min_people=min_people, **options)


def value(result, basis: str, column: str = "score") -> float:
    return float(result.table.set_index("basis")[column][basis])


def codes(result) -> dict[str, str]:
    return {note.code: note.message for note in result.notes}


@pytest.fixture(scope="module")
def seen():
    return shop(15_000, 3)


def test_weighting_removes_two_thirds_of_the_bias_and_more(seen):
    made, log, said = seen
    result = nonresponse(said, log, instrument="nps", deadlines=LATE)
    truth = nps(heard(made, "loyalty"))
    assert value(result, "answered") - truth > 6
    assert abs(value(result, "weighted") - truth) < (value(result, "answered") - truth) / 3


@pytest.mark.parametrize(("instrument", "survey"), [("nps", "loyalty"), ("ces", "after-sales")])
def test_the_truth_of_everybody_lies_inside_the_interval_and_the_bounds(seen, instrument, survey):
    made, log, said = seen
    result = nonresponse(said, log, instrument=instrument, deadlines=LATE)
    truth = nps(heard(made, survey)) if instrument == "nps" else heard(made, survey).mean()
    assert value(result, "weighted", "ci_low") < truth < value(result, "weighted", "ci_high")
    assert value(result, "worst") < truth < value(result, "best")


def test_the_plain_interval_misses_the_truth_that_the_weighted_one_holds(seen):
    made, log, said = seen
    result = nonresponse(said, log, instrument="nps", deadlines=LATE)
    assert nps(heard(made, "loyalty")) < value(result, "answered", "ci_low") - 3
    change = result.kpi("change")
    assert change.ci_high < -4
    assert change.estimate == pytest.approx(value(result, "weighted") - value(result, "answered"))


def test_what_the_weights_do_not_know_they_do_not_repair(seen):
    _, log, said = seen
    blind, told = (nonresponse(said, log, instrument="nps", deadlines=known) for known in (None, LATE))
    assert value(blind, "weighted") > value(told, "weighted") + 1  # lateness is a date, not an event
    assert value(blind, "weighted") < value(blind, "answered")
    assert "CJ-AN-062" in codes(told)


def test_balance_is_reached_and_its_price_is_told(seen):
    _, log, said = seen
    result = nonresponse(said, log, instrument="nps", deadlines=LATE)
    balance, cost = result.more("balance"), result.more("weights").iloc[0]
    assert balance["covariate"].iloc[0] == "late: delivered"
    assert balance["before"].iloc[0] > 0.15
    assert balance["after"].max() < 0.05
    assert balance["before"].is_monotonic_decreasing
    assert cost["n_effective"] == pytest.approx(cost["n_answered"] / cost["design_effect"])
    assert 0.5 < cost["r_indicator"] < 0.9
    assert "CJ-AN-063" not in codes(result)


def test_the_first_row_equals_the_scores_of_the_study(seen):
    from cjlib.analyses.scores import scores

    _, log, said = seen
    for name in ("nps", "csat", "ces"):
        ours = nonresponse(said, log, instrument=name).table.iloc[0][["n", "score", "ci_low", "ci_high"]].tolist()
        theirs = scores(said, instrument=name).table.iloc[0][["n", "score", "ci_low", "ci_high"]].tolist()
        assert ours == pytest.approx(theirs)


@pytest.mark.slow
def test_the_interval_covers_the_truth_over_seeds():
    truth = simulate(n_customers=80_000, seed=99, as_of="2032-01-01").truth.nps()
    hits, plain, moved = 0, 0, []
    for seed in range(25):
        _, log, said = shop(3_000, 1000 + seed)
        table = nonresponse(said, log, instrument="nps", deadlines=LATE).table.set_index("basis")
        hits += table["ci_low"]["weighted"] <= truth <= table["ci_high"]["weighted"]
        plain += table["ci_low"]["answered"] <= truth <= table["ci_high"]["answered"]
        moved.append((table["score"]["answered"] - truth, table["score"]["weighted"] - truth))
    before, after = np.mean(moved, axis=0)
    assert hits >= 25 * (0.95 - 3.5 * np.sqrt(0.95 * 0.05 / 25))
    assert plain <= 12
    assert abs(after) < 0.25 * before


def test_worst_and_best_case_are_what_arithmetic_says():
    log, said = small(300)
    result = nonresponse(said, log, instrument="nps")
    # 200 answered: 100 promoters and 100 passives; 100 silent.
    assert value(result, "answered") == pytest.approx(50)
    assert value(result, "worst") == pytest.approx(0)
    assert value(result, "best") == pytest.approx(200 / 3)
    assert "more than 150.0 points lower" in codes(result)["CJ-AN-066"]


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (np.r_[np.full(150, 0), np.full(150, 8)], "above 0 if those who did not answer are more than"),
        (np.full(300, 0), "gave the highest score, NPS would stay below 0"),
        (np.full(300, 10), "gave the lowest score, NPS would stay above 0"),
    ],
)
def test_the_tipping_point_says_which_way_and_whether_it_can_be_reached(score, message):
    log, said = small(300, score=score)
    assert message in codes(nonresponse(said, log, instrument="nps"))["CJ-AN-066"]


def test_answers_all_alike_have_no_spread_to_speak_of():
    log, said = small(300, score=np.full(300, 10))
    result = nonresponse(said, log, instrument="nps")
    assert value(result, "weighted") == pytest.approx(100)
    assert np.isnan(value(result, "weighted", "ci_low"))
    assert "nan" not in result.answer()


def test_only_answers_known_is_a_sentence():
    log, said = small(60, all_invitations_known=False)
    with pytest.raises(NotEnoughDataError, match="hold answers only, not the invitations") as caught:
        nonresponse(said, log, instrument="nps")
    assert caught.value.code == "CJ-AN-060"


def test_nobody_answered_is_a_sentence():
    log, said = small(60, answered=np.zeros(60, dtype=bool))
    with pytest.raises(NotEnoughDataError, match="Nobody answered NPS"):
        nonresponse(said, log, instrument="nps")


@pytest.mark.parametrize(
    ("options", "message", "severity"),
    [
        ({"answered": np.ones(60, dtype=bool)}, "nothing to weight for", "info"),
        ({"answered": np.arange(60) < 20}, "there are 20 and 40", "limit"),
        ({"events": [("c0000", 0, "visit")]}, "nothing that varies is known", "limit"),
    ],
)
def test_without_an_estimate_the_row_is_left_out_and_the_reason_given(options, message, severity):
    n = 60 if "answered" in options else 300
    log, said = small(n, **options)
    result = nonresponse(said, log, instrument="nps")
    assert result.table["basis"].tolist() == ["answered", "worst", "best"]
    note = next(note for note in result.notes if note.code == "CJ-AN-061")
    assert message in note.message
    assert note.severity == severity
    assert "whatever the others would have said" in result.answer()
    assert result.plot() is not None


def test_one_answer_or_none_in_the_open_is_hidden_by_the_gate():
    log, said = small(60, answered=np.arange(60) < 3, min_people=5)
    result = nonresponse(said, log, instrument="nps")
    assert result.table["score"].isna().iloc[0]
    assert result.answer() == "Too few people answered to print a score."
    assert result.more("weights")["n_answered"].isna().all()


def test_an_unknown_instrument_is_refused_with_the_nearest():
    log, said = small(60)
    with pytest.raises(ParameterError, match="Did you mean 'nps'"):
        nonresponse(said, log, instrument="npss")


def test_one_kind_of_silent_people_leaves_unequal_weights_and_says_so():
    rng = np.random.default_rng(4)
    people = [f"c{i:04d}" for i in range(2000)]
    visits = rng.integers(0, 12, 2000)
    events = [(name, day * DAY, "visit") for name, count in zip(people, visits, strict=True) for day in range(count)]
    answered = rng.random(2000) < 1 / (1 + np.exp(4.2 - 0.65 * visits))
    log, said = small(who=people, events=events, answered=answered, score=np.minimum(visits, 10))
    result = nonresponse(said, log, instrument="nps")
    assert {"CJ-AN-064", "CJ-AN-065"} <= set(codes(result))
    assert result.kpi("n_effective").estimate < answered.sum() / 2


@settings(max_examples=5)
@given(st.integers(2, 3))
def test_duplicated_people_change_nothing_but_the_numbers_and_the_width(times):
    names = [f"c{i:04d}" for i in range(240)]
    log, said = small(who=names)
    again = [f"{name}-{copy}" for copy in range(times) for name in names]
    other = small(who=again, answered=np.tile(np.arange(240) % 3 > 0, times))
    one, more = nonresponse(said, log, instrument="nps"), nonresponse(other[1], other[0], instrument="nps")
    assert more.table["score"].tolist() == pytest.approx(one.table["score"].tolist())
    assert more.table["n"].tolist() == [times * n for n in one.table["n"]]
    assert more.more("balance")["after"].tolist() == pytest.approx(one.more("balance")["after"].tolist(), abs=1e-9)
    width = [r.table.set_index("basis").loc["weighted", ["ci_low", "ci_high"]].diff().iloc[1] for r in (one, more)]
    assert width[1] == pytest.approx(width[0] / np.sqrt(times), rel=0.02)


def test_few_people_for_many_covariates_are_told():
    cities = [
        pd.DataFrame(
            {"customer": [f"c{i:04d}" for i in range(n)], "city": ["P", "L", "N", "M"] * (n // 4) + ["P"] * (n % 4)}
        )
        for n in (99, 600)
    ]
    few, many = (nonresponse(*small(len(who), customers=who)[::-1], instrument="nps") for who in cities)
    assert "33 people on the smaller side are few" in codes(few)["CJ-AN-068"]
    assert "CJ-AN-068" not in codes(many)


def test_events_after_the_invitation_change_nothing():
    log, said = small(300)
    rows = [(f"c{i:04d}", day * DAY, "visit") for i in range(300) for day in ([1, 2] if i % 2 else [1])]
    silent_leave = [(f"c{i:04d}", 25 * DAY, "unsubscribe") for i in range(0, 300, 3)]
    leaked_log, leaked_said = small(300, events=[*rows, *silent_leave])
    plain, leaked = nonresponse(said, log, instrument="nps"), nonresponse(leaked_said, leaked_log, instrument="nps")
    assert leaked.table.equals(plain.table)
    assert leaked.more("balance").equals(plain.more("balance"))


def test_raking_on_few_totals_removes_most_of_the_bias_too(seen):
    made, log, said = seen
    result = nonresponse(said, log, instrument="nps", deadlines=LATE)
    truth = nps(heard(made, "loyalty"))
    assert abs(value(result, "raked") - truth) < (value(result, "answered") - truth) / 3
    assert value(result, "raked", "ci_low") < truth < value(result, "raked", "ci_high")
    cost = result.more("weights").set_index("basis")
    assert list(cost.index) == ["weighted", "raked"]
    assert 1 < cost["design_effect"]["raked"] < 2
    assert cost["n_effective"]["raked"] == pytest.approx(value(result, "raked", "n_effective"))


def test_raked_weights_balance_their_own_margins_and_the_table_says_what_they_leave(seen):
    _, log, said = seen
    result = nonresponse(said, log, instrument="nps", deadlines=LATE)
    balance = result.more("balance").set_index("covariate")
    assert balance["raked"]["late: delivered"] < 1e-4
    assert balance["raked"].filter(like="persona").max() < 1e-4
    assert balance["before"]["late: delivered"] > 0.15
    assert result.params["margins"][-2:] == ["late: delivered", "persona"]
    assert "raked on a few known totals" in result.answer()
    assert "late: delivered; persona" in result.definition()


def test_two_weightings_that_disagree_are_told(monkeypatch, seen):
    _, log, said = seen
    monkeypatch.setattr(
        "cjlib.analyses.silence.margins", lambda behaviour: {("coin", ""): np.arange(len(behaviour.invitations)) % 2}
    )
    result = nonresponse(said, log, instrument="nps", deadlines=LATE)
    assert "disagree by more than their interval" in codes(result)["CJ-AN-069"]
    assert "in: late: delivered" in codes(result)["CJ-AN-063"]


def test_margins_that_cannot_be_met_leave_the_raked_row_out_and_say_why(monkeypatch):
    log, said = small(events=[(f"c{i:04d}", day * DAY, "visit") for i in range(300) for day in range(1 + i % 2)])

    def refuse(*_):
        raise NotEnoughDataError("The known margins cannot all be met.")

    monkeypatch.setattr("cjlib.analyses.silence.rake_to_all", refuse)
    result = nonresponse(said, log, instrument="nps")
    assert list(result.table["basis"]) == ["answered", "weighted", "worst", "best"]
    assert "cannot all be met" in codes(result)["CJ-AN-070"]
