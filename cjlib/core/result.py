"""The answer of an analysis: a frozen `Result` that holds aggregates only, gated for small groups.

One class for every analysis, so that the notebook, the report, `results.json` and a test read the
same thing. No clock, version or address enters a result: the same input gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd

from cjlib.core import gate
from cjlib.core.errors import CjlibError
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.parameters import parameter_name, parameter_value
from cjlib.core.text import UNKNOWN, day, days, interval, number, percent, points, t

MIME = "application/vnd.cjlib+json"
HIDDEN = "•"
SCHEMA = 1

GROUP = Column("group", "string", "Group", meaning="value of the grouping attribute")
CI_LOW = "ci_low"
CI_HIGH = "ci_high"


@dataclass(frozen=True)
class Note:
    """What a reader must know beside the numbers; `limit` makes the report "partial"."""

    code: str
    severity: Literal["info", "caution", "limit"]
    message: str


@dataclass(frozen=True, kw_only=True)
class DataInfo:
    """What the numbers rest on: size, period, cut-off, content hash and the privacy floor."""

    study: str
    unit: str = "customer"
    n_events: int = 0
    n_customers: int = 0
    n_responses: int = 0
    first: str = ""
    last: str = ""
    as_of: str = ""
    zone: str = "UTC"
    sha256: str = ""
    where: str = ""
    min_people: int = 5

    @property
    def units(self) -> str:
        """Plural word for what travels, in the active language ("customers", "orders")."""
        return t(self.unit + "s")

    def people(self, n: int) -> str:
        """A count of people as a sentence may say it: small ones pass the gate as "fewer than 5"."""
        return t("fewer than {k}", k=self.min_people) if 0 < n < self.min_people else number(n)


@dataclass(frozen=True, kw_only=True)
class Kpi:
    """One headline number with its interval, its n and its definition."""

    measure: str
    label: str
    estimate: float
    ci_low: float = math.nan
    ci_high: float = math.nan
    n: int = 0
    form: Literal["percent", "points", "days", "number", "score"] = "number"
    definition: str = ""

    def __post_init__(self) -> None:
        # numpy scalars come in from tables; JSON and comparisons want plain numbers
        for name in ("estimate", "ci_low", "ci_high"):
            object.__setattr__(self, name, float(getattr(self, name)))

    def card(self) -> dict[str, str]:
        """The number as a reader sees it: value, interval, n, definition."""
        form = FORMS[self.form]
        unknown = math.isnan(self.ci_low) or (math.isinf(self.ci_low) and math.isinf(self.ci_high))
        bounds = "" if unknown else t("95 % CI {range}", range=interval(self.ci_low, self.ci_high, form))
        return {
            "label": self.label,
            "value": form(self.estimate),
            "interval": bounds,
            "n": t("n = {n}", n=self.n) if self.n else "",
            "definition": self.definition,
        }


def _score(value: float) -> str:
    return number(value, 2)


def _p_value(value: float) -> str:
    if math.isnan(value):
        return UNKNOWN
    return t("< {x}", x=number(0.001, 3)) if value < 0.001 else number(value, 3)


FORMS: dict[str, Any] = {
    "percent": percent, "proportion": percent, "points": points, "days": days, "number": number,
    "people": number, "rows": number, "score": _score, "p": _p_value, "date": day,
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Result:
    """Base of all results. Build with `Result.build`; read `.table`, `.summary`, `.notes`.

    Subclasses set `kind`, `columns` (contract of the main table), `more_columns` (contracts of further
    tables by name) and write `question`, `answer`, `definition`, `alt` and `plot`.
    """

    kind: ClassVar[str] = ""
    columns: ClassVar[Columns]
    more_columns: ClassVar[Mapping[str, Columns]] = {}
    kinds: ClassVar[dict[str, type[Result]]] = {}

    _table: pd.DataFrame
    _hidden: pd.DataFrame
    _more: dict[str, pd.DataFrame] = field(default_factory=dict)
    _more_hidden: dict[str, pd.DataFrame] = field(default_factory=dict)
    kpis: tuple[Kpi, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    data: DataInfo
    notes: tuple[Note, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.kind:
            Result.kinds[cls.kind] = cls

    @classmethod
    def build(
        cls,
        table: pd.DataFrame,
        *,
        data: DataInfo,
        params: Mapping[str, Any],
        kpis: Sequence[Kpi] = (),
        more: Mapping[str, pd.DataFrame] | None = None,
        notes: Sequence[Note] = (),
    ) -> Self:
        """Check the tables against their contracts, pass them through the small-group gate, freeze."""
        gated, hidden = gate.apply(table, cls.columns, data.min_people)
        pairs = {
            name: gate.apply(frame, cls.more_columns[name], data.min_people) for name, frame in (more or {}).items()
        }
        all_notes = list(notes)
        # A table without a caption is only drawn: its figure says where it ends.
        printed = [mask for name, (_, mask) in pairs.items() if cls.more_columns[name].caption]
        if any(mask.to_numpy().any() for mask in (hidden, *printed)):
            all_notes.append(
                Note(
                    "CJ-PV-010",
                    "caution",
                    t(
                        "{mark} marks cells hidden because they count fewer than {k} people, or would give "
                        "such a group away by subtraction.",
                        mark=HIDDEN,
                        k=data.min_people,
                    ),
                )
            )
        unknown: dict[str, Any] = {"estimate": math.nan, "ci_low": math.nan, "ci_high": math.nan, "n": 0}
        hidden_here, shown_here = _values([(cls.columns.conform(table), hidden)])
        others = [(cls.more_columns[name].conform(frame), pairs[name][1]) for name, frame in (more or {}).items()]
        hidden_there, shown_there = _values(others)
        # What the main table hides no headline tells, not even where a figure's table happens to hold it too.
        secret = (hidden_here | (hidden_there - shown_there)) - shown_here
        few = [0 < kpi.n < data.min_people or kpi.estimate in secret for kpi in kpis]
        shown = tuple(replace(kpi, **unknown) if small else kpi for kpi, small in zip(kpis, few, strict=True))
        return cls(
            _table=gated,
            _hidden=hidden,
            _more={name: pair[0] for name, pair in pairs.items()},
            _more_hidden={name: pair[1] for name, pair in pairs.items()},
            kpis=shown,
            params=dict(params),
            data=data,
            notes=tuple(all_notes),
        )

    # --- what an analyst reads ------------------------------------------------------------------
    @property
    def table(self) -> pd.DataFrame:
        """Main table, tidy, a copy each time; NaN where unknown or hidden."""
        return self._table.copy()

    def more(self, name: str) -> pd.DataFrame:
        """A further table by name (see `more_columns`), a copy each time."""
        return self._more[name].copy()

    @property
    def summary(self) -> pd.DataFrame:
        """Headline numbers, one row each: measure, estimate, ci_low, ci_high, n, form."""
        names = ["measure", "estimate", "ci_low", "ci_high", "n", "form"]
        return pd.DataFrame([[getattr(kpi, name) for name in names] for kpi in self.kpis], columns=names)

    def kpi(self, measure: str) -> Kpi:
        """Headline number by its measure name."""
        return next(kpi for kpi in self.kpis if kpi.measure == measure)

    @property
    def comparisons(self) -> int:
        """Tests made for this answer, shown or not: what the analysis counted, else the rows with a p-value."""
        if "n_comparisons" in self.params:
            return int(self.params["n_comparisons"])
        pairs = [(self._table, self.columns), *((frame, self.more_columns[name]) for name, frame in self._more.items())]
        tested = [frame[[c.name for c in contract.columns if c.unit == "p"]] for frame, contract in pairs]
        return int(sum(part.notna().any(axis=1).sum() for part in tested))

    def equals(self, other: object) -> bool:
        """True if `other` is the same kind of result with the same content."""
        return isinstance(other, Result) and self.to_dict() == other.to_dict()

    # --- what a subclass writes -----------------------------------------------------------------
    def question(self) -> str:
        """The question this result answers, as a title."""
        raise CjlibError(f"{type(self).__name__} does not say which question it answers")

    def answer(self) -> str:
        """One sentence with the main number and its interval."""
        raise CjlibError(f"{type(self).__name__} does not answer in a sentence")

    def definition(self) -> str:
        """What is counted, in one or two sentences."""
        return ""

    def alt(self) -> str:
        """Description of the figure, written from the numbers."""
        return self.answer()

    def plot(self, *, ax: Any = None) -> Any:  # noqa: ARG002 - what subclasses draw on
        """Draw on `ax` (or a new figure) and return the Axes; None where there is nothing to draw."""
        return None

    def shown(self) -> list[tuple[str, pd.DataFrame, pd.DataFrame, Columns]]:
        """Tables for the page: (caption, frame, hidden mask, contract)."""
        main = (t(self.columns.caption), self._table, self._hidden, self.columns)
        return [main] + [
            (t(self.more_columns[name].caption), frame, self._more_hidden[name], self.more_columns[name])
            for name, frame in self._more.items()
            if self.more_columns[name].caption
        ]

    # --- rendering ------------------------------------------------------------------------------
    def card(self) -> dict[str, Any]:
        """Everything a page needs to show this result, as plain JSON; text in the active language."""
        from cjlib.core.svg import to_svg

        ax = self.plot()
        figures = [] if ax is None else [{"svg": to_svg(ax), "alt": self.alt(), "caption": self.caption()}]
        return {
            "kind": self.kind,
            "question": self.question(),
            "answer": self.answer(),
            "kpis": [kpi.card() for kpi in self.kpis],
            "figures": figures,
            "tables": [format_table(*shown) for shown in self.shown()],
            "notes": [asdict(note) for note in self.notes],
            "params": [[parameter_name(key), parameter_value(value)] for key, value in self.params.items()],
            "definition": self.definition(),
        }

    def caption(self) -> str:
        """Line under the figure: what it rests on."""
        return t(
            "{n} {unit}, complete up to {day}. Bands and bars are 95 % intervals.",
            n=self.data.n_customers,
            unit=self.data.units,
            day=day(pd.Timestamp(self.data.as_of)) if self.data.as_of else UNKNOWN,
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002 - IPython's
        from cjlib.core.card import render_card

        card = self.card()
        return {
            "text/plain": repr(self),
            "text/html": render_card(card),
            MIME: {"block": "result", "card": card, "result": self.to_dict()},
        }

    def _repr_html_(self) -> str:
        from cjlib.core.card import render_card

        return render_card(self.card())

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.answer()}>"

    # --- serialisation --------------------------------------------------------------------------
    def to_dict(self) -> dict[str, Any]:
        """JSON form: aggregates only, NaN as null, hidden cells listed, key order fixed."""
        return {
            "kind": self.kind,
            "schema": SCHEMA,
            "params": dict(self.params),
            "data": asdict(self.data),
            "summary": [{key: _null(value) for key, value in asdict(kpi).items()} for kpi in self.kpis],
            "table": _frame_to_dict(self._table, self._hidden),
            "more": {name: _frame_to_dict(frame, self._more_hidden[name]) for name, frame in self._more.items()},
            "notes": [asdict(note) for note in self.notes],
        }

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> Result:
        """Rebuild a result from `to_dict()`; `Result.from_dict(r.to_dict()).equals(r)`."""
        cls = Result.kinds[content["kind"]]
        table, hidden = _frame_from_dict(content["table"], cls.columns)
        more = {name: _frame_from_dict(part, cls.more_columns[name]) for name, part in content["more"].items()}
        kpis: list[dict[str, Any]] = [
            {key: math.nan if v is None else v for key, v in kpi.items()} for kpi in content["summary"]
        ]
        return cls(
            _table=table,
            _hidden=hidden,
            _more={name: pair[0] for name, pair in more.items()},
            _more_hidden={name: pair[1] for name, pair in more.items()},
            kpis=tuple(Kpi(**kpi) for kpi in kpis),
            params=dict(content["params"]),
            data=DataInfo(**content["data"]),
            notes=tuple(Note(**note) for note in content["notes"]),
        )


def format_table(caption: str, frame: pd.DataFrame, hidden: pd.DataFrame, columns: Columns) -> dict[str, Any]:
    """A table as a reader sees it: strings, with `*_low`/`*_high` joined into one interval column."""
    heads: list[dict[str, str]] = []
    cells: list[list[str]] = []
    for column in columns.columns:
        if column.name.endswith("_high") or not column.label:
            continue
        heads.append(
            {
                "label": t(column.label),
                "align": "left" if column.unit == "text" else "right",
                "help": t(column.meaning) if column.meaning else "",
            }
        )
        if column.name.endswith("_low"):
            high = frame[column.name.removesuffix("_low") + "_high"]
            form = FORMS[column.unit]
            pairs = zip(frame[column.name], high, strict=True)
            texts = [_limits(low, top, form) for low, top in pairs]
        else:
            texts = [_cell(value, column) for value in frame[column.name]]
        mask = hidden[column.name]
        cells.append([HIDDEN if cut else text for text, cut in zip(texts, mask, strict=True)])
    return {"caption": caption, "columns": heads, "rows": [list(row) for row in zip(*cells, strict=True)]}


def _limits(low: float, high: float, form: Any) -> str:
    return UNKNOWN if pd.isna(low) or (math.isinf(low) and math.isinf(high)) else interval(low, high, form)


def _cell(value: Any, column: Column) -> str:
    if pd.isna(value):
        return UNKNOWN
    if column.unit == "text":
        return {ALL: t("all"), "(unknown)": t("(unknown)")}.get(value, str(value))
    text: str = FORMS[column.unit](value if column.unit == "date" else float(value))
    return text


def _null(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        if math.isnan(value):
            return None
        return "inf" if math.isinf(value) else float(value)
    return value


def _frame_to_dict(frame: pd.DataFrame, hidden: pd.DataFrame) -> dict[str, Any]:
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    where = np.argwhere(hidden.to_numpy())
    return {
        "columns": list(frame.columns),
        "rows": [[_null(value) for value in row] for row in rows],
        "hidden": where.tolist(),
    }


def _frame_from_dict(part: Mapping[str, Any], columns: Columns) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = [[math.inf if value == "inf" else value for value in row] for row in part["rows"]]
    frame = columns.conform(pd.DataFrame(rows, columns=part["columns"], dtype=object))
    hidden = pd.DataFrame(np.zeros(frame.shape, dtype=bool), columns=frame.columns)
    for row, column in part["hidden"]:
        hidden.iat[row, column] = True
    return frame, hidden


def _values(pairs: Sequence[tuple[pd.DataFrame, pd.DataFrame]]) -> tuple[set[float], set[float]]:
    """Values that stand in hidden cells of these raw tables, and in shown ones."""
    hidden: set[float] = set()
    shown: set[float] = set()
    for frame, mask in pairs:
        for name in frame.columns[(frame.dtypes == "float64").to_numpy()]:
            values, cover = frame[name].to_numpy(), mask[name].to_numpy(dtype=bool)
            hidden.update(values[cover].tolist())
            shown.update(values[~cover].tolist())
    return hidden, shown
