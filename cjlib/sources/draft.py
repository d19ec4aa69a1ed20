"""`cj init`: a commented draft of a study from exports. What was assumed is written down, with the evidence.

What cannot be known from a file (the zone, the cut-off, 03/04/2026) is marked CHOOSE: the draft is valid
YAML, and passes once the marks are answered.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from cjlib.core.errors import ParameterError
from cjlib.core.text import number
from cjlib.sources import infer
from cjlib.sources.profile import Column, Profile, plain, profile
from cjlib.sources.source import RESERVED

CHOOSE = "CHOOSE"
MAX_EVENTS = 40


def draft_study(files: Sequence[Path], *, beside: Path | None = None) -> str:
    """Draft a study file from exports.

    Parameters
    ----------
    files : sequence of Path
        CSV (also .gz) or Parquet exports.
    beside : Path, optional
        Folder in which the draft will lie; the data folder is written relative to it (default: here).

    Returns
    -------
    str
        YAML with a comment on everything that was assumed, and CHOOSE where a person must decide.

    Raises
    ------
    ParameterError
        No file is given, or one is no table.
    """
    paths = [Path(file).resolve() for file in files]
    if not paths:
        raise ParameterError("cj init needs at least one file. Give the exports of the study.", code="CJ-IN-010")
    folder = Path(os.path.commonpath([path.parent for path in paths]))
    profiles = [profile(path) for path in paths]
    blocks: dict[str, list[list[str]]] = {"events": [], "responses": [], "interviews": [], "customers": []}
    for item in profiles:
        kind, lines = _source(item, str(item.path.relative_to(folder)))
        blocks[kind].append(lines)
    out = _head(profiles, Path(os.path.relpath(folder, beside or Path.cwd())).as_posix())
    out.append("sources:")
    for kind, sources in blocks.items():
        if sources:
            out.append(f"  {kind}:")
            out += [line for lines in sources for line in lines]
    if not blocks["events"] and not blocks["responses"]:
        out.append("  events: []   # CHOOSE: a study needs events or responses; no file here seems to hold any")
    out += _tail(profiles)
    return "\n".join(out) + "\n"


def _text(value: str) -> str:
    return value if re.fullmatch(r"[A-Za-z_][\w.]*", value) and value.lower() not in _WORDS else _quoted(value)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


_WORDS = ("yes", "no", "on", "off", "y", "n", "true", "false", "null")


def _head(profiles: Sequence[Profile], folder: str) -> list[str]:
    last = _last_day(profiles)
    if last:
        cut = f"as_of: {last + timedelta(days=1)}   # CHOOSE: instant up to which the data are complete; "
        part = "" if all(item.whole for item in profiles) else " in the first rows of each file"
        cut += f"this is the day after the last date seen{part} ({last})"
    else:
        cut = f"as_of: {CHOOSE}   # CHOOSE the day up to which the data are complete, such as 2026-10-01"
    name = re.sub(r"[^a-z0-9]+", "-", plain(profiles[0].path.name.split(".")[0])).strip("-") or "study"
    return [
        "# Draft made by cj init. Every line with CHOOSE waits for a decision; then run: cj check FILE",
        f"study: {name}",
        f"title: {_quoted(name.replace('-', ' ').capitalize())}",
        f"zone: &zone {CHOOSE}   # CHOOSE the business time zone, such as Europe/Paris: a file cannot tell it",
        cut,
        f"data: {_text(folder) if folder != '.' else '.'}",
    ]


def _last_day(profiles: Sequence[Profile]) -> date | None:
    days = []
    for item in profiles:
        for column in item.columns:
            forms = ["iso"] if column.dates == ["typed"] else column.dates
            days += [
                moment.date() for form in forms[:1] for text in column.texts if (moment := infer.parse(text, form))
            ]
    today = date.max.replace(year=2100)
    days = [day for day in days if day < today]
    return max(days, default=None)


def _source(item: Profile, path: str) -> tuple[str, list[str]]:
    """Which kind of source the file seems to be, and its lines."""
    dated = [column.name for column in item.columns if column.dates]
    customer = item.role("customer", among=[c.name for c in item.columns if c.name not in dated])
    score = item.role("score", among=[c.name for c in item.columns if c.numbers])
    event = item.role("event", among=[c.name for c in item.columns if _names(c) and c.name not in (customer, score)])
    rows = f"{'all' if item.whole else 'the first'} {number(item.n_rows)} rows"
    start = [f"    - path: {_quoted(path)}   # looked at {rows}", *_format(item, dated)]
    used = [f"customer: {_chosen(item, customer, 'customer')}"]
    if score and dated:
        return "responses", start + _responses(item, dated, used, customer, score)
    coded = _interviews(item, dated, used)
    if coded:
        return "interviews", start + coded
    alone = customer is not None and item.column(customer).kinds == len(item.column(customer).texts)
    if not dated or (len(dated) == 1 and alone and not event):
        dates = [f"        {_slug(name)}: {_quoted(name)}   # CHOOSE its name" for name in dated]
        dates = ["      dates:", *dates] if dates else []
        return "customers", start + _columns(used) + _attributes(item, {customer, *dated}) + dates
    if event or len(dated) == 1:
        return "events", start + _events(item, dated, used, customer, event)
    lines = [*_columns(used), "      milestones:   # one column per milestone; CHOOSE the names of the events"]
    lines += [f"        {_slug(name)}: {_quoted(name)}" for name in dated]
    return "events", start + lines + _attributes(item, {customer, *dated})


def _names(column: Column) -> bool:
    """Tell whether these may be event names: few, repeated, no numbers."""
    return bool(column.texts) and not column.numbers and not column.dates and column.kinds <= 200


def _chosen(item: Profile, found: str | None, role: str) -> str:
    if found is not None:
        return f"{_quoted(found)}   # by its name"
    seen = ", ".join(_quoted(column.name) for column in item.columns)
    return f"{CHOOSE}   # CHOOSE the column of the {role}; columns: {seen}"


def _columns(used: Sequence[str]) -> list[str]:
    return ["      columns:", *(f"        {line}" for line in used)]


def _events(item: Profile, dated: Sequence[str], used: list[str], customer: str | None, event: str | None) -> list[str]:
    at = max(dated, key=lambda name: item.column(name).kinds)
    why = "the only dates" if len(dated) == 1 else f"CHOOSE: dates stand in {', '.join(map(_quoted, dated))}"
    used.append(f"at: {_quoted(at)}   # {why}")
    tail = []
    if event:
        names = item.column(event)
        used.append(f"event: {_quoted(event)}   # by its name; {names.kinds} names, {_some(names)}")
    else:
        tail.append(
            f"      constants: {{event: {_slug(item.path.name.split('.')[0])}}}   # CHOOSE the name of the event"
        )
    taken = {customer, at, event}
    for role, test in (("channel", _names), ("value", _is_number)):
        free = [column.name for column in item.columns if column.name not in taken and test(column)]
        if found := item.role(role, among=free):
            used.append(f"{role}: {_quoted(found)}   # by its name")
            taken.add(found)
    return _columns(used) + tail + _attributes(item, taken | set(dated))


def _is_number(column: Column) -> bool:
    return bool(column.numbers)


def _responses(item: Profile, dated: Sequence[str], used: list[str], customer: str | None, score: str) -> list[str]:
    answered = item.role("answered_at", among=dated)
    asked = item.role("asked_at", among=[name for name in dated if name != answered])
    answered = answered or item.role("at", among=[name for name in dated if name != asked]) or dated[-1]
    if asked:
        used.append(f"asked_at: {_quoted(asked)}   # by its name")
    used.append(f"answered_at: {_quoted(answered)}   # CHOOSE if it is not the instant of the answer")
    used.append(f"score: {_quoted(score)}   # by its name")
    taken = {customer, score, *dated}
    prose = [c for c in item.columns if c.name not in taken and not c.numbers and c.kinds > 30 and _length(c) > 10]
    if prose:
        named = [c for c in prose if item.role("comment", among=[c.name])]
        comment = max(named or prose, key=_length)
        used.append(f"comment: {_quoted(comment.name)}   # {'by its name' if named else 'CHOOSE: the longest texts'}")
        taken.add(comment.name)
    stage = item.role("stage", among=[c.name for c in item.columns if c.name not in taken and not c.numbers])
    if stage:
        used.append(f"stage: {_quoted(stage)}   # by its name")
        taken.add(stage)
    values = [
        float(text.replace(",", ".")) for text in item.column(score).texts if re.fullmatch(r"-?\d+([.,]\d+)?", text)
    ]
    low, high = min(values, default=0), max(values, default=10)
    instrument, scale = (
        ("nps", "[0, 10]") if low < 1 or high > 7 else ("csat", "[1, 5]") if high <= 5 else ("ces", "[1, 7]")
    )
    silent = asked is not None and len(item.column(answered).texts) < item.column(answered).n_rows
    lines = [
        f"      instrument: {instrument}   # CHOOSE nps, csat, ces or other: scores from {low:g} to {high:g} were seen",
        f"      scale: {scale}",
        f"      invitations: {'complete' if silent else 'answers_only'}   # CHOOSE: "
        + ("some rows have no answer" if silent else "every row has an answer"),
    ]
    return _columns(used) + lines + _attributes(item, taken)


def _interviews(item: Profile, dated: Sequence[str], used: list[str]) -> list[str]:
    """Lines of a file of coded interviews: it has codes, and names the interview or who coded it."""
    names = [column.name for column in item.columns if column.name not in dated]
    found = {role: item.role(role, among=names) for role in ("code", "coder", "interview", "note")}
    if not dated or not found["code"] or not (found["coder"] or found["interview"]):
        return []
    lines = [*used, f"at: {_quoted(dated[0])}   # CHOOSE if it is not the day of the interview"]
    lines += [f"{role}: {_quoted(column)}   # by its name" for role, column in found.items() if column]
    texts = item.column(found["code"]).texts
    mark = next((mark for mark in "|;,/" if sum(mark in text for text in texts) > 0.05 * len(texts)), "")
    cut = [f'      code_separator: "{mark}"   # CHOOSE: seen inside cells of {_quoted(found["code"])}'] if mark else []
    return _columns(lines) + cut


def _length(column: Column) -> float:
    return sum(map(len, column.texts)) / max(len(column.texts), 1)


def _attributes(item: Profile, taken: set[str | None]) -> list[str]:
    """Columns with few distinct texts, as something to compare by."""
    few = [c for c in item.columns if c.name not in taken and c.texts and not c.dates and 1 < c.kinds <= 30]
    lines = [f"        {_slug(c.name)}: {_quoted(c.name)}   # {c.kinds} values, {_some(c)}" for c in few]
    return ["      attributes:", *lines] if lines else []


def _some(column: Column) -> str:
    seen = list(dict.fromkeys(column.texts))[:3]
    return "such as " + ", ".join(_quoted(text[:20]) for text in seen)


def _slug(name: str) -> str:
    word = plain(name).replace(" ", "_") or "column"
    word = word if word[0].isalpha() else f"c_{word}"
    return f"{word}_" if word in RESERVED else word


def _format(item: Profile, dated: Sequence[str]) -> list[str]:
    lines = ["      format:"]
    if item.kind == "csv":
        width = len(item.columns)
        lines.append(f"        separator: {_quoted(item.separator)}   # {number(item.same_width)} of "
                     f"{number(item.n_rows)} rows have {width} columns")  # fmt: skip
        why = "reads without error" if item.encoding == "utf-8" else "not UTF-8; CHOOSE another if accents look wrong"
        lines.append(f"        encoding: {item.encoding}   # {why}")
        lines += _numbers(item)
    lines += [*_dates(item, dated), *_missing(item)]
    return lines if len(lines) > 1 else []


def _missing(item: Profile) -> list[str]:
    """Words for unknown: declared where numbers or dates need it, only mentioned where they may be text."""
    needed = [word for column in item.columns if column.numbers or column.dates for word in column.missing]
    other = [word for column in item.columns if not (column.numbers or column.dates) for word in column.missing]
    also = ", ".join(_quoted(word) for word in dict.fromkeys(other) if word not in needed)
    note = f"; CHOOSE whether {also} is missing too, or a text" if also else ""
    if needed:
        shown = ", ".join(map(_quoted, dict.fromkeys(needed)))
        return [f"        missing: [{shown}]   # seen among numbers and dates{note}"]
    return [f"        missing: []   # seen as whole cells{note}"] if also else []


def _numbers(item: Profile) -> list[str]:
    """Decimal and thousands, from the columns that need them."""
    for column in item.columns:
        if column.numbers and column.numbers[0] != (".", ""):
            decimal, grouped = column.numbers[0]
            example = next((text for text in column.texts if decimal in text), column.texts[0])
            n = number(len(column.texts))
            line = f"        decimal: {_quoted(decimal)}   # {n} of {n} values of {_quoted(column.name)} parse, "
            lines = [line + f"such as {_quoted(example)}"]
            if grouped:
                lines.append(f"        thousands: {_quoted(grouped)}   # between groups of three digits")
            return lines
    return []


def _dates(item: Profile, dated: Sequence[str]) -> list[str]:
    """Formats of the dates with their evidence, and whether a zone is needed."""
    columns = [item.column(name) for name in dated]
    written = [column for column in columns if column.dates != ["typed"]]
    sure = {column.dates[0][:2]: column.name for column in written if not _open(column)}
    forms, evidence, choice = [], [], ""
    for column in written:
        form, why = column.dates[0], _parsed(column)
        if _open(column):
            # one column of the export that tells the order of day and month tells it for the others
            same = [other for other in column.dates if other[:2] in sure]
            form = same[0] if same else form
            why += f", day and month as in {_quoted(sure[form[:2]])}" if same else ""
            choice = choice or ("" if same else _choice(column))
        forms.append(form)
        evidence.append(f"{_quoted(column.name)}: {why}")
    unique = list(dict.fromkeys(forms))
    lines = []
    if choice:
        lines.append(f"        date: {CHOOSE}   # CHOOSE {choice}")
    elif unique:
        shown = _quoted(unique[0]) if len(unique) == 1 else "[" + ", ".join(map(_quoted, unique)) + "]"
        lines.append(f"        date: {shown}   # {'; '.join(evidence)}")
    naive = [c for c in written if not (c.dates[0] == "iso" and all(map(infer.has_offset, c.texts)))]
    if naive or not all(item.typed_dates.values()):
        lines.append("        zone: *zone   # no offset is written; CHOOSE another if this export uses its own clock")
    return lines


def _open(column: Column) -> bool:
    """Tell whether formats that exchange day and month both read every text."""
    return len({form[:2] for form in column.dates if form[:2] in ("%d", "%m")}) > 1


def _parsed(column: Column) -> str:
    """How many values the first format reads, and how often the day cannot be a month."""
    form = column.dates[0]
    good = sum(infer.is_iso(x) if form == "iso" else infer.parse(x, form) is not None for x in column.texts)
    why = f"{number(good)} of {number(len(column.texts))} values parse"
    if form[:2] not in ("%d", "%m"):
        return why
    place = 0 if form.startswith("%d") else 1
    pairs = [re.findall(r"\d+", text)[:2] for text in column.texts]
    late = sum(len(pair) == 2 and int(pair[place]) > 12 for pair in pairs)
    return why + (f"; day > 12 seen {number(late)} times" if late else "")


def _choice(column: Column) -> str:
    """The formats to choose from, with an example read both ways."""
    days = next(form for form in column.dates if form.startswith("%d"))
    months = next(form for form in column.dates if form.startswith("%m"))
    example = next(text for text in column.texts if infer.both_readings(text))
    one, two = infer.both_readings(example) or ("", "")
    return f'"{days}" or "{months}": "{example}" may be {one} or {two}, and both fit all {number(len(column.texts))}'


def _tail(profiles: Sequence[Profile]) -> list[str]:
    """What comes next, as comments: stages and funnels need a person."""
    names: list[str] = []
    for item in profiles:
        event = item.role("event", among=[column.name for column in item.columns if _names(column)])
        if event:
            names += list(dict.fromkeys(item.column(event).texts))
    shown = ", ".join(map(_quoted, dict.fromkeys(names[:MAX_EVENTS])))
    steps = ", ".join(map(_quoted, list(dict.fromkeys(names))[:3])) or "first_event, second_event"
    return [
        "# Next, if you like: the stages of the journey and the questions.",
        f"# Events seen: {shown or 'none by name'}",
        "# journey:",
        "#   stages:",
        f"#     - {{name: Discovery, events: [{steps.split(', ')[0]}]}}",
        "# funnels:",
        f"#   - {{name: main, steps: [{steps}], window: 30 days}}",
    ]
