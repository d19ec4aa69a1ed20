"""The French catalogue says everything that the project says, and nothing else."""

from __future__ import annotations

import re

import pytest

from cjlib.core.text import t, using
from tools import catalogue

USED, UNSEEN = catalogue.used()
ENTRIES = catalogue.entries()
FRENCH = [form for forms in ENTRIES.values() for form in ([forms] if isinstance(forms, str) else forms)]


def test_every_message_can_be_seen_by_reading_the_code():
    assert UNSEEN == []


def test_every_message_is_translated():
    assert {key: place for key, place in USED.items() if not ENTRIES.get(key)} == {}


def test_no_entry_is_unused():
    assert [key for key in ENTRIES if key not in USED] == []


def test_every_translation_is_french_and_keeps_the_fields():
    assert {key: found for key, form in ENTRIES.items() if (found := catalogue.faults(key, form))} == {}


@pytest.mark.parametrize(
    ("key", "translation", "fault"),
    [
        ("{n} rows", "{m} lignes", "should have the fields ['n']"),
        ("{n} rows", "lignes", "should have the fields ['n']"),
        (("{n} row", "{n} rows"), ("{n} ligne", "lignes"), "should have the fields ['n']"),
        ("All reports", "All reports", "is still English"),
        (("{n} big row", "{n} big rows"), ("{n} big row", "{n} lignes"), "is still English"),
        ("All reports", "", "has no translation"),
    ],
)
def test_a_wrong_entry_is_found(key, translation, fault):
    assert fault in catalogue.faults(key, translation)


@pytest.mark.parametrize("key", ["Notebook", "Kaplan-Meier", "{x} min", "n = {n}"])
def test_a_word_may_be_the_same_in_both_languages(key):
    assert catalogue.faults(key, key) == []


def test_french_marks_have_their_spaces():
    ordinary = re.compile(r" [;:!?%»]|« |[^\W\d_][;!?»]|’")
    assert [form for form in FRENCH if ordinary.search(form)] == []


def test_messages_are_found_wherever_they_are_written():
    for key in (
        "Rows read",  # first argument of t
        "{n} events lie after the cut-off and were left out.",
        ("{n} mention", "{n} mentions"),  # both forms of tn
        ("{n} failed", "{n} failed"),  # chosen from a table
        "n = {n} (low)",  # one of two
        "Still there", "cumulative incidence", "Who stays",  # label, meaning, caption of columns
        "Mean score.",  # definition of an instrument
        "Skip to the content",  # template
        "orders",  # what travels in a study
        "exact duplicate", "invitations without an answer",  # named in one room, translated in another
    ):  # fmt: skip
        assert key in USED, key
    assert any(isinstance(key, str) and key.startswith("# Where do customers leave?") for key in USED)


def test_the_catalogue_is_in_the_order_of_the_project():
    places = re.findall(r"^#: (.+)$", catalogue.CATALOGUE.read_text(encoding="utf-8"), re.MULTILINE)
    assert places == sorted(places), "put it in order: python -m tools.catalogue --write"
    assert len(places) == len(ENTRIES)


def test_a_translation_is_used():
    with using("fr"):
        assert t("All reports") == "Tous les rapports"
