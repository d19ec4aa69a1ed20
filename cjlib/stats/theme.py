"""What comments are about: a codebook of patterns, themes learned from the words, scores told from words.

Learned themes are a way to read, not a fact: they are fitted again on resampled comments with other starts,
and one that does not come back is called unstable. A score told from words is only as good as its
cross-fitted agreement with the score that people gave.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.stats import rankdata, spearmanr

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import LANGUAGES, t
from cjlib.stats.language import profiles, readable
from cjlib.stats.proportion import z_value
from cjlib.stats.token import clean

Floats = npt.NDArray[np.float64]
FITTED = 10_000  # documents the themes are learned from; the others are only assigned
RESAMPLED = 4_000  # documents of a resample
ITERATIONS = 80
WIDEST = 2_000  # terms, the most frequent ones


class Learned(NamedTuple):
    """Themes learned from words.

    Attributes
    ----------
    words : list of list of int
        Columns of the terms that weigh most, per theme.
    stability : array (n_themes,) in [0, 1]
        Mean cosine of the theme with its best match in each resample.
    of : array (documents,) of int
        Theme that a document is mostly about, -1 where none is.
    """

    words: list[list[int]]
    stability: Floats
    of: npt.NDArray[np.int64]


class Fit(NamedTuple):
    """Agreement of a score told from words with the score given."""

    spearman: float
    auc: float
    ci_low: float
    ci_high: float


def codebook_patterns(codebook: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Check a codebook and compile its patterns: theme -> {"label", "unless_negated", language: pattern}.

    Raises
    ------
    ParameterError
        CJ-ST-013 for a theme without patterns, an unknown key, or a pattern that is no regular expression.

    Examples
    --------
    >>> codebook_patterns({"fees": {"fr": ["frais"]}})["fees"]["fr"].pattern
    '(?:frais)'
    """
    if not isinstance(codebook, Mapping) or not codebook:
        raise ParameterError("The codebook names no theme; write for example fees: {fr: [frais]}.", code="CJ-ST-013")
    return {str(name): _theme(str(name), part) for name, part in codebook.items()}


def _theme(name: str, part: Any) -> dict[str, Any]:
    allowed = ("label", "unless_negated", *readable())
    if not isinstance(part, Mapping) or set(part) - set(allowed) or not set(part) & set(readable()):
        raise ParameterError(
            f"Theme {name!r} of the codebook must have patterns under {', '.join(readable())}, and may have "
            "label and unless_negated; nothing else.",
            code="CJ-ST-013",
        )
    label = part.get("label", name)
    found: dict[str, Any] = {
        "label": label if isinstance(label, Mapping) else dict.fromkeys(LANGUAGES, str(label)),
        "unless_negated": bool(part.get("unless_negated", False)),
    }
    for language in set(part) & set(readable()):
        patterns = part[language]
        if isinstance(patterns, str) or not isinstance(patterns, Sequence) or not patterns:
            raise ParameterError(f"Theme {name!r}, {language}: give a list of patterns.", code="CJ-ST-013")
        try:
            found[language] = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
        except re.error as error:
            raise ParameterError(
                f"Theme {name!r}, {language}: {error.pattern!r} is not a regular expression ({error.msg}).",
                code="CJ-ST-013",
            ) from error
    return found


def mentions(
    texts: Sequence[str], languages: Sequence[str], patterns: Mapping[str, Mapping[str, Any]]
) -> npt.NDArray[np.bool_]:
    """Tell which comments mention which theme.

    Parameters
    ----------
    texts, languages : sequences of str
        Comments and their languages; a comment in a language without patterns mentions nothing.
    patterns : mapping
        From `codebook_patterns`.

    Returns
    -------
    bool array (texts, themes)

    Examples
    --------
    >>> book = codebook_patterns({"praise": {"en": ["recommend"], "unless_negated": True}})
    >>> mentions(["I recommend it", "I would not really recommend it"], ["en", "en"], book).ravel().tolist()
    [True, False]
    """
    found = np.zeros((len(texts), len(patterns)), dtype=bool)
    for row, (text, language) in enumerate(zip(texts, languages, strict=True)):
        if language not in profiles():
            continue
        plain = clean(text)
        positive = ""
        for column, theme in enumerate(patterns.values()):
            pattern = theme.get(language)
            if pattern is None:
                continue
            if theme["unless_negated"]:
                positive = positive or _NEGATED.sub(" ", plain) + " "
            found[row, column] = pattern.search(positive if theme["unless_negated"] else plain) is not None
    return found


