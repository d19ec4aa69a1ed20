"""Quotations come redacted, from groups of ten people or more, and always the same ones."""

from __future__ import annotations

import pandas as pd
import pytest

from cjlib.core.errors import ParameterError
from cjlib.privacy.quotes import quotes


def said(group: str, people: int, text: str = "Le colis numéro {i} est arrivé en retard.") -> pd.DataFrame:
    rows = [(group, f"c{i:02d}", text.format(i=i)) for i in range(people)]
    return pd.DataFrame(rows, columns=["group", "customer", "comment"])


@pytest.mark.parametrize(("people", "found"), [(9, 0), (10, 3), (30, 3)])
def test_only_groups_of_ten_people_are_quoted(people: int, found: int) -> None:
    assert len(quotes(said("late", people))) == found


def test_people_are_counted_not_comments() -> None:
    twice = pd.concat([said("late", 9), said("late", 9, "Toujours pas de nouvelles, le {i}.")])
    assert quotes(twice).empty
    assert quotes(twice).columns.tolist() == ["group", "quote"]


def test_those_who_wrote_nothing_do_not_make_a_group() -> None:
    silent = said("late", 12)
    silent.loc[8:, "comment"] = ["", "  ", None, float("nan")]
    assert quotes(silent).empty


def test_the_choice_does_not_depend_on_row_order_or_ids() -> None:
    both = pd.concat([said("late", 25), said("early", 25, "Reçu en avance, merci pour le {i} !")])
    chosen = quotes(both)
    shuffled = both.sample(frac=1, random_state=3)
    renamed = both.assign(customer="x" + both["customer"])
    assert chosen["group"].tolist() == ["late"] * 3 + ["early"] * 3
    for other in (shuffled, renamed):
        again = quotes(other)
        assert {*again.itertuples(index=False, name=None)} == {*chosen.itertuples(index=False, name=None)}


def test_no_customer_is_quoted_twice() -> None:
    crowd = said("late", 10, "ok")
    loud = pd.DataFrame(
        {"group": "late", "customer": "c00", "comment": [f"Colis {i} en retard, hélas." for i in range(50)]}
    )
    assert len(quotes(pd.concat([crowd, loud]))) == 2


def test_quotes_are_redacted_and_clean_ones_preferred() -> None:
    group = said("late", 10, "Écrivez-moi : personne{i}@example.com, merci.")
    assert quotes(group, n=1)["quote"].tolist() == ["Écrivez-moi : [e-mail], merci."]
    clean = pd.concat([group, said("late", 1, "Colis en retard de trois jours.")])
    assert quotes(clean, n=1)["quote"].tolist() == ["Colis en retard de trois jours."]
    assert not quotes(clean)["quote"].str.contains("@").any()


@pytest.mark.parametrize(("options", "message"), [({"min_people": 9}, "below 10"), ({"n": 0}, "at least 1")])
def test_the_floor_can_only_be_raised(options: dict[str, int], message: str) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        quotes(said("late", 20), **options)
    assert caught.value.code == "CJ-PV-003"
    assert quotes(said("late", 20), min_people=21).empty
