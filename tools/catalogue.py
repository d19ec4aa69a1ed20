"""Which messages the project uses, and what the French catalogue lacks or holds in vain.

    python -m tools.catalogue            list the differences; exit code 1 if there are any
    python -m tools.catalogue --write    put the catalogue in order, missing messages with an empty translation

A message is a literal first argument of `t` (both of `tn`), in Python or in a template; a label, meaning
or caption of a result's columns; a definition of an instrument; a Markdown cell of a report notebook; a
word for what travels in a study. Calls whose message is not written in place are listed in `FILLED`, so
that a new one is noticed: until it is listed, it counts as a fault.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "cjlib"
CATALOGUE = PACKAGE / "core" / "locale" / "fr.po"
Key = str | tuple[str, str]
FIELD = re.compile(r"{(\w+)")


# --- messages that are not written where they are translated ------------------------------------------
def literals(path: str, *names: str) -> list[Key]:
    """Texts in the values of module constants of a file of the package; of a pair, the first is the text."""
    constants = {
        part.id: _value(target, part, node.value)
        for node in ast.parse((PACKAGE / path).read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        for part in ast.walk(target)
        if isinstance(part, ast.Name)
    }
    found: list[Key] = []
    for name in names:
        value = constants[name]
        inside = [part.id for part in ast.walk(value) if isinstance(part, ast.Name)]
        found += literals(path, *inside) if inside and isinstance(value, ast.Tuple) else _texts(value)
    return found


def _value(target: ast.expr, part: ast.Name, value: ast.expr) -> ast.expr:
    """What `part` of an assignment is given: `A, B = "a", "b"` gives each its own."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return value.elts[target.elts.index(part)]
    return value