_NEGATED = re.compile(
    r"\b(?:pas|jamais|sans|aucune?|not|never|without|n[ãa]o|nunca|sem)\b(?:\s+\w+){1,3}"
)  # a negation reaches three words


def learn(matrix: sparse.csr_matrix, *, n_themes: int, seed: int, resamples: int = 8) -> Learned:
    """Learn themes from words, and how surely they come back.

    Parameters
    ----------
    matrix : csr matrix (documents, terms)
        1 where the document has the term.
    n_themes : int
        How many themes, at least 2.
    seed : int
        Of the start and the resamples.
    resamples : int
        Fits on bootstrap samples, each with another start.

    Returns
    -------
    Learned

    Raises
    ------
    NotEnoughDataError
        CJ-ST-014 with fewer than 20 documents per theme, or fewer terms than themes.

    Notes
    -----
    TF-IDF (smoothed, documents scaled to length 1) and non-negative matrix factorisation by coordinate
    descent (Lee and Seung 1999, Nature 401, 788-791). Stability: mean over resamples of the highest cosine
    with any theme of the resample; below 0.7 a theme should not be trusted.

    Examples
    --------
    >>> words = sparse.csr_matrix(np.repeat(np.eye(2), 50, axis=0))
    >>> learn(words, n_themes=2, seed=1).stability.round(6).tolist()
    [1.0, 1.0]
    """
    if matrix.shape[0] < 20 * n_themes or matrix.shape[1] < n_themes:
        raise NotEnoughDataError(
            t("Too few comments with words in common to learn {n} themes from.", n=n_themes), code="CJ-ST-014"
        )
    often = np.asarray(matrix.sum(axis=0)).ravel()
    used = np.sort(np.argsort(-often, kind="stable")[:WIDEST])
    weighted = _tf_idf(matrix[:, used])
    rng = np.random.default_rng(seed)
    n = weighted.shape[0]
    rows = np.sort(rng.choice(n, FITTED, replace=False)) if n > FITTED else np.arange(n)
    model = _nmf(weighted[rows], n_themes, seed, "nndsvda")
    themes = _unit(model.components_)
    matches = []
    for draw in range(resamples):
        again = _nmf(weighted[rng.integers(0, n, min(n, RESAMPLED))], n_themes, seed + 1 + draw, "random")
        matches.append((themes @ _unit(again.components_).T).max(axis=1))
    share = model.transform(weighted)
    whole = share.sum(axis=1)
    of = np.where((whole > 0) & (share.max(axis=1) >= whole / 2), share.argmax(axis=1), -1)
    words = [used[np.argsort(-row, kind="stable")[:8]].tolist() for row in themes]
    return Learned(words, np.mean(matches, axis=0), of)


