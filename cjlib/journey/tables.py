"""`EventLog`, `SurveyResponses`, `Interviews` and `Customers`: what analyses take, thin views over the store.

They hold no analysis methods. `.table` is an Ibis table for the analyst's own questions; rows of
customers never leave it through cjlib's own results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cjlib.core import checks
from cjlib.core.errors import NotEnoughDataError, ParameterError, did_you_mean
from cjlib.core.result import DataInfo
from cjlib.core.text import number, t
from cjlib.journey.engine import Engine, Kernel
from cjlib.journey.match import Block
from cjlib.sources.store import Store

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True, repr=False)
class _View:
    """What the three tables share: a store, an engine, a study's name and settings."""

    store: Store
    engine: Engine
    info: DataInfo
    labels: Mapping[str, str] = field(default_factory=dict)
    _rekey: Callable[[Store, Sequence[str]], Store] | None = None

    @property
    def as_of_us(self) -> int:
        """Cut-off in UTC microseconds: what has not happened by then is censored, never lost."""
        return int(self.store.meta["as_of_us"])

    @property
    def n_customers(self) -> int:
        """Customers known to any table of the study."""
        return int(self.store.meta["n_customers"])

    def label(self, names: str | Sequence[str]) -> str:
        """Words for event names on a page: as the study labels them, else the names themselves."""
        listed = [names] if isinstance(names, str) else names
        return " / ".join(self.labels.get(name, name) for name in listed)

    def _frame(
        self, table: ir.Table, key: str, columns: Sequence[str], *, known: Sequence[str], of: str
    ) -> pd.DataFrame:
        """Rows of `table` in the order of `key`, with columns of its own or of the customers."""
        own = [name for name in columns if name in table.columns]
        joined = [name for name in columns if name not in table.columns]
        for name in joined:
            if name not in (*known, *self.store.meta["customer_dates"]):
                hint, listed = did_you_mean(name, known), ", ".join(known)
                raise ParameterError(
                    f"by={name!r} is not an attribute of the {of}. {hint} Known: {listed}.", code="CJ-JN-003"
                )
        base = table.select(*dict.fromkeys([key, "unit", *own]))
        if joined:
            customers = self.engine.table(self.store, "customers").select("unit", *joined)
            base = base.left_join(customers, "unit").drop("unit_right")
        return self.engine.fetch(base).sort_values(key, ignore_index=True)

    def _card(self, title: str, lines: list[tuple[str, str]]) -> str:
        rows = "".join(f"<tr><th style='text-align:left'>{escape(a)}</th><td>{escape(b)}</td></tr>" for a, b in lines)
        return f"<b>{escape(title)}</b><table>{rows}</table>"


