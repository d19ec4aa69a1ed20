"""Codebook, learned themes and scores told from words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from cjlib.analyses.themes import read_codebook
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.datasets.verbatims import BRITISH, FRENCH, sentences
from cjlib.stats.theme import agreement, codebook_patterns, learn, mentions, told_from_words

BOOK = codebook_patterns(read_codebook(""))


@pytest.mark.parametrize(
    ("topic", "theme", "least"),
    [("fee", "fees", 0.95), ("delay", "delay", 0.95), ("wait", "waiting", 0.7), ("account", "account", 0.9),
     ("price", "price", 0.9), ("packaging", "packaging", 0.9)],
)  # fmt: skip
@pytest.mark.parametrize(("phrases", "language"), [(FRENCH, "fr"), (BRITISH, "en")])
def test_the_codebook_finds_the_planted_themes(topic, theme, least, phrases, language):
    column = list(BOOK).index(theme)
    texts = list(sentences(phrases[topic]))
    assert mentions(texts, [language] * len(texts), BOOK)[:, column].mean() >= least
    glad = [text for name in ("checkout", "loyal") for text in sentences(phrases[name])]
    assert mentions(glad, [language] * len(glad), BOOK)[:, column].mean() <= 0.1


@pytest.mark.parametrize(
    ("book", "match"),
    [
        ({}, "names no theme"),
        ({"fees": {}}, "'fees'"),
        ({"fees": {"fr": "frais"}}, "give a list"),
        ({"fees": {"fr": ["("]}}, "not a regular expression"),
        ({"fees": {"fr": ["frais"], "colour": 1}}, "nothing else"),
    ],
)
def test_a_codebook_that_cannot_be_used_is_refused(book, match):
    with pytest.raises(ParameterError, match=match) as caught:
        codebook_patterns(book)
    assert caught.value.code == "CJ-ST-013"


def planted(n=400, noise=0.0, seed=1):
    rng = np.random.default_rng(seed)
    made = np.zeros((n, 12))
    for row in range(n):
        theme = row % 4
        made[row, 3 * theme : 3 * theme + 3] = 1
    if noise:
        made = (rng.random((n, 40)) < noise).astype(float)
    return sparse.csr_matrix(made)


def test_planted_themes_are_learned_and_stable():
    made = learn(planted(), n_themes=4, seed=1)
    assert sorted(sorted(top[:3]) for top in made.words) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    assert made.stability.min() > 0.8
    assert np.bincount(made.of).tolist() == [100] * 4


def test_themes_of_pure_noise_are_not_called_stable():
    assert np.median(learn(planted(noise=0.1), n_themes=6, seed=1).stability) < 0.7


def test_too_few_comments_teach_no_theme():
    with pytest.raises(NotEnoughDataError, match="learn 8 themes"):
        learn(planted(40), n_themes=8, seed=1)


def test_words_that_know_nothing_tell_nothing_about_unseen_people():
    rng = np.random.default_rng(2)
    score = rng.integers(0, 11, 600)
    told = told_from_words(planted(600, noise=0.1), score, np.arange(600), seed=1)
    fit = agreement(told, score, score <= 6)
    assert fit.ci_low < 0.5 < fit.ci_high


def test_all_comments_of_a_person_are_in_one_fold():
    words = sparse.csr_matrix(np.kron(np.eye(20), np.ones((10, 1))))  # a word of its own for each person
    told = told_from_words(words, np.repeat(np.arange(20.0), 10), np.repeat(np.arange(20), 10), seed=1)
    assert abs(np.corrcoef(told, np.repeat(np.arange(20.0), 10))[0, 1]) < 0.6


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=25, max_size=80))
@settings(max_examples=30)
def test_auc_equals_the_share_of_pairs_and_turns_with_the_sign(rows):
    told, worst = (np.array(values) for values in zip(*rows, strict=True))
    if min(worst.sum(), (~worst).sum()) < 10:
        return
    low, high = told[worst], told[~worst]
    pairs = (low[:, None] < high[None, :]).mean() + 0.5 * (low[:, None] == high[None, :]).mean()
    fit = agreement(told, told, worst)
    assert fit.auc == pytest.approx(pairs)
    assert agreement(-told, told, worst).auc == pytest.approx(1 - pairs)
    assert np.isnan(fit.ci_low) or 0 <= fit.ci_low <= fit.auc <= fit.ci_high <= 1