def _texts(node: ast.expr | None) -> list[Key]:
    if isinstance(node, ast.Dict):
        return [text for value in node.values for text in _texts(value)]
    if isinstance(node, ast.Tuple) and all(isinstance(part, ast.Tuple) for part in node.elts):
        return [text for part in node.elts for text in _texts(part)[:1]]
    if isinstance(node, ast.Tuple):
        return [text for part in node.elts for text in _texts(part)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def reasons() -> list[Key]:
    """Why rows are set aside."""
    return [
        *literals("sources/load.py", "NO_CUSTOMER", "FILTERED", "NO_INSTANT", "DUPLICATE", "UNANSWERED"),
        *literals("sources/interviews.py", "NO_CODE"),
        *literals("sources/faults.py", "REASONS", "SEVERAL"),
        *literals("sources/diagnose.py", "REASONS"),
    ]


def units() -> list[Key]:
    """Plural words for what travels, in the studies of the repository."""
    found = ["customer"]
    for path in sorted((ROOT / "studies").glob("*.yml")):
        study = yaml.safe_load(path.read_text(encoding="utf-8"))
        if "study" not in study:
            continue
        word = study.get("unit", "customer")
        found.append(word)
        for funnel in study.get("funnels", []):
            given = funnel.get("unit", [])
            columns = [name for name in ([given] if isinstance(given, str) else given) if name != "customer"]
            if columns:  # as EventLog.per names them
                found += ["-".join(columns), "-".join([word, *columns]) + " pair"]
    return [word + "s" for word in dict.fromkeys(found)]


def cells() -> list[Key]:
    """Markdown cells of the report notebooks."""
    found: list[Key] = []
    for path in sorted((ROOT / "notebooks" / "reports").glob("*.ipynb")):
        content = json.loads(path.read_text(encoding="utf-8"))["cells"]
        found += ["".join(cell["source"]).strip() for cell in content if cell["cell_type"] == "markdown"]
    return found


def nothing() -> list[Key]:
    """No message of its own: what is translated there is listed at another call."""
    return []


KINDS: list[Key] = ["events", "responses", "interviews", "customers", "identity"]
FILLED: dict[tuple[str, str], Callable[[], list[Key]]] = {
    ("analyses/data_quality.py", "name"): lambda: literals("sources/quality.py", "CHECKS"),
    ("analyses/data_quality.py", "entry['kind']"): lambda: KINDS,
    ("analyses/said_and_done.py", "v"): lambda: literals("analyses/said_and_done.py", "FINAL", "WHEN"),
    ("analyses/said_and_done.py", "c"): lambda: literals("analyses/said_and_done.py", "CATEGORIES"),
    ("analyses/said_and_done.py", "name"): nothing,
    ("analyses/said_and_done.py", "row['category']"): nothing,
    ("analyses/data_quality.py", "reason"): reasons,
    ("analyses/scores.py", "kind.definition"): nothing,
    ("analyses/interviews.py", "row['stratum']"): nothing,
    ("analyses/interviews.py", "who"): lambda: literals("analyses/interviews.py", "NEVER", "PRAISED", "BLAMED"),
    ("analyses/score_comparison.py", "SAME"): lambda: literals("analyses/score_comparison.py", "SAME"),
    ("analyses/score_comparison.py", "who"): lambda: literals("analyses/score_comparison.py", "OTHERS", "EVERYBODY"),
    ("analyses/score_comparison.py", "_WHO[row['who']]"): lambda: [*literals("analyses/score_comparison.py", "_WHO")],
    ("core/parameters.py", "name"): lambda: literals("core/parameters.py", "NAMES"),
    ("core/result.py", "column.label"): nothing,
    ("core/result.py", "column.meaning"): nothing,
    ("core/result.py", "self.columns.caption"): nothing,
    ("core/result.py", "self.more_columns[name].caption"): nothing,
    ("core/result.py", "self.unit + 's'"): units,
    ("plots/funnel.py", "unit + 's'"): nothing,
    ("plots/triangle.py", "unit + 's'"): nothing,
    ("report/cells.py", "cell['source'].strip()"): cells,
    ("report/flow.py", "cell['source'].strip()"): nothing,
    ("report/exporter.py", "context.title"): nothing,
    ("report/exporter.py", "str(reason)"): nothing,
    ("report/index.py", "*words[status]"): nothing,
    ("sources/match.py", "what"): lambda: literals("sources/match.py", "_NORMAL"),
}


# --- reading ------------------------------------------------------------------------------------------
def used() -> tuple[dict[Key, str], list[str]]:
    """Messages with the file of their first use, in order; then the calls whose message nobody can see."""
    found: dict[Key, str] = {}
    unseen: list[str] = []
    files = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.j2")]
    for path in sorted(files, key=lambda path: path.relative_to(ROOT).as_posix()):
        place = path.relative_to(ROOT).as_posix()
        text = path.read_text(encoding="utf-8")
        for key, expression in _of_template(text) if path.suffix == ".j2" else _of_module(text):
            if key is not None:
                found.setdefault(key, place)
                continue
            known = FILLED.get((path.relative_to(PACKAGE).as_posix(), expression))
            if known is None:
                unseen.append(f"{place}: t({expression})")
            for one in known() if known else []:
                found.setdefault(one, place)
    return found, unseen


Found = Iterator[tuple[Key | None, str]]


def _of_module(text: str) -> Found:
    tree = ast.parse(text)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        given = {word.arg: word.value for word in call.keywords if word.arg}
        if name == "t" and call.args:
            yield from _of_expression(call.args[0])
        elif name == "tn" and isinstance(call.args[0], ast.Starred):
            yield None, ast.unparse(call.args[0])
            yield from _pairs(tree)
        elif name == "tn":
            one, many = (ast.literal_eval(part) for part in call.args[:2])
            yield (one, many), ""
        elif name == "Column":
            # A column without a label is not shown, nor is its meaning.
            label = given.get("label", call.args[2] if len(call.args) > 2 else None)
            meaning = given.get("meaning", call.args[4] if len(call.args) > 4 else None)
            if _texts(label) not in ([], [""]):
                yield from ((text, "") for part in (label, meaning) for text in _texts(part) if text)
        elif name == "Columns":
            yield from ((text, "") for text in _texts(given.get("caption")) if text)
        elif name == "Instrument":
            yield from ((text, "") for text in _texts(given.get("definition")))


def _of_expression(node: ast.expr) -> Found:
    """Literals of a message: a text, or one of two texts."""
    if isinstance(node, ast.IfExp):
        yield from _of_expression(node.body)
        yield from _of_expression(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value, ""
    else:
        yield None, ast.unparse(node)


def _pairs(tree: ast.Module) -> Found:
    """Pairs of texts that count `{n}`: the forms that a `tn(*...)` chooses among."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple) and len(node.elts) == 2:
            one, many = (part.value if isinstance(part, ast.Constant) else None for part in node.elts)
            if isinstance(one, str) and isinstance(many, str) and "{n}" in one and "{n}" in many:
                yield (one, many), ""


def _of_template(text: str) -> Found:
    for call in Environment(autoescape=True).parse(text).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in ("t", "tn"):
            parts = call.args[: 1 if call.node.name == "t" else 2]
            texts = [str(part.value) for part in parts if isinstance(part, nodes.Const)]
            if len(texts) < len(parts):
                yield None, repr(parts)
            else:
                yield (texts[0] if len(texts) == 1 else (texts[0], texts[1])), ""


def entries() -> dict[Key, str | tuple[str, ...]]:
    """Messages of the catalogue with their translations."""
    with CATALOGUE.open("rb") as handle:
        read: Any = read_po(handle, locale="fr", abort_invalid=True)
    return {message.id: message.string for message in read if message.id}


# --- faults -------------------------------------------------------------------------------------------
def faults(key: Key, translation: str | tuple[str, ...]) -> list[str]:
    """What is wrong with one entry: empty, other fields than the message, or still English."""
    forms = (translation,) if isinstance(translation, str) else tuple(translation)
    messages = (key,) if isinstance(key, str) else key
    found = []
    if not all(forms):
        found.append("has no translation")
    fields = {field for message in messages for field in FIELD.findall(message)}
    if any(form and set(FIELD.findall(form)) != fields for form in forms):
        found.append(f"should have the fields {sorted(fields)}")
    for message, form in zip(messages, forms, strict=True):
        if form == message and len(re.findall(r"\b[^\W\d_][\w'-]*", FIELD.sub("{", message))) > 1:
            found.append("is still English")
    return found


def report() -> list[str]:
    """Every difference between the project and its catalogue, one line each."""
    wanted, unseen = used()
    known = entries()
    lines = [f"not seen: {call} (list it in tools/catalogue.py)" for call in unseen]
    lines += [f"missing: {_shown(key)} ({place})" for key, place in wanted.items() if key not in known]
    lines += [f"unused: {_shown(key)}" for key in known if key not in wanted]
    lines += [f"wrong: {_shown(key)} {fault}" for key, form in known.items() for fault in faults(key, form)]
    return lines


def _shown(key: Key) -> str:
    return repr(key if isinstance(key, str) else key[0])


# --- writing ------------------------------------------------------------------------------------------
HEAD = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Language: fr\\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\\n"
"""


def rendered(wanted: Mapping[Key, str], known: Mapping[Key, str | tuple[str, ...]]) -> str:
    """The catalogue as text: messages by file of first use, what nothing uses left out."""
    parts = [HEAD]
    for key, place in wanted.items():
        if isinstance(key, str):
            lines = [f"msgid {_quoted(key)}", f"msgstr {_quoted(str(known.get(key, '')))}"]
        else:
            lines = [f"msgid {_quoted(key[0])}", f"msgid_plural {_quoted(key[1])}"]
            lines += [f"msgstr[{i}] {_quoted(form)}" for i, form in enumerate(known.get(key, ("", "")))]
        parts.append("\n".join([f"#: {place}", *lines]) + "\n")
    return "\n".join(parts)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def main() -> int:
    """Print the differences, after writing the catalogue anew if asked to."""
    if sys.argv[1:] == ["--write"]:
        CATALOGUE.write_text(rendered(used()[0], entries()), encoding="utf-8")
    lines = report()
    sys.stdout.write("\n".join([*lines, f"{len(lines)} differences"]) + "\n")
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main())