@dataclass(frozen=True, repr=False)
class EventLog(_View):
    """What customers did: one row per event, ordered by customer, instant and tie rule.

    Columns of `.table`: unit (integer key), at (UTC microseconds), ordinal, event, channel, value,
    day and month (calendar, business zone), then the study's event attributes. `ends` names the events
    after which, as the study declares, a journey is over.
    """

    ends: tuple[str, ...] = ()

    @property
    def table(self) -> ir.Table:
        """Ibis table of the events."""
        return self.engine.table(self.store, "events")

    @property
    def event_names(self) -> tuple[str, ...]:
        """Names of the events that occur, sorted."""
        return tuple(self.store.meta["event_names"])

    @property
    def attributes(self) -> tuple[str, ...]:
        """Columns one may group by: event attributes, channel, customer attributes."""
        meta = self.store.meta
        return tuple(dict.fromkeys([*meta["event_attributes"], "channel", *meta["customer_attributes"]]))

    @property
    def n_events(self) -> int:
        """Events up to the cut-off."""
        return int(self.store.meta["n_events"])

    def codes(self, name: str, events: Sequence[str] | str) -> list[int]:
        """Integer codes of event names; an unknown name raises with the nearest one."""
        wanted = [events] if isinstance(events, str) else list(events)
        if not self.n_events:
            raise NotEnoughDataError(t("The study has no events, so behaviour cannot be described."), code="CJ-JN-001")
        checks.known_values(name, wanted, self.event_names)
        return [self.event_names.index(event) for event in wanted]

    def per(self, unit: str | Sequence[str]) -> EventLog:
        """The same events with a finer unit, for example `per(["customer", "session"])`.

        The new unit is every distinct value of the named event attributes within a customer; events
        without a value are left out. The store of the new unit is written once and reused.
        """
        columns = [name for name in ([unit] if isinstance(unit, str) else unit) if name != "customer"]
        if not columns:
            return self
        allowed = [*self.store.meta["event_attributes"], "channel"]
        checks.known_values("unit", columns, allowed, of="the event attributes of this study")
        if self._rekey is None:
            raise ParameterError("This log cannot be re-keyed again; start from study.events.", code="CJ-JN-002")
        store = self._rekey(self.store, columns)
        # A value that belongs to one customer only (a session) is a unit by itself; else pairs travel.
        values = self.table.select(*columns).distinct()
        counted = self.engine.fetch(values.filter(values[columns[0]].notnull()).count().as_table())
        alone = counted.to_numpy().item() == store.meta["n_customers"]
        name = "-".join(columns) if alone else "-".join([self.info.unit, *columns]) + " pair"
        info = replace(self.info, unit=name, n_customers=int(store.meta["n_customers"]),
                       n_events=int(store.meta["n_events"]))  # fmt: skip
        return replace(self, store=store, info=info, _rekey=None)

    def run(self, kernel: Kernel, *, columns: Sequence[str] = ()) -> pd.DataFrame:
        """Run a kernel over blocks of whole customers in order (engine verb two)."""
        return self.engine.run(self.store, kernel, columns=columns)

    def grouping(self, by: str | None) -> Grouping:
        """How to label customers by `by`: an event attribute at the entry, or a customer attribute."""
        if by is None or by == "":
            return Grouping(None, (), None, ())
        if by not in self.attributes:
            hint = did_you_mean(by, self.attributes)
            known = ", ".join(self.attributes) or "none"
            raise ParameterError(
                f"by={by!r} is not an attribute of this study. {hint} Known: {known}.", code="CJ-JN-003"
            )
        if by in self.store.meta["event_attributes"] or by == "channel":
            return Grouping(by, (by,), None, ())
        customers = self.engine.table(self.store, "customers")
        frame = self.engine.fetch(customers.select("unit", by)).sort_values("unit")
        codes, labels = pd.factorize(frame[by], use_na_sentinel=True)
        return Grouping(by, (), codes.astype(np.int32), tuple(str(label) for label in labels))

    def _repr_html_(self) -> str:
        top = sorted(self.store.meta["event_names"].items(), key=lambda item: -item[1])
        lines = [(t("Events"), number(self.n_events)), (t("Customers"), number(self.n_customers)),
                 (t("Cut-off"), self.info.as_of), (t("Attributes"), ", ".join(self.attributes))]  # fmt: skip
        return self._card(t("EventLog"), lines + [(name, number(n)) for name, n in top[:12]])

    def __repr__(self) -> str:
        return f"<EventLog: {self.n_events} events, {self.n_customers} customers, cut-off {self.info.as_of}>"


@dataclass(frozen=True)
class Grouping:
    """Labels of customers for a breakdown; missing values get the label "(unknown)"."""

    by: str | None
    columns: tuple[str, ...]
    unit_codes: np.ndarray[Any, np.dtype[np.int32]] | None
    labels: tuple[str, ...]

    def of(self, block: Block, entries: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.object_]]:
        """Group label at each entry position."""
        if self.by is None:
            return np.full(len(entries), "(all)", dtype=object)
        labels: Sequence[str | None]
        if self.unit_codes is not None:
            labels, codes = self.labels, self.unit_codes[block.unit[entries]]
        else:
            every, labels = block.text[self.columns[0]]
            codes = every[entries]
        # A customer without a value has the code -1, which reads the last name.
        names = np.array([*("(unknown)" if label is None else label for label in labels), "(unknown)"], dtype=object)
        found: np.ndarray[Any, np.dtype[np.object_]] = names[codes]
        return found


