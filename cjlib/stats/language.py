"""Which language a comment is in, offline, by the small words and the dictionary.

Seven languages are recognised; three of them can be read (stop words, negations, lemmas). A word counts for
a language if it is one of its function words or marks, shared among the languages that have it; words of the
dictionary of one language only count a quarter. Lists in `cjlib/data/languages.yml`.
"""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import yaml

if TYPE_CHECKING:
    from cjlib.stats.token import Tokens

EMPTY, SHORT, MIXED, OTHER = "(empty)", "(short)", "(mixed)", "(other)"
_KNOWN = 0.25  # what a word of one dictionary only is worth beside a function word
_ENOUGH = 0.5
_CLEAR = 1.25  # the best language against the second
_FEW = 5  # words


class Profile(NamedTuple):
    """Words of one language; one that can be read has negations."""

    function: frozenset[str]
    marks: frozenset[str]
    negations: frozenset[str]


@functools.cache
def profiles() -> dict[str, Profile]:
    """Every language that is recognised.

    Examples
    --------
    >>> list(profiles())
    ['fr', 'en', 'pt', 'es', 'it', 'de', 'nl']
    """
    text = files("cjlib").joinpath("data/languages.yml").read_text(encoding="utf-8")
    return {
        name: Profile(*(frozenset(part.get(key, "").split()) for key in Profile._fields))
        for name, part in yaml.safe_load(text).items()
    }


def readable() -> tuple[str, ...]:
    """Languages whose words can be compared: those with negations, and lemmas in the dictionary."""
    return tuple(name for name, profile in profiles().items() if profile.negations)


def detect(tokens: Tokens) -> npt.NDArray[np.object_]:
    """Tell the language of each document.

    Parameters
    ----------
    tokens : Tokens
        From `token.read`.

    Returns
    -------
    array (n_documents,) of str
        "fr", "en", "pt", "es", "it", "de" or "nl"; "(empty)" without a word, "(short)" where a few words
        do not tell, "(mixed)" where French and English both have a large part, "(other)" for the rest.

    Notes
    -----
    Best of summed word weights, at least a quarter above the second. No model, no network.

    Examples
    --------
    >>> from cjlib.stats.token import read
    >>> detect(read(["Le colis est en retard", "It came late", "Top !", "O produto chegou antes do prazo"])).tolist()
    ['fr', 'en', '(short)', 'pt']
    """
    names = list(profiles())
    score = _scores(tokens, names)
    letters = np.array([word[0].isalpha() for word in tokens.words], dtype=bool)
    n_words = np.bincount(tokens.document[letters[tokens.code]], minlength=tokens.n_documents)
    order = np.sort(score, axis=1)
    best, second = order[:, -1], order[:, -2]
    found: npt.NDArray[np.object_] = np.array(names, dtype=object)[score.argmax(axis=1)]
    found[(best < _ENOUGH) | (best < _CLEAR * second)] = OTHER
    found[(found == OTHER) & (n_words < _FEW)] = SHORT
    both = np.sort(score[:, [names.index("fr"), names.index("en")]], axis=1)
    found[(both[:, 0] >= 2) & (both[:, 0] >= 0.4 * both[:, 1]) & (both[:, 1] >= best)] = MIXED
    found[n_words == 0] = EMPTY
    return found


def _scores(tokens: Tokens, names: list[str]) -> npt.NDArray[np.float64]:
    """Summed weight of the words of each document, per language."""
    listed = [profiles()[name].function | profiles()[name].marks | profiles()[name].negations for name in names]
    weight = np.array([[word in words for words in listed] for word in tokens.words], dtype=float)
    weight = weight.reshape(len(tokens.words), len(names))
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1)
    score = _summed(tokens, weight)
    # A dictionary costs a second to load: only those of languages that the small words point at.
    share = np.bincount(score.argmax(axis=1)[score.max(axis=1) >= 1], minlength=len(names))
    used = [name for name in readable() if share[names.index(name)] >= max(1, 0.01 * share.sum())]
    if len(used) < 2:
        used = ["fr", "en", *[name for name in used if name not in ("fr", "en")]]
    return score + _KNOWN * _summed(tokens, _exclusive(tokens.words, used, names) * (weight.sum(axis=1) == 0)[:, None])


def _exclusive(words: npt.NDArray[np.object_], used: list[str], names: list[str]) -> npt.NDArray[np.float64]:
    """1 where a word of three letters or more is in the dictionary of one language only."""
    import simplemma

    known = np.zeros((len(words), len(names)))
    for place, word in enumerate(words):
        if len(word) > 2 and word[0].isalpha():
            found = [name for name in used if simplemma.is_known(word, lang=name)]
            if len(found) == 1:
                known[place, names.index(found[0])] = 1
    return known


def _summed(tokens: Tokens, weight: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if not len(tokens.code):
        return np.zeros((tokens.n_documents, weight.shape[1]))
    return np.column_stack([
        np.bincount(tokens.document, weights=column[tokens.code], minlength=tokens.n_documents)
        for column in weight.T
    ])  # fmt: skip