def _tf_idf(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    from sklearn.feature_extraction.text import TfidfTransformer

    return sparse.csr_matrix(TfidfTransformer().fit_transform(matrix))


def _nmf(matrix: sparse.csr_matrix, n_themes: int, seed: int, init: str) -> Any:
    import warnings

    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    model = NMF(n_themes, init=init, random_state=seed, max_iter=ITERATIONS, tol=1e-3)
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        # Whether the themes can be trusted is what the resamples tell.
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        return model.fit(matrix)


def _unit(themes: Floats) -> Floats:
    length = np.linalg.norm(themes, axis=1, keepdims=True)
    scaled: Floats = themes / np.where(length > 0, length, 1)
    return scaled


def told_from_words(
    matrix: sparse.csr_matrix, scores: npt.ArrayLike, people: npt.ArrayLike, *, seed: int, folds: int = 5
) -> Floats:
    """Predict each score from the words of its comment, by a model that has not seen the person.

    Parameters
    ----------
    matrix : csr matrix (documents, terms)
    scores : array (documents,)
    people : array (documents,)
        Whose comment it is: all comments of a person are in one fold.
    seed : int
        Of the folds.
    folds : int

    Returns
    -------
    array (documents,) of float64

    Notes
    -----
    Ridge regression on TF-IDF, penalty 1, fitted on the other folds.

    Examples
    --------
    >>> words = sparse.csr_matrix(np.tile(np.eye(2), (20, 1)))
    >>> told = told_from_words(words, np.tile([5.0, 1.0], 20), np.arange(40), seed=1)
    >>> bool(told[0] > told[1])
    True
    """
    from sklearn.linear_model import Ridge

    y = np.asarray(scores, dtype=float)
    fold = folds_of(people, seed=seed, folds=folds)
    weighted = _tf_idf(matrix)
    told = np.full(y.size, y.mean())
    for one in np.unique(fold):
        rest = fold != one
        if rest.any():
            told[~rest] = Ridge(alpha=1.0, solver="sparse_cg").fit(weighted[rest], y[rest]).predict(weighted[~rest])
    return told


def folds_of(people: npt.ArrayLike, *, seed: int, folds: int = 5) -> npt.NDArray[np.int64]:
    """Fold of each document: drawn by lot, the same for all documents of a person.

    Examples
    --------
    >>> fold = folds_of(["a", "b", "a"], seed=1)
    >>> bool(fold[0] == fold[2])
    True
    """
    _, person = np.unique(np.asarray(people), return_inverse=True)
    drawn: npt.NDArray[np.int64] = np.random.default_rng(seed).permutation(person.max() + 1)[person] % folds
    return drawn


def agreement(
    told: npt.ArrayLike,
    scores: npt.ArrayLike,
    worst: npt.ArrayLike,
    *,
    fold: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Fit:
    """Compare told scores with those given: rank correlation, and AUC for the worst band.

    Parameters
    ----------
    told, scores : arrays (n,)
    worst : bool array (n,)
        Answers in the worst band; a lower told score should point at them.
    fold : array (n,), optional
        Which model told each score (`folds_of`): pairs are then compared within their fold only, because two
        models have two zero points. Left out: one model that has seen none of them.
    confidence : float in (0, 1)

    Returns
    -------
    Fit

    Raises
    ------
    NotEnoughDataError
        CJ-ST-014 unless both bands have ten answers.

    Notes
    -----
    AUC as the share of pairs in the right order, ties half; error by DeLong, DeLong and Clarke-Pearson
    (1988), Biometrics 44, 837-845, on the logit scale so that the interval stays inside 0 to 1. With folds
    each document also made the models that its counterparts are judged by. Where the words know nothing, two
    documents of different folds so meet twice, and the variance is up to twice that of DeLong (Bengio and
    Grandvalet 2004, J. Mach. Learn. Res. 5, 1089-1105: cross-validation has no unbiased error). The doubled
    variance is used unless even with it 0.5 is excluded.

    Examples
    --------
    >>> bad = np.arange(40) < 20
    >>> agreement(np.arange(40), np.arange(40), bad).auc
    1.0
    """
    x, given, bad = np.asarray(told, dtype=float), np.asarray(scores, dtype=float), np.asarray(worst, dtype=bool)
    if min(bad.sum(), (~bad).sum()) < 10:
        raise NotEnoughDataError(
            t("A score can only be told from words with ten answers in the worst band and ten outside it."),
            code="CJ-ST-014",
        )
    auc, error = _auc(x, bad, np.zeros(x.size) if fold is None else np.asarray(fold))
    rank = float(spearmanr(x, given).statistic) if np.ptp(x) and np.ptp(given) else np.nan
    if not 0 < auc < 1 or not error > 0:
        return Fit(rank, auc, np.nan, np.nan)
    half = z_value(confidence) * error / (auc * (1 - auc))
    centre = np.log(auc / (1 - auc))
    if fold is not None and abs(centre) < np.sqrt(2) * half:
        half *= np.sqrt(2)
    return Fit(rank, auc, float(1 / (1 + np.exp(half - centre))), float(1 / (1 + np.exp(-half - centre))))


def _auc(x: Floats, bad: npt.NDArray[np.bool_], fold: npt.NDArray[Any]) -> tuple[float, float]:
    """Share of the pairs of a fold in the right order, and DeLong's error of it."""
    won, met = np.zeros(x.size), np.zeros(x.size)
    for one in np.unique(fold):
        low, high = np.flatnonzero((fold == one) & bad), np.flatnonzero((fold == one) & ~bad)
        if not low.size or not high.size:
            continue
        whole = rankdata(np.concatenate([x[low], x[high]]))
        won[low], met[low] = high.size - (whole[: low.size] - rankdata(x[low])), high.size
        won[high], met[high] = whole[low.size :] - rankdata(x[high]), low.size
    pairs = met[bad].sum()
    if not pairs:
        return np.nan, np.nan
    auc = float(won[bad].sum() / pairs)
    pull = (won - auc * met) / pairs
    parts = [(pull[side] ** 2).sum() * side.sum() / (side.sum() - 1) for side in (bad, ~bad)]
    return auc, float(np.sqrt(sum(parts)))
