"""Words for the parameters of an analysis or of a page, as a reader meets them.

In English a parameter goes by the name it has in the code, so that a call can be copied from the page;
in other languages by what it means. A name that is not listed stays as it is.
"""

from __future__ import annotations

from typing import Any

from cjlib.core.text import UNKNOWN, number, t

NAMES = (
    "activity", "adjust", "age_limit", "ages", "ahead", "at_most", "attributes", "box", "by", "by_meaning", "capacity",
    "chosen", "codebook", "competing", "confidence", "data", "deadline", "deadlines", "draws", "drivers", "each",
    "edges", "end", "ends", "entry", "event", "events", "expected_new", "family", "fdr", "first", "freq", "groups",
    "holdout_days", "horizon", "horizon_days", "horizons", "instrument", "kind", "lang", "last", "margins", "min_n",
    "min_people", "mixture", "months", "most", "moved", "n_answers", "n_codes", "n_comparisons", "n_interviewed",
    "n_interviews", "n_learned", "n_new", "n_themes", "name", "outcome", "pairs", "period", "periods", "permutations",
    "r2", "resolution", "rising", "scale", "seed", "sides", "silence", "silence_days", "split", "stage", "stages",
    "start", "steps", "study", "test", "test_day", "ties", "train_day", "usable", "where", "window", "within",
    "within_days",
)  # fmt: skip


def parameter_name(name: str) -> str:
    """Name of a parameter in the active language.

    Examples
    --------
    >>> parameter_name("within_days"), parameter_name("of_a_later_version")
    ('within_days', 'of_a_later_version')
    """
    return t(name) if name in NAMES else name


def parameter_value(value: Any) -> str:
    """Value of a parameter as text: numbers with the separator of the language, no digits that say nothing.

    Examples
    --------
    >>> parameter_value([1.0, 7.0]), parameter_value(0.95), parameter_value(0.0358048), parameter_value("")
    ('1 → 7', '0.95', '0.0358', '–')
    """
    if isinstance(value, list | tuple):
        return " → ".join(map(parameter_value, value)) if value else UNKNOWN
    if isinstance(value, bool):
        return t("yes") if value else t("no")
    if isinstance(value, float):
        plain = f"{value:.4f}".rstrip("0").rstrip(".")
        return number(value, len(plain.partition(".")[2]))
    return UNKNOWN if value in (None, "") else str(value)