@dataclass(frozen=True, repr=False)
class SurveyResponses(_View):
    """What customers said: one row per invitation, answered or not.

    Columns of `.table`: response, unit, asked_at, answered_at (UTC microseconds, null if unknown or
    unanswered), instrument, score, comment, stage, then the study's response attributes.
    """

    @property
    def table(self) -> ir.Table:
        """Ibis table of the invitations and answers."""
        return self.engine.table(self.store, "responses")

    @property
    def attributes(self) -> tuple[str, ...]:
        """Columns one may group by: response attributes, stage, customer attributes."""
        meta = self.store.meta
        return tuple(dict.fromkeys([*meta["response_attributes"], "stage", *meta["customer_attributes"]]))

    @property
    def instruments(self) -> tuple[str, ...]:
        """Instruments that occur, sorted."""
        return tuple(self.store.meta.get("instruments", ()))

    @property
    def scales(self) -> dict[str, tuple[float, float]]:
        """Declared scale of each instrument."""
        return {name: (low, high) for name, (low, high) in self.store.meta.get("scales", {}).items()}

    @property
    def all_invitations_known(self) -> bool:
        """True if the files hold invitations without an answer, so that a response rate exists."""
        return bool(self.store.meta.get("all_invitations_known", False))

    @property
    def n_responses(self) -> int:
        """Answers given up to the cut-off."""
        return int(self.store.meta["n_responses"])

    @property
    def n_invitations(self) -> int:
        """Invitations known, answered or not."""
        return int(self.store.meta["n_invitations"])

    def frame(self, columns: Sequence[str], *, only: Callable[[ir.Table], ir.Table] | None = None) -> pd.DataFrame:
        """Answers with the named columns; customer attributes are joined. For `stats` only.

        `only` takes rows of `.table` in the engine: most invitations have no answer, and need not travel.
        """
        if not self.n_invitations:
            raise NotEnoughDataError(t("The study has no survey answers, so what customers say is unknown."),
                                     code="CJ-JN-004")  # fmt: skip
        table = self.table if only is None else only(self.table)
        return self._frame(table, "response", columns, known=self.attributes, of="answers")

    def answers(self, instrument: str | None = None) -> Callable[[ir.Table], ir.Table]:
        """For `frame(only=...)`: answers with a score and a date, of one instrument or of all."""

        def given(table: ir.Table) -> ir.Table:
            table = table.filter(table.score.notnull() & table.answered_at.notnull())
            return table if instrument is None else table.filter(table.instrument == instrument)

        return given

    def _repr_html_(self) -> str:
        lines = [
            (t("Invitations"), number(self.n_invitations)),
            (t("Answers"), number(self.n_responses)),
            (t("Instruments"), ", ".join(self.instruments)),
            (t("Attributes"), ", ".join(self.attributes)),
        ]
        return self._card(t("SurveyResponses"), lines)

    def __repr__(self) -> str:
        return f"<SurveyResponses: {self.n_responses} answers of {self.n_invitations} invitations>"


@dataclass(frozen=True, repr=False)
class Interviews(_View):
    """What people said in interviews: one row per passage and code.

    Columns of `.table`: passage, unit, at (UTC microseconds), interview (integer key of one person's
    interview), code, note, coder, then the study's attributes of passages.
    """

    @property
    def table(self) -> ir.Table:
        """Ibis table of the coded passages."""
        return self.engine.table(self.store, "interviews")

    @property
    def attributes(self) -> tuple[str, ...]:
        """Columns one may group by: attributes of the passages and of the customers."""
        meta = self.store.meta
        return tuple(dict.fromkeys([*meta["interview_attributes"], *meta["customer_attributes"]]))

    @property
    def n_interviews(self) -> int:
        """Interviews with at least one code, up to the cut-off."""
        return int(self.store.meta["n_interviews"])

    @property
    def n_interviewed(self) -> int:
        """People interviewed."""
        return int(self.store.meta["n_interviewed"])

    def frame(self, columns: Sequence[str]) -> pd.DataFrame:
        """Passages with the named columns; customer attributes are joined. For `stats` only."""
        if not self.n_interviews:
            raise NotEnoughDataError(
                t("The study has no coded interviews, so what was said in interviews is unknown."), code="CJ-JN-015"
            )
        return self._frame(self.table, "passage", columns, known=self.attributes, of="interviews")

    def _repr_html_(self) -> str:
        lines = [
            (t("Interviews"), number(self.n_interviews)),
            (t("People interviewed"), self.info.people(self.n_interviewed)),
            (t("Attributes"), ", ".join(self.attributes)),
        ]
        return self._card(t("Interviews"), lines)

    def __repr__(self) -> str:
        return f"<Interviews: {self.n_interviews} interviews of {self.n_interviewed} people>"


@dataclass(frozen=True, repr=False)
class Customers(_View):
    """Who: one row per customer, keyed pseudonym, attributes, dates, first and last event."""

    @property
    def table(self) -> ir.Table:
        """Ibis table of the customers."""
        return self.engine.table(self.store, "customers")

    @property
    def attributes(self) -> tuple[str, ...]:
        """Text attributes of the customers."""
        return tuple(self.store.meta["customer_attributes"])

    @property
    def dates(self) -> tuple[str, ...]:
        """Dates known per customer, such as a promised day."""
        return tuple(self.store.meta["customer_dates"])

    def values(self, attribute: str) -> list[str]:
        """Distinct values of an attribute, sorted; missing left out."""
        checks.one_of("attribute", attribute, self.attributes)
        found = self.engine.fetch(self.table.select(attribute).distinct())[attribute].dropna()
        return sorted(map(str, found))

    def _repr_html_(self) -> str:
        lines = [(t("Customers"), number(self.n_customers)), (t("Attributes"), ", ".join(self.attributes)),
                 (t("Dates"), ", ".join(self.dates))]  # fmt: skip
        return self._card(t("Customers"), lines)

    def __repr__(self) -> str:
        return f"<Customers: {self.n_customers}>"
