"""Comments as words: cleaning, tokens, lemmas, negations kept, words and expressions per document.

Letters only, in lower case, accents kept. Elisions are split (l'attente is "l'" and "attente"), English
contractions written out (don't is "do not"), URLs, digits and pictograms dropped. A negation is joined to
the next word that carries meaning ("pas recommander"), never across punctuation.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from cjlib.stats.language import profiles

Codes = npt.NDArray[np.int64]
READ = 5000  # characters of a comment that are read; a novel must not cost more than its beginning

_URL = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\w+")
_EMOJI = re.compile("[\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\ufe0f\u200d\U0001f000-\U0001faff]")
_APOSTROPHES = dict.fromkeys(map(ord, "’‘ʼ´`＇"), "'")
_GLUED = re.compile("(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ][a-zà-ÿ])")  # "simpleSimple": exports glue title and text
_CONTRACTION = re.compile(r"'(?:s|re|ve|ll|m|d)\b")
_LETTERS = r"[^\W\d_]+(?:-[^\W\d_]+)*"
_TOKEN = re.compile(rf"{_LETTERS}(?:'(?=[^\W\d_]))?|[.!?;:,()\[\]\n…«»\"/]")


class Tokens(NamedTuple):
    """Words of all documents in reading order.

    Attributes
    ----------
    words : array (w,) of str
        Distinct words, sorted; marks of punctuation are words too.
    code : array (t,) of int64
        Word of each token.
    document : array (t,) of int64
        Document of each token, ascending.
    n_documents : int
        Documents read, empty ones included.
    n_cut, n_emoji : int
        Documents longer than `READ` characters, and with pictograms.
    """

    words: npt.NDArray[np.object_]
    code: Codes
    document: Codes
    n_documents: int
    n_cut: int
    n_emoji: int


class Terms(NamedTuple):
    """Words and expressions of some documents.

    Attributes
    ----------
    names : array (k,) of str
        Lemmas as people wrote them most often; an expression shows the small words inside it.
    matrix : csr matrix (documents, k)
        1 where the document has the term; rows follow the documents asked for.
    """

    names: npt.NDArray[np.object_]
    matrix: sparse.csr_matrix


def clean(text: str) -> str:
    """Write a comment in lower case without URLs, addresses, pictograms and typographic variants.

    Examples
    --------
    >>> clean("L’attente… 😡 Don't! www.example.com")
    "l'attente... do not!"
    """
    text = _GLUED.sub(". ", unicodedata.normalize("NFKC", text[:READ])).lower().translate(_APOSTROPHES)
    if "@" in text or "www." in text or "://" in text:
        text = _URL.sub(" ", text)
    if "'" in text:
        text = text.replace("aujourd'hui", "aujourdhui").replace("can't", "can not").replace("won't", "will not")
        text = _CONTRACTION.sub(" ", text.replace("n't", " not"))
    return " ".join(_EMOJI.sub(" ", text).split())


def read(texts: Sequence[str]) -> Tokens:
    """Split comments into words.

    Parameters
    ----------
    texts : sequence of str
        One per document; only the first `READ` characters of each are read.

    Returns
    -------
    Tokens

    Examples
    --------
    >>> tokens = read(["Le colis n'est pas arrivé."])
    >>> [str(tokens.words[code]) for code in tokens.code]
    ['le', 'colis', "n'", 'est', 'pas', 'arrivé', '.']
    """
    pieces: list[str] = []
    sizes = np.zeros(len(texts), dtype=np.int64)
    n_emoji = 0
    for place, text in enumerate(texts):
        found = _TOKEN.findall(clean(text))
        pieces += found
        sizes[place] = len(found)
        n_emoji += not text.isascii() and bool(_EMOJI.search(text[:READ]))
    code, words = pd.factorize(np.array(pieces, dtype=object), sort=True)
    return Tokens(words, code.astype(np.int64), np.repeat(np.arange(len(texts)), sizes), len(texts),
                  sum(len(text) > READ for text in texts), n_emoji)  # fmt: skip


def terms(tokens: Tokens, rows: npt.ArrayLike, language: str, *, min_documents: int = 2) -> Terms:
    """Find the words and two-word expressions of the documents `rows`, all in one language.

    Parameters
    ----------
    tokens : Tokens
    rows : array_like of int
        Documents, ascending.
    language : str
        One that can be read: its stop words leave, its negations join, its lemmas stand for all forms.
    min_documents : int
        Terms in fewer documents are left out.

    Returns
    -------
    Terms

    Notes
    -----
    Lemmas by dictionary (simplemma). A negation replaces the word it negates: "pas recommander" does not
    count as "recommander". An expression is two neighbouring terms; small words between them are kept for
    reading only ("frais de port").

    Examples
    --------
    >>> found = terms(read(["Les frais de port !", "des frais de port", "pas de frais"]), [0, 1, 2], "fr")
    >>> list(found.names), found.matrix.sum(axis=0).A1.astype(int).tolist()
    (['frais', 'port', 'frais de port'], [2, 2, 2])
    """
    wanted = np.asarray(rows, dtype=np.int64)
    place = np.full(tokens.n_documents, -1, dtype=np.int64)
    place[wanted] = np.arange(wanted.size)
    lemma, kind, width = _lemmas(tokens.words, language)
    at = np.flatnonzero((place[tokens.document] >= 0) & (kind[tokens.code] != _STOP))
    key, start, end = _units(tokens, at, lemma, kind, width)
    key, start, end = _with_pairs(tokens, key, start, end, kind)
    document = place[tokens.document[start]]
    pairs = pd.DataFrame({"key": key, "document": document, "start": start, "end": end})
    once = pairs.drop_duplicates(["key", "document"])
    often = once["key"].value_counts()
    kept = np.sort(often.index[often >= min_documents].to_numpy())
    once = once[once["key"].isin(kept)]
    column = np.searchsorted(kept, once["key"].to_numpy())
    matrix = sparse.csr_matrix(
        (np.ones(len(once)), (once["document"].to_numpy(), column)), shape=(wanted.size, kept.size)
    )
    return Terms(_surface(tokens, once, column, kept.size), matrix)


_BREAK, _STOP, _NEGATION, _CONTENT = range(4)
_REACH = 3  # tokens from one term to the next of an expression
_SAMPLE = 15  # documents looked at for the usual form of a term


def _lemmas(words: npt.NDArray[np.object_], language: str) -> tuple[Codes, Codes, int]:
    """Lemma of each word, what kind of word it is, and how many lemmas there are."""
    import simplemma

    profile = profiles()[language]
    kind = np.full(len(words), _CONTENT)
    lemmas = []
    for place, word in enumerate(words):
        if not word[0].isalpha():
            kind[place] = _BREAK
        elif word in profile.negations:
            kind[place] = _NEGATION
        elif word in profile.function or word.endswith("'") or len(word) == 1:
            kind[place] = _STOP
        lemmas.append(simplemma.lemmatize(word, lang=language).lower() if kind[place] >= _NEGATION else word)
    codes, names = pd.factorize(np.array(lemmas, dtype=object), sort=True)
    return codes.astype(np.int64), kind, len(names)


def _units(tokens: Tokens, at: Codes, lemma: Codes, kind: Codes, width: int) -> tuple[Codes, Codes, Codes]:
    """Terms of one token, or two where the first negates: key, first token, last token."""
    code, documents = tokens.code[at], tokens.document[at]
    kinds = kind[code]
    follows = np.zeros(at.size, dtype=bool)
    follows[:-1] = (kinds[1:] == _CONTENT) & (documents[1:] == documents[:-1])
    joined = (kinds == _NEGATION) & follows
    taken = np.zeros(at.size, dtype=bool)
    taken[1:] = joined[:-1]
    key = np.where((kinds == _CONTENT) & ~taken, lemma[code], -1)
    last = at.copy()
    where = np.flatnonzero(joined)
    key[where] = (lemma[code[where]] + 1) * width + lemma[code[where + 1]]
    last[where] = at[where + 1]
    kept = key >= 0
    return key[kept], at[kept], last[kept]


def _with_pairs(tokens: Tokens, key: Codes, start: Codes, end: Codes, kind: Codes) -> tuple[Codes, Codes, Codes]:
    """The terms, then every two neighbours of one document with no punctuation between them."""
    dense, unique = pd.factorize(key)
    breaks = np.cumsum(kind[tokens.code] == _BREAK)
    same = tokens.document[start[1:]] == tokens.document[start[:-1]]
    close = np.flatnonzero(same & (breaks[start[1:]] == breaks[end[:-1]]) & (start[1:] - end[:-1] <= _REACH))
    pair = len(unique) + dense[close].astype(np.int64) * len(unique) + dense[close + 1]
    return (
        np.concatenate([dense.astype(np.int64), pair]), np.concatenate([start, start[close]]),
        np.concatenate([end, end[close + 1]]),
    )  # fmt: skip


def _surface(tokens: Tokens, once: pd.DataFrame, column: Codes, n: int) -> npt.NDArray[np.object_]:
    """Each term as it is written most often in the first documents that hold it."""
    frame = once.assign(column=column)
    frame = frame[frame.groupby("column").cumcount() < _SAMPLE]
    written: list[Counter[str]] = [Counter() for _ in range(n)]
    for place, start, end in zip(frame["column"], frame["start"], frame["end"], strict=True):
        text = " ".join(tokens.words[tokens.code[start : end + 1]]).replace("' ", "'")
        written[place][text] += 1
    return np.array([min(one, key=lambda text: (-one[text], text)) for one in written], dtype=object)
