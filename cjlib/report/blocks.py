"""What a page shows besides results: a block for the report with plain HTML for JupyterLab, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from cjlib.core.text import t
from cjlib.report.context import MIME

_MARKUP = "\\`*_{}[]()<>#+-.!|$&~"


@dataclass(frozen=True)
class Block:
    """Something shown: content for the report, rows of text for JupyterLab."""

    content: Mapping[str, Any]
    title: str
    rows: Sequence[tuple[str, str]] = ()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        lines = [f"{label}: {value}" if label else value for label, value in self.rows]
        return {
            "text/plain": "\n".join([self.title, *lines]),
            "text/html": self._html(),
            MIME: dict(self.content),
        }

    def _html(self) -> str:
        cells = "".join(
            f'<tr><th scope="row" style="text-align:left">{escape(label)}</th>'
            f'<td style="text-align:left">{escape(value)}</td></tr>'
            for label, value in self.rows
        )
        return f"<div><p><strong>{escape(self.title)}</strong></p><table>{cells}</table></div>"


@dataclass(frozen=True)
class Missing:
    """A question that these data cannot answer: what, why, what to do about it, and whether the study asks it."""

    what: str
    why: str
    next: str = ""
    asked: bool = True

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        content = {"block": "missing", "what": self.what, "why": self.why, "next": self.next, "asked": self.asked}
        rows = [(label, text) for label, text in ((t("Why"), self.why), (t("Next"), self.next)) if text]
        return Block(content, self.what, rows)._repr_mimebundle_()

    def __repr__(self) -> str:
        return f"<Missing: {self.why}>"


@dataclass(frozen=True)
class Shown:
    """Several answers, each shown as an output of its own, under its name where there are several."""

    answers: Sequence[Any]
    names: Sequence[str] = ()

    def _ipython_display_(self) -> None:
        if not self.answers:  # the study does not raise this question: the page leaves its section out
            display(Block({"block": "nothing"}, t("Not asked in this study.")))
        for name, answer in zip(self.names or [""] * len(self.answers), self.answers, strict=True):
            if name and len(self.answers) > 1:
                display(Heading(name))
            display(answer)

    def __len__(self) -> int:
        return len(self.answers)

    def __getitem__(self, position: int) -> Any:
        return self.answers[position]


@dataclass(frozen=True)
class Heading:
    """A heading between answers; the text comes from a study file and is no markup."""

    text: str

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        line = " ".join(self.text.split())
        safe = "".join(f"\\{sign}" if sign in _MARKUP else sign for sign in line)
        return {"text/plain": line, "text/markdown": f"### {safe}"}


def display(something: Any) -> None:
    """Show something in the notebook."""
    from IPython import display as shell

    show: Any = shell.display
    show(something)
