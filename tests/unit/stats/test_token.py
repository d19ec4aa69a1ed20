"""Cleaning, tokens, lemmas, negations, expressions, languages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.datasets.verbatims import BRITISH, FRENCH, sentences
from cjlib.stats.language import detect
from cjlib.stats.token import READ, clean, read, terms


def words(text: str) -> list[str]:
    tokens = read([text])
    return [str(tokens.words[code]) for code in tokens.code]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L’attente qu'on m'impose", ["l'", "attente", "qu'", "on", "m'", "impose"]),
        ("I don't, I can't, I won't", ["i", "do", "not", ",", "i", "can", "not", ",", "i", "will", "not"]),
        ("DÉÇU 😡 12,50 € www.exemple.fr/x a@b.fr", ["déçu", ","]),
        ("simpleSimple et efficace", ["simple", ".", "simple", "et", "efficace"]),
        ("", []),
        ("12345 €€", []),
    ],
    ids=["elisions", "contractions", "digits, links and pictograms", "glued title", "empty", "no letters"],
)
def test_a_comment_is_split_into_words(text, expected):
    assert words(text) == expected


def found(texts, language="fr", least=1):
    made = terms(read(texts), range(len(texts)), language, min_documents=least)
    return dict(zip(made.names, made.matrix.sum(axis=0).A1.astype(int), strict=True))


@pytest.mark.parametrize(
    ("text", "language", "term"),
    [
        ("je ne recommande pas cette banque", "fr", "pas cette banque"),
        ("pas recommandable", "fr", "pas recommandable"),
        ("jamais reçu", "fr", "jamais reçu"),
        ("sans frais", "fr", "sans frais"),
        ("it was not delivered", "en", "not delivered"),
        ("never again", "en", ""),
        ("não recebi o produto", "pt", "não recebi"),
    ],
)
def test_a_negation_is_joined_to_the_next_word(text, language, term):
    got = found([text], language)
    assert term == "" or term in got
    assert not any(name in got for name in (term.split()[-1:] if term else []))


def test_a_negation_does_not_reach_over_punctuation():
    got = found(["pas, merci"])
    assert "merci" in got
    assert "pas, merci" not in got


def test_forms_of_a_word_are_one_term_and_small_words_are_kept_for_reading():
    got = found(["les frais de port", "des frais de port", "mes retards", "un retard"], least=2)
    assert got == {"frais": 2, "port": 2, "frais de port": 2, "retard": 2} or "retards" in got


def test_documents_are_counted_not_tokens():
    assert found(["retard " * 500, "merci"])["retard"] == 1


def test_a_million_characters_cost_what_the_beginning_costs():
    tokens = read(["colis " * 200_000])
    assert tokens.n_cut == 1
    assert len(tokens.code) <= READ
    assert len(clean("a" * 1_000_000)) == READ


@given(st.lists(st.text(max_size=80), max_size=8))
def test_any_text_can_be_read_and_has_a_language(texts):
    tokens = read(texts)
    assert len(detect(tokens)) == len(texts)
    assert terms(tokens, range(len(texts)), "fr", min_documents=1).matrix.shape[0] == len(texts)


@pytest.mark.parametrize(("phrases", "language"), [(FRENCH, "fr"), (BRITISH, "en")])
def test_the_language_of_the_simulated_comments_is_told(phrases, language):
    texts = [text for part in phrases.values() for text in sentences(part) if len(text) > 12]
    assert np.mean(detect(read(texts)) == language) > 0.98


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Ótimo produto, chegou antes do prazo", "pt"),
        ("Sehr gut und schnell, danke", "de"),
        ("Muy buena tienda, gracias, llegó rápido", "es"),
        ("Excellent", "(short)"),
        ("ok", "(short)"),
        ("", "(empty)"),
        ("!!! 10/10", "(empty)"),
        ("I love it mais le colis est en retard and the parcel was late for me", "(mixed)"),
    ],
)
def test_other_languages_and_comments_that_do_not_tell(text, language):
    assert detect(read([text])).tolist() == [language]
