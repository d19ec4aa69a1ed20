"""Data quality: whether these data can be trusted, and what was set aside on the way in.

Nothing is dropped silently: rows read = rows used + rows set aside, by reason, per file. The checks are
made once, when the study is read, and travel with the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import number, percent, t
from cjlib.journey.tables import EventLog
from cjlib.sources.quality import DID_ONLY, SAID_ONLY, TOLD_ONLY
from cjlib.stats.proportion import wilson


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class DataQualityResult(Result):
    """Files with rows used and set aside, and the checks made on them."""

    kind: ClassVar[str] = "data_quality"
    columns: ClassVar[Columns] = Columns(
        (
            Column("check", "string", "Check"),
            Column("n", "Int64", "Rows", "rows"),
            Column("of", "Int64", "Of", "rows"),
            Column("share", "float64", "Share", "proportion"),
            Column("detail", "string", "Detail"),
        ),
        caption="Checks on the content",
    )
    more_columns: ClassVar[dict[str, Columns]] = {
        "files": Columns(
            (
                Column("file", "string", "File"),
                Column("kind", "string", "Kind"),
                Column("rows_in", "Int64", "Rows read", "rows"),
                Column("rows_used", "Int64", "Used", "rows"),
                Column("rows_set_aside", "Int64", "Set aside", "rows"),
                Column("reasons", "string", "Reasons"),
            ),
            caption="What was read and what was set aside",
        )
    }

    def question(self) -> str:
        return t("Can these data be trusted?")

    def answer(self) -> str:
        files = self._more["files"]
        read, aside = int(files["rows_in"].sum()), int(files["rows_set_aside"].sum())
        if not read:
            return t("The study was made from data frames in memory; there are no files to check.")
        failed = self._table[self._table["n"] > 0]
        return t(
            "{read} rows were read from {files} files and {aside} set aside ({share}), each with its reason; "
            "{checks} of {all} checks found something.",
            read=read, files=len(files), aside=aside, share=percent(aside / read, 2), checks=len(failed),
            all=len(self._table),
        )  # fmt: skip

    def definition(self) -> str:
        return t(
            "Every file is read as text and cast by the study's contract; what does not fit is an error, or is "
            "set aside within the error budget and counted here. Rows read = rows used + rows set aside."
        )

    def alt(self) -> str:
        parts = [
            t(
                "{file} {used} used, {aside} set aside",
                file=row["file"],
                used=int(row["rows_used"]),
                aside=int(row["rows_set_aside"]),
            )
            for row in self._more["files"].to_dict("records")
        ]
        return t("Bars of the rows used and set aside by file: {parts}.", parts=t("; ").join(parts))

    def shown(self) -> list[Any]:
        return list(reversed(super().shown()))

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.quality import draw

        return draw(self._more["files"], ax=ax) if len(self._more["files"]) else None


def data_quality(log: EventLog) -> DataQualityResult:
    """Summarise what was read, what was set aside and which checks found something.

    Parameters
    ----------
    log : EventLog
        Of the study; the facts are those of its store.

    Returns
    -------
    DataQualityResult
        `.table` one row per check, `.more("files")` one row per file.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> data_quality(example_log()).table["check"].tolist()[:1]
    ['events after the cut-off']
    """
    meta = log.store.meta
    files = [_file(entry) for entry in meta["files"]]
    checks = [dict(check) for check in (*meta["quality"], *_own_checks(meta))]
    for check in checks:
        if check["check"] in (SAID_ONLY, DID_ONLY, TOLD_ONLY) and 0 < check["n"] < log.info.min_people:
            check |= {"n": None, "detail": log.info.people(check["n"])}  # people, not rows: the same floor
    table = pd.DataFrame(checks, columns=["check", "n", "of", "detail"])
    table["check"] = [t(name) for name in table["check"]]
    table["share"] = [
        check["n"] / check["of"] if check["of"] and check["n"] is not None else float("nan") for check in checks
    ]
    notes = [
        Note("CJ-DQ-001", "caution", t("Tolerated by the contract: {problem}", problem=problem))
        for problem in meta["tolerated"]
    ]
    if meta["events_after_as_of"]:
        notes.append(Note("CJ-DQ-002", "caution", t(
            "{n} events lie after the cut-off and were left out.", n=meta["events_after_as_of"])))  # fmt: skip
    return DataQualityResult.build(
        table, data=log.info, params={}, more={"files": pd.DataFrame(files, columns=list(
            DataQualityResult.more_columns["files"].names))}, kpis=_kpis(files), notes=notes)  # fmt: skip


def _file(entry: dict[str, Any]) -> dict[str, Any]:
    aside = entry["set_aside"]
    return {"file": entry["path"], "kind": t(entry["kind"]), "rows_in": entry["rows_in"],
            "rows_used": entry["rows_used"], "rows_set_aside": sum(aside.values()),
            "reasons": t("; ").join(f"{t(reason)} ({number(n)})" for reason, n in aside.items())}  # fmt: skip


def _own_checks(meta: dict[str, Any]) -> list[dict[str, Any]]:
    late, n = meta["events_after_as_of"], meta["n_events"]
    found = [{"check": "events after the cut-off", "n": late, "of": n + late, "detail": ""}]
    known = {check["check"] for check in meta["quality"]}
    return [check for check in found if check["check"] not in known]


def _kpis(files: list[dict[str, Any]]) -> list[Kpi]:
    read, used = sum(f["rows_in"] for f in files), sum(f["rows_used"] for f in files)
    if not read:
        return []
    low, high = wilson(used, read)
    return [
        Kpi(measure="rows_read", label=t("Rows read"), estimate=float(read), n=read),
        Kpi(measure="share_used", label=t("Rows used"), estimate=used / read, ci_low=float(low), ci_high=float(high),
            n=read, form="percent", definition=t("rows used / rows read, over all files")),
    ]  # fmt: skip
