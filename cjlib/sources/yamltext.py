"""YAML of a study, read as text first: what you write is what is meant, and traps are named.

YAML 1.1 turns `NO` into false, `01000` into 512 and `12:30` into 750. Here every plain scalar keeps
its text, the model casts it by its declared type, and a value that other readers of the file would take
for something else is a problem with a sentence. Keys written twice are a problem too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from cjlib.core.errors import Problem, SchemaError, did_you_mean

_TRAP_BOOLEAN = re.compile(r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF")
_TRAP_NUMBER = re.compile(r"[-+]?0\d[\d_]*|[-+]?\d+(?:_\d+)+|[-+]?\d+(?::[0-5]?\d)+(?:\.\d*)?|0x[0-9a-fA-F]+")
_NOTHING = re.compile(r"~|null|Null|NULL|")
Path = tuple[str | int, ...]


class YamlText:
    """Content of a YAML text as nested dicts and lists of str and None; `line_of` locates a key path."""

    def __init__(self, text: str, file: str) -> None:
        self.file, self.problems = file, list[Problem]()
        self._lines: dict[Path, int] = {}
        self.content: Any = None
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise SchemaError([self._broken(error)]) from error
        if node is not None:
            self.content = self._value(node, ())

    def _broken(self, error: yaml.YAMLError) -> Problem:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "it is not YAML"
        return Problem(
            code="CJ-IN-001",
            file=self.file,
            what=f"the file cannot be read as YAML: {reason}",
            lines=(mark.line + 1,) if mark else (),
            next_step="check the indentation (spaces, no tabs), the colons and the quotes around this line",
        )

    def line_of(self, path: Path) -> tuple[int, ...]:
        """Line of the deepest known part of a key path."""
        for size in range(len(path), 0, -1):
            if path[:size] in self._lines:
                return (self._lines[path[:size]],)
        return ()

    def problem(
        self, path: Path, what: str, *, code: str, given: Any = None, allowed: str = "", then: str = ""
    ) -> None:
        """Record one breach at a key path."""
        self.problems.append(
            Problem(
                code=code,
                file=self.file,
                column="",
                what=f"{dotted(path)}: {what}" if path else what,
                lines=self.line_of(path),
                values=() if given is None else (str(given),),
                expected=allowed,
                next_step=then,
            )
        )

    def _value(self, node: yaml.Node, path: Path) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, i)) for i, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.problem(path, "a key must be a word", code="CJ-IN-001")
                continue
            key = key_node.value
            here = (*path, key)
            if key == "<<":
                for one in value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]:
                    merged = self._value(one, here)
                    result = {**(merged if isinstance(merged, dict) else {}), **result}
                continue
            self._lines[here] = line
            if key != "on" and self._is_trap(key_node):  # join.on is a key of ours
                self._scalar(key_node, here)
            if key in first:
                self.problem(
                    here,
                    f"the key is written twice, at lines {first[key]} and {line}",
                    code="CJ-IN-001",
                    then="keep one of them",
                )
            first.setdefault(key, line)
            result[key] = self._value(value_node, here)
        return result

    def _is_trap(self, node: yaml.ScalarNode) -> bool:
        plain = node.style is None
        return plain and bool(_TRAP_BOOLEAN.fullmatch(node.value) or _TRAP_NUMBER.fullmatch(node.value))

    def _scalar(self, node: Any, path: Path) -> str | None:
        text: str = node.value
        if node.style is not None:
            return text
        if _NOTHING.fullmatch(text):
            if path and isinstance(path[-1], int):
                self.problem(
                    path,
                    f"{text or 'an empty item'} without quotes means nothing at all in YAML",
                    code="CJ-IN-001",
                    then=f'write "{text}" for the text, or drop the item',
                )
            return None
        if self._is_trap(node):
            kind = "true or false" if _TRAP_BOOLEAN.fullmatch(text) else "another number"
            self.problem(
                path,
                f"{text} without quotes is read by YAML as {kind}",
                code="CJ-IN-001",
                then=f'write "{text}" in quotes if the text is meant',
            )
        return text


def dotted(path: Path) -> str:
    """Key path for a message.

    Examples
    --------
    >>> dotted(("sources", "events", 0, "columns"))
    'sources.events[0].columns'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def breaches(error: ValidationError, source: YamlText, model: type[BaseModel]) -> None:
    """Put every error of the model into `source.problems`, in the words of the study file."""
    for item in error.errors():
        path, fields = _located(item["loc"], source.content, model)
        given, kind, context = item.get("input"), item["type"], item.get("ctx", {})
        shown = given if isinstance(given, str) else None
        if kind == "extra_forbidden":
            key = str(path[-1])
            what = "there is no such key" + _hint(key, fields)
            source.problem(path, what, code="CJ-IN-002", given=key, allowed=", ".join(fields))
        elif kind == "missing":
            source.problem(path, "this key is missing", code="CJ-IN-003", then=f"write the key {path[-1]}")
        elif kind == "literal_error":
            allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
            what = "this is not allowed" + _hint(str(given), allowed)
            source.problem(path, what, code="CJ-IN-004", given=given, allowed=", ".join(allowed))
        else:
            source.problem(path, _sentence(kind, given, context), code="CJ-IN-004", given=shown)


def _hint(given: str, allowed: list[str]) -> str:
    sentence = did_you_mean(given, allowed)
    return f" ({sentence[0].lower()}{sentence[1:]})" if sentence else ""


def _located(loc: tuple[str | int, ...], content: Any, model: type[BaseModel]) -> tuple[Path, list[str]]:
    """The key path really written, and the keys allowed at its level."""
    path: list[str | int] = []
    at: Any = content
    current: type[BaseModel] | None = model
    allowed: list[str] = []
    for part in loc:
        if isinstance(part, int) and not isinstance(at, list):
            continue  # a single item stands where a list is allowed
        allowed = [info.alias or name for name, info in current.model_fields.items()] if current else []
        path.append(part)
        at = at[part] if isinstance(part, int) else at.get(part) if isinstance(at, dict) else None
        if current and isinstance(part, str):
            field = next((i for n, i in current.model_fields.items() if part in (n, i.alias)), None)
            current = next(_models(field.annotation), None) if field else None
    return tuple(path), allowed


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for part in getattr(annotation, "__args__", ()):
        yield from _models(part)


def _sentence(kind: str, given: Any, context: dict[str, Any]) -> str:
    if kind == "value_error":
        return str(context.get("error", ""))
    shape = "a list" if isinstance(given, list) else "a block of keys" if isinstance(given, dict) else "a text"
    shape = "nothing" if given is None else shape
    wanted = {
        "string_type": "a text",
        "list_type": "a list",
        "tuple_type": "a list",
        "dict_type": "a block of keys",
        "model_type": "a block of keys",
        "model_attributes_type": "a block of keys",
        "int_parsing": "a whole number",
        "int_type": "a whole number",
        "float_parsing": "a number",
        "float_type": "a number",
        "too_short": f"at least {context.get('min_length')} item(s)",
        "too_long": f"at most {context.get('max_length')} item(s)",
        "greater_than_equal": f"{context.get('ge')} or more",
    }.get(kind, "something else")
    if kind == "too_short":
        return f"{wanted} are expected here"
    if kind.endswith("_parsing") or kind in ("too_long", "greater_than_equal"):
        return f"{wanted} is expected here"
    return f"{wanted} is expected here, {shape} was given"
