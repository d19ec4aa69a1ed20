from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.analyses.segment_scan import segment_scan
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import using
from cjlib.journey.frames import from_frames
from cjlib.stats.multiplicity import benjamini_hochberg
from cjlib.stats.scan import looks

DAY = 86_400_000_000
ASKED = {"start": "visit", "outcome": "purchase", "within": "30 days"}


def study(who: pd.DataFrame, bought, *, min_people: int = 1, day: int = 1, started=0, channel="Web"):
    """Log of customers who visited on the day `started` and, where `bought`, purchased `day` days later."""
    who = who.assign(customer=np.arange(len(who)).astype(str))
    visits = pd.DataFrame({"customer": who["customer"], "at": np.asarray(started) * DAY, "event": "visit"})
    sales = visits[np.asarray(bought)]
    events = pd.concat([visits.assign(channel=channel), sales.assign(at=sales["at"] + day * DAY, event="purchase")])
    return from_frames(events, customers=who, as_of="1970-04-11", min_people=min_people)[0]  # day 100


def people(seed: int, n: int = 2000, **levels: int) -> tuple[np.random.Generator, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    return rng, pd.DataFrame({name: [f"{name[0]}{k}" for k in rng.integers(0, kinds, n)]
                              for name, kinds in levels.items()})  # fmt: skip


def codes(result) -> list[str]:
    return [note.code for note in result.notes]


def test_a_planted_pair_is_found_and_its_shrunken_share_is_less_extreme():
    rng, who = people(1, region=4, plan=3)
    planted = (who["region"] == "r1") & (who["plan"] == "p2")
    result = segment_scan(study(who, rng.random(2000) < np.where(planted, 0.6, 0.3)), **ASKED)
    first = result.table.iloc[0]
    assert first["segment"] == "region = r1, plan = p2"
    assert 0.3 < first["shrunken"] < first["share"]
    assert first["difference_low"] > 0
    assert result.comparisons == result.params["n_comparisons"] == 4 + 3 + 12
    assert result.kpi("n_segments").estimate == len(result.table)
    assert "of 19 segments looked at" in result.answer()
    assert {"CJ-AN-332", "CJ-AN-333", "CJ-AN-334"} <= set(codes(result))


def test_a_planted_value_is_listed_and_its_pairs_are_not():
    rng, who = people(2, 3000, region=5, plan=3)
    result = segment_scan(study(who, rng.random(3000) < np.where(who["region"] == "r0", 0.5, 0.25)), **ASKED)
    assert result.table["segment"].iloc[0] == "region = r0"
    assert not result.table["segment"].str.contains("region = r0, ").any()


def test_what_is_listed_is_what_passes_benjamini_and_hochberg_over_all_looks():
    rng, who = people(3, region=6, plan=4)
    bought = rng.random(2000) < np.where(who["plan"] == "p1", 0.45, 0.3)
    cells = who.assign(n=1, n_event=bought.astype(int))
    found, counted = looks(cells, ["region", "plan"], least=30)
    result = segment_scan(study(who, bought), **ASKED)
    passes = benjamini_hochberg(found["p"]) <= 0.1
    assert len(result.table) == passes.sum() > 0
    assert result.more("looked")["n_looked"].tolist() == counted["n_looked"].tolist()
    assert result.more("looked")["n_passed"].sum() == passes.sum()
    assert sorted(result.table["p"]) == pytest.approx(sorted(found.loc[passes, "p"]))


def test_where_nothing_passes_it_is_said_plainly_and_drawn_as_such():
    rng, who = people(4, region=4)
    result = segment_scan(study(who, rng.random(2000) < 0.3), **ASKED)
    assert result.table.empty
    assert result.answer() == "None of the 4 segments looked at differs from all others more than chance would make it."
    assert "CJ-AN-333" not in codes(result)
    assert "none differs" in " ".join(text.get_text() for text in result.plot().texts)
    with using("fr"):
        assert result.answer().startswith("Aucun des 4 segments")


def test_only_customers_whose_window_is_over_count_and_the_others_are_said():
    who = pd.DataFrame({"plan": ["a", "b"] * 100})
    started = np.where(np.arange(200) < 160, 0, 95)
    result = segment_scan(study(who, np.ones(200, dtype=bool), started=started), **ASKED)
    assert result.more("everybody")[["n_started", "n", "n_open", "n_event"]].iloc[0].tolist() == [200, 160, 40, 160]
    assert "CJ-AN-336" in codes(result)


@pytest.mark.parametrize(("day", "expected"), [(30, 100), (31, 0)])
def test_the_window_holds_its_last_instant_and_nothing_after_it(day, expected):
    who = pd.DataFrame({"plan": ["a", "b"] * 50})
    found = segment_scan(study(who, np.ones(100, dtype=bool), day=day), **ASKED)
    assert found.more("everybody")["n_event"].iloc[0] == expected


def test_an_outcome_after_a_competing_end_does_not_count():
    who = pd.DataFrame({"customer": np.arange(100).astype(str), "plan": ["a", "b"] * 50})
    rows = [("visit", 0, 100), ("leave", 1, 40), ("purchase", 2, 60)]
    events = pd.concat([pd.DataFrame({"customer": who["customer"][:n], "at": day * DAY, "event": event})
                        for event, day, n in rows])  # fmt: skip
    log = from_frames(events, customers=who, as_of="1970-04-11")[0]
    assert segment_scan(log, **ASKED).more("everybody")["n_event"].iloc[0] == 60
    assert segment_scan(log, competing=["leave"], **ASKED).more("everybody")["n_event"].iloc[0] == 20
    assert segment_scan(log, competing="censor", **ASKED).more("everybody")["n_event"].iloc[0] == 60


@pytest.mark.parametrize(("windows", "taken"), [(["7 days", "30 days", "90 days"], "30 days"), (["90 days"], "90 days"),
                                                (["90 days", "120 days"], "90 days")])  # fmt: skip
def test_of_several_windows_the_longest_is_taken_that_is_over_for_half(windows, taken):
    who = pd.DataFrame({"plan": ["a", "b"] * 100})
    started = np.where(np.arange(200) < 90, 0, 60)
    result = segment_scan(study(who, np.ones(200, dtype=bool), started=started), **{**ASKED, "within": windows})
    assert result.params["within"] == taken
    assert ("CJ-AN-337" in codes(result)) == (len(windows) > 1)


def test_the_channel_of_entry_is_an_attribute_and_the_unknown_value_a_segment():
    rng = np.random.default_rng(0)
    channel = rng.choice(["Web", "Shop", None], 900)
    who = pd.DataFrame({"plan": rng.choice(["a", "b"], 900)})
    found = segment_scan(study(who, (channel == "Shop") & (rng.random(900) < 0.8), channel=channel), **ASKED)
    assert "channel = Shop" in found.table["segment"].tolist()
    assert found.more("looked").set_index("attribute")["n_looked"]["channel"] == 3
    own = segment_scan(study(who, channel == "Shop", channel=channel), attributes=["plan"], **ASKED)
    assert own.comparisons == 1


def test_pairs_can_be_left_out():
    rng, who = people(5, region=3, plan=3)
    log = study(who, rng.random(2000) < 0.3)
    assert segment_scan(log, pairs=False, **ASKED).comparisons == 6
    assert segment_scan(log, **ASKED).comparisons == 15


def test_a_segment_that_tells_of_a_few_people_is_not_listed_and_that_is_said():
    who = pd.DataFrame({"plan": ["a"] * 100 + ["b"] * 100 + ["c"] * 100})
    bought = np.repeat([True, False, True, False, True, False], [50, 50, 98, 2, 48, 52])  # two of plan b did not
    shown = segment_scan(study(who, bought, min_people=1), **ASKED)
    hidden = segment_scan(study(who, bought, min_people=5), **ASKED)
    assert "plan = b" in shown.table["segment"].tolist()
    assert "plan = b" not in hidden.table["segment"].tolist()
    assert "CJ-AN-335" in codes(hidden)
    everybody = hidden.more("everybody").iloc[0]
    left = [everybody[name] - hidden.table[name].sum() for name in ("n_event", "n_without")]
    assert all(rest == 0 or rest >= 5 for rest in left)
    assert "cannot" not in hidden.answer()


def test_if_all_findings_tell_of_a_few_people_none_is_listed_but_they_are_counted():
    who = pd.DataFrame({"plan": ["a"] * 100 + ["b"] * 100})
    bought = np.repeat([True, False, True, False], [98, 2, 50, 50])
    result = segment_scan(study(who, bought, min_people=5), **ASKED)
    assert result.table.empty
    assert (
        result.answer() == "1 of 1 segments looked at differs from all others, but none can be listed: "
        "the groups are too small."
    )
    assert "too few people" in " ".join(text.get_text() for text in result.plot().texts)


def test_what_cannot_be_said_is_a_sentence():
    who = pd.DataFrame({"plan": ["a", "b"] * 20})
    log = study(who, np.ones(40, dtype=bool))
    with pytest.raises(NotEnoughDataError, match="No segment has 30 customers") as caught:
        segment_scan(log, **ASKED)
    assert caught.value.code == "CJ-AN-331"
    with pytest.raises(NotEnoughDataError, match="Nobody's window of 120 days") as caught:
        segment_scan(log, **{**ASKED, "within": "120 days"})


@pytest.mark.parametrize("wrong", [{"attributes": []}, {"attributes": ["plan", "plan"]}, {"attributes": ["plam"]},
                                   {"fdr": 0.0}, {"fdr": 1.0}, {"outcome": "buy"}, {"within": "30"}])  # fmt: skip
def test_a_wrong_argument_is_refused(wrong):
    log = study(pd.DataFrame({"plan": ["a", "b"] * 50}), np.ones(100, dtype=bool))
    with pytest.raises(ParameterError):
        segment_scan(log, **{**ASKED, **wrong})


@pytest.mark.parametrize("day", [1, 31])
def test_all_or_nobody_with_the_outcome_lists_nothing(day):
    who = pd.DataFrame({"plan": ["a", "b"] * 50})
    result = segment_scan(study(who, np.ones(100, dtype=bool), day=day), **ASKED)
    assert result.table.empty
    assert result.comparisons == 1


def test_an_attribute_written_after_the_outcome_is_suspected():
    rng, who = people(6, 600, region=3)
    bought = rng.random(600) < 0.4
    result = segment_scan(study(who.assign(status=np.where(bought, "client", "lead")), bought), **ASKED)
    note = next(note for note in result.notes if note.code == "CJ-AN-338")
    assert "status = client" in note.message
    assert "CJ-AN-338" not in codes(segment_scan(study(who, bought), **ASKED))


@pytest.mark.slow
def test_where_nothing_differs_a_false_finding_is_as_rare_as_stated():
    false, naive, many = 0, 0, 120
    for seed in range(many):
        rng, who = people(seed, 1200, region=8, plan=4, source=3)
        cells = who.assign(n=1, n_event=(rng.random(1200) < 0.3).astype(int))
        found, _ = looks(cells, ["region", "plan", "source"], least=30)
        false += bool((benjamini_hochberg(found["p"]) <= 0.1).any())
        naive += bool((found["p"] <= 0.05).any())
    assert false / many <= 0.1 + 2 * np.sqrt(0.1 * 0.9 / many)
    assert naive / many > 0.4  # one by one, about every second scan finds something


@pytest.mark.slow
def test_with_a_true_segment_among_many_the_share_of_false_findings_is_as_stated():
    shares, found_it, many = [], 0, 60
    for seed in range(many):
        rng, who = people(1000 + seed, 1500, region=8, plan=4, source=3)
        pair = (who["region"] == "r1") & (who["plan"] == "p1")
        cells = who.assign(n=1, n_event=(rng.random(1500) < np.where(pair, 0.75, 0.3)).astype(int))
        found, _ = looks(cells, ["region", "plan", "source"], least=30)
        listed = found[benjamini_hochberg(found["p"]) <= 0.1]
        # also true: the region and the plan as a whole (and so the other regions and plans, against all others)
        true = listed["attribute"].isin(["region", "plan"]) & (
            (listed["other_attribute"] == "") | ((listed["level"] == "r1") & (listed["other_level"] == "p1"))
        )
        found_it += bool(((listed["level"] == "r1") & (listed["other_level"] == "p1")).any())
        shares.append(float((~true).mean()) if len(listed) else 0.0)
    assert found_it / many > 0.9
    assert np.mean(shares) <= 0.1 + 2 * np.std(shares) / np.sqrt(many)
