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
from cjlib.stats.theme import agreement, codebook_patterns, folds_of, learn, mentions, told_from_words

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


def test_pairs_of_a_fold_are_compared_within_it():
    told = np.concatenate([np.arange(20.0), 100 + np.arange(20.0)])  # the second model has another zero point
    fold = np.repeat([0, 1], 20)
    worst = np.tile(np.arange(20) < 10, 2)
    assert agreement(told, told, worst, fold=fold).auc == 1.0
    assert agreement(told, told, worst).auc == pytest.approx(0.75)
    rng = np.random.default_rng(3)
    told = rng.normal(size=40)
    pairs = [
        told[i] < told[j] for i in range(40) for j in range(40) if worst[i] and not worst[j] and fold[i] == fold[j]
    ]
    assert agreement(told, told, worst, fold=fold).auc == pytest.approx(np.mean(pairs))


def test_one_fold_is_the_plain_interval_and_the_doubt_is_widened_only_near_chance():
    rng = np.random.default_rng(1)
    worst = np.arange(80) < 30
    for signal, wider in ((0.0, True), (3.0, False)):
        told = rng.normal(size=80) - signal * worst
        plain, folds = agreement(told, told, worst), agreement(told, told, worst, fold=np.zeros(80))
        assert folds.auc == plain.auc
        assert (folds.ci_high > plain.ci_high) == wider


@pytest.mark.slow
@pytest.mark.parametrize(("signal", "least"), [(0.0, 0.93), (2.0, 0.9)])
def test_the_interval_covers_also_where_words_know_nothing(signal, least):
    rng = np.random.default_rng(0)
    fits = []
    for seed in range(120):
        words = (rng.random((100, 25)) < 0.2).astype(float)
        score = rng.normal(size=100) + signal * (words[:, :3].sum(axis=1) - 0.6)
        told = told_from_words(sparse.csr_matrix(words), score, np.arange(100), seed=seed)
        fits.append(agreement(told, score, score < -0.2, fold=folds_of(np.arange(100), seed=seed)))
    truth = 0.5 if signal == 0 else np.mean([fit.auc for fit in fits])
    assert np.mean([fit.ci_low <= truth <= fit.ci_high for fit in fits]) >= least
    if signal == 0:
        assert np.mean([fit.auc for fit in fits]) == pytest.approx(0.5, abs=0.02)
