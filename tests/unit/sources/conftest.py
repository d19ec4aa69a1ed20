"""A study made of small files written for one test."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from cjlib.core.errors import SchemaError
from cjlib.sources.load import Loaded, load
from cjlib.sources.study import StudySpec, parse_study

EVENTS = {"path": "e.csv", "columns": {"customer": "id", "at": "at", "event": "event"}, "format": {"zone": "UTC"}}
RESPONSES = {
    "path": "r.csv",
    "columns": {"customer": "id", "answered_at": "at", "score": "score"},
    "format": {"zone": "UTC"},
    "instrument": "nps",
}


@dataclass
class Reader:
    """Writes files into a data folder and reads them by a study of one source."""

    folder: Path
    con: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)

    def write(self, **files: str | bytes) -> Reader:
        """Write `e="..."` as e.csv; a name with a dot is spelled with two underscores."""
        for key, content in files.items():
            name = key.replace("__", ".") if "__" in key else f"{key}.csv"
            data = content.encode() if isinstance(content, str) else content
            (self.folder / name).write_bytes(data)
        return self

    def spec(self, **sources: Any) -> StudySpec:
        """Study with these sources."""
        text = yaml.safe_dump(
            {"study": "s", "title": "S", "zone": "Europe/Paris", "as_of": "2030-01-01", "sources": sources},
            allow_unicode=True,
            sort_keys=False,
        )
        return parse_study(text, "study.yml")

    def events(self, content: str | bytes = b"", *, form: dict[str, Any] | None = None, **more: Any) -> Loaded:
        """Load one event source; `form` is merged into its format, `more` into the source."""
        return self.one("events", EVENTS, "e", content, form=form, more=more)

    def responses(self, content: str | bytes, *, form: dict[str, Any] | None = None, **more: Any) -> Loaded:
        """Load one survey."""
        return self.one("responses", RESPONSES, "r", content, form=form, more=more)

    def one(
        self, kind: str, base: dict[str, Any], key: str, content: str | bytes, *, form: Any, more: dict[str, Any]
    ) -> Loaded:
        """Load a study with one source."""
        if content:
            self.write(**{key: content})
        source = {**base, **more, "format": {**base["format"], **(form or {})}}
        return load(self.spec(**{kind: [source]}), self.folder, self.con)

    def both(self, **sources: Any) -> Loaded:
        """Load the event source e.csv and others."""
        return load(self.spec(**{"events": [EVENTS], **sources}), self.folder, self.con)

    def refused(self, *args: Any, kind: str = "events", **more: Any) -> str:
        """Message of the contract breach."""
        with pytest.raises(SchemaError) as caught:
            getattr(self, kind)(*args, **more)
        return str(caught.value)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Result of a query on the raw tables."""
        return self.con.execute(query).fetchall()


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """A reader in an empty data folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    return Reader(folder)


@pytest.fixture(scope="session")
def reader_in() -> type[Reader]:
    """A reader of any folder, for properties that need a new one per example."""
    return Reader
