"""Quotations for a report: redacted, and only from groups large enough that no voice can be recognised."""

from __future__ import annotations

import hashlib

import pandas as pd

from cjlib.core.errors import ParameterError
from cjlib.privacy.redact import redact

FLOOR = 10  # people; a policy may raise it, nothing may lower it
SHORT, LONG = 20, 180  # characters of a quotation that is pleasant to read


def quotes(comments: pd.DataFrame, *, min_people: int = FLOOR, n: int = 3) -> pd.DataFrame:
    """Choose up to `n` redacted quotations per group with comments of at least `min_people` people.

    Parameters
    ----------
    comments : DataFrame
        Columns group, customer, comment; one row per comment, empty and missing ones are ignored.
    min_people : int
        Distinct customers who commented; at least 10.
    n : int
        Quotations per group, each by another customer.

    Returns
    -------
    DataFrame
        Columns group, quote; groups in order of first appearance, small groups absent. The choice
        depends on the texts alone (not on row order, customers or chance) and prefers texts of readable
        length that needed no redaction.

    Raises
    ------
    ParameterError
        CJ-PV-003 if `min_people` is below 10 or `n` below 1.

    Examples
    --------
    >>> said = pd.DataFrame({"group": "late", "customer": range(12), "comment": "Le colis est en retard."})
    >>> quotes(said)
      group                    quote
    0  late  Le colis est en retard.
    >>> quotes(said.head(9)).empty
    True
    """
    if min_people < FLOOR:
        raise ParameterError(
            f"min_people={min_people} is below {FLOOR}, the smallest group that may be quoted. "
            "A policy can only raise it.",
            code="CJ-PV-003",
        )
    if n < 1:
        raise ParameterError(f"n={n} must be at least 1.", code="CJ-PV-003")
    said = comments.loc[:, ["group", "customer", "comment"]].dropna()
    said = said[said["comment"].str.strip() != ""]
    chosen = [
        {"group": group, "quote": quote}
        for group, rows in said.groupby("group", sort=False, observed=True)
        if rows["customer"].nunique() >= min_people
        for quote in _choose(rows, n)
    ]
    return pd.DataFrame(chosen, columns=["group", "quote"], dtype=object)


def _choose(rows: pd.DataFrame, n: int) -> list[str]:
    """Best `n` distinct texts of one group, no customer twice."""
    ranked = sorted({_rank(text): text for text in rows["comment"].str.strip()}.items())
    speakers = rows.assign(comment=rows["comment"].str.strip()).groupby("comment")["customer"].agg(set)
    heard: set[object] = set()
    found: list[str] = []
    for _, text in ranked:
        quote = redact(text)
        # A sentence that several people wrote needs only one of them not heard yet.
        free = speakers[text] - heard
        if free and quote not in found:
            heard.add(min(free, key=str))
            found.append(quote)
        if len(found) == n:
            break
    return found


def _rank(text: str) -> tuple[bool, bool, str]:
    """Readable length first, then nothing to redact, then a fixed shuffle by content."""
    readable = SHORT <= len(text) <= LONG
    return (not readable, redact(text) != text, hashlib.sha256(text.encode()).hexdigest())
