"""The parameters of a report notebook, and the gate that every given value passes before a kernel starts.

They are declared in the cell tagged `parameters`, one literal per line, annotated and commented:
`window_days: int = 30  # conversion window, days (1-365)`. That cell is parsed, never run. papermill
itself injects names unescaped and only logs a misspelt one, so nothing reaches it but declared names with
JSON values of the declared type. Text from a command line is cast by that type; a `str` stays as it is,
byte for byte ("01000" is no number).
"""

from __future__ import annotations

import ast
import io
import json
import math
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cjlib.core.errors import ParameterError, did_you_mean, shorten

_SCALARS: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
_TYPES = (*_SCALARS, *(f"list[{name}]" for name in _SCALARS))
_RANGE = re.compile(r"\((-?\d+(?:\.\d+)?)\s*[-–]\s*(-?\d+(?:\.\d+)?)\)")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One declared parameter: name, type, default, help and, if the help gives one, its range."""

    name: str
    type: str
    default: Any
    help: str = ""
    low: float = -math.inf
    high: float = math.inf


def read(notebook: Mapping[str, Any], *, name: str = "notebook") -> dict[str, Parameter]:
    """Declared parameters of a notebook, in order, without running anything.

    Parameters
    ----------
    notebook : mapping
        A notebook in nbformat 4 (`nbformat.read(path, as_version=4)`).
    name : str
        Its name, for messages.

    Raises
    ------
    ParameterError
        CJ-RP-002: no cell tagged `parameters`, or a line that is not `name: type = literal`.

    Examples
    --------
    >>> cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]},
    ...         "source": "window_days: int = 30  # days (1-365)"}
    >>> read({"cells": [cell]})["window_days"].high
    365.0
    """
    sources = [
        cell["source"]
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and "parameters" in cell["metadata"].get("tags", [])
    ]
    if len(sources) != 1:
        raise ParameterError(
            f"{name}: {len(sources)} cells are tagged 'parameters'; exactly one is needed.", code="CJ-RP-002"
        )
    try:
        tree = ast.parse(sources[0])
        comments = _comments(sources[0])
    except (SyntaxError, tokenize.TokenError) as problem:
        text = f"{name}: the parameters cell is not Python: {problem}."
        raise ParameterError(text, code="CJ-RP-002") from problem
    declared = [_declaration(statement, comments, name) for statement in tree.body]
    return {parameter.name: parameter for parameter in declared}


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def _declaration(statement: ast.stmt, comments: Mapping[int, str], name: str) -> Parameter:
    wrong = ParameterError(
        f"{name}: line {statement.lineno} of the parameters cell is not a declaration. "
        f"Write: name: type = literal  # help. Types: {', '.join(_TYPES)}.",
        code="CJ-RP-002",
    )
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
        raise wrong
    kind = ast.unparse(statement.annotation)
    if statement.value is None or kind not in _TYPES:
        raise wrong
    try:
        default = ast.literal_eval(statement.value)
    except ValueError:
        raise wrong from None
    text = comments.get(statement.end_lineno or statement.lineno, "")
    span = _RANGE.search(text)
    limits = {"low": float(span[1]), "high": float(span[2])} if span else {}
    parameter = Parameter(name=statement.target.id, type=kind, default=default, help=text, **limits)
    if problem := _wrong_type(parameter, default) or _out_of_range(parameter, default):
        raise ParameterError(f"{name}: default of {problem}", code="CJ-RP-002")
    return parameter


def check(
    notebook: Mapping[str, Any] | dict[str, Parameter], given: Mapping[str, Any], *, name: str = "notebook"
) -> dict[str, Any]:
    r"""Given values, cast and checked against the declared parameters; the order is that of `given`.

    Parameters
    ----------
    notebook : mapping
        The notebook, or what `read` returned for it.
    given : mapping of str to str or JSON value
        Text is cast by the declared type; other values must have that type already. A list may be given as
        text, as a JSON array or separated by commas.
    name : str
        Name of the notebook, for messages.

    Returns
    -------
    dict
        Only what was given, as JSON scalars and lists of them.

    Raises
    ------
    ParameterError
        One error that names every unknown name (CJ-RP-003), wrong type and value out of range (CJ-RP-004).

    Examples
    --------
    >>> cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]},
    ...         "source": 'postcode: str = ""\ndays: int = 30'}
    >>> check({"cells": [cell]}, {"postcode": "01000", "days": "7"})
    {'postcode': '01000', 'days': 7}
    """
    declared = read(notebook, name=name) if "cells" in notebook else dict(notebook)
    problems: list[tuple[str, str]] = []
    values: dict[str, Any] = {}
    for key, raw in given.items():
        if key not in declared:
            problems.append(("CJ-RP-003", _unknown(key, declared)))
            continue
        parameter = declared[key]
        value = _cast(parameter.type, raw) if isinstance(raw, str) else raw
        if parameter.type == "float" and type(value) is int:
            value = float(value)
        if problem := _wrong_type(parameter, value) or _out_of_range(parameter, value):
            problems.append(("CJ-RP-004", problem))
        values[key] = value
    if problems:
        text = "\n".join(f"{name}: {message}" for _, message in problems)
        raise ParameterError(text, code=problems[0][0])
    return values


def _unknown(key: str, declared: Mapping[str, Parameter]) -> str:
    hint = did_you_mean(str(key), declared)
    known = ", ".join(declared) or "none"
    return " ".join(f"there is no parameter {shorten(str(key))!r}. {hint} Known: {known}.".split())


def _cast(kind: str, text: str) -> Any:
    """`text` as `kind`, or `text` itself where it cannot be read as that; the type check then speaks."""
    if kind == "str":
        return text
    if kind.startswith("list["):
        if text.lstrip().startswith("["):
            try:
                return json.loads(text)
            except json.JSONDecodeError:
                return text
        return [_cast(kind[5:-1], part) for part in text.split(",")] if text else []
    text = text.strip()
    if kind == "bool":
        return _TRUTH.get(text.casefold(), text)
    if kind == "int":
        return int(text) if _WHOLE.fullmatch(text) else text
    return float(text) if _DECIMAL.fullmatch(text) else text


def _wrong_type(parameter: Parameter, value: Any) -> str:
    inner = parameter.type.removeprefix("list[").removesuffix("]")
    listed = parameter.type.startswith("list[")
    items = value if listed and type(value) is list else [value]
    fits = (type(value) is list) == listed and all(_is(inner, item) for item in items)
    if fits:
        return ""
    meaning = f" It means: {parameter.help}." if parameter.help else ""
    return f"{parameter.name}={shorten(repr(value))} is not of type {parameter.type}.{meaning}"


def _is(kind: str, value: Any) -> bool:
    if kind == "float":
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is _SCALARS[kind]


def _out_of_range(parameter: Parameter, value: Any) -> str:
    items = value if isinstance(value, list) else [value]
    numbers = [item for item in items if isinstance(item, int | float) and not isinstance(item, bool)]
    if all(parameter.low <= item <= parameter.high for item in numbers):
        return ""
    return f"{parameter.name}={value!r} is out of range: {parameter.low:g} to {parameter.high:g} is allowed."
