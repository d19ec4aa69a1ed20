"""Human lanes of the journey map: what people wrote in a YAML file, in the language of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cjlib.core.errors import ParameterError, did_you_mean
from cjlib.core.text import LANGUAGES, language

KEYS = ("personas", "stages")
STAGE_KEYS = ("actions", "pains", "opportunities", "target")


def read_human(path: Path, stages: Sequence[Sequence[str]], *, persona: str = "") -> dict[str, Any]:
    """Read the lanes and put them in the active language.

    Parameters
    ----------
    path : YAML file with `personas` and `stages`
    stages : names of each stage (its label first, then its names in other languages)
    persona : value of the persona the report is restricted to; "" takes `default`

    Returns
    -------
    dict
        persona, goal, and stages: label -> actions, pains, opportunities, target

    Raises
    ------
    ParameterError
        CJ-MP-005: no such file, an unknown key, or a stage that the study does not have.
    """
    if not path.is_file():
        raise ParameterError(f"map.file: {path.name} is not found beside the study file.", code="CJ-MP-005")
    content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    _known(path, content, KEYS, "")
    label_of = {name.casefold(): names[0] for names in stages for name in names}
    lanes = {}
    for name, lane in (content.get("stages") or {}).items():
        if name.casefold() not in label_of:
            hint = did_you_mean(name, [n for names in stages for n in names])
            raise ParameterError(f"{path.name}: stages.{name} is not a stage of the study. {hint}", code="CJ-MP-005")
        _known(path, lane, STAGE_KEYS, f"stages.{name}.")
        lanes[label_of[name.casefold()]] = _local(lane)
    personas = content.get("personas") or {}
    who = _local(personas.get(persona) or personas.get("default") or {})
    return {
        "persona": who.get("name", persona), "goal": who.get("goal", ""), "stages": lanes,
    }  # fmt: skip


def _known(path: Path, given: Mapping[str, Any], allowed: Sequence[str], where: str) -> None:
    for key in given:
        if key not in allowed:
            raise ParameterError(
                " ".join(f"{path.name}: {where}{key} is not known. {did_you_mean(str(key), allowed)} "
                         f"Allowed: {', '.join(allowed)}.".split()), code="CJ-MP-005")  # fmt: skip


def _local(value: Any) -> Any:
    """`value` with every {en: ..., fr: ...} replaced by the text of the active language."""
    if isinstance(value, dict):
        if value and set(value) <= set(LANGUAGES):
            return _local(value.get(language().split("_")[0], next(iter(value.values()))))
        return {key: _local(part) for key, part in value.items()}
    return [_local(part) for part in value] if isinstance(value, list) else value
