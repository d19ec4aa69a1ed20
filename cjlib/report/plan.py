"""What a batch will do: one job per notebook, value of a grouping column and language.

Everything that can be wrong in the request is found here, before any kernel starts.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cjlib.core.errors import ParameterError, did_you_mean
from cjlib.report import cells, manifest, parameters
from cjlib.report.parameters import Parameter

GIVEN_BY_OPTION = {"study": "the STUDY argument", "data": "--data", "lang": "--lang", "run_id": "nothing"}
"""Parameters that the runner fills; `--set` may not touch them."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One report to make: a notebook without outputs, and the values given to its parameters."""

    slug: str
    name: str
    title: str
    notebook: Any
    sha256: str
    declared: Mapping[str, Parameter]
    given: Mapping[str, Any]

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter with its value, defaults included, `run_id` left out."""
        values = {name: self.given.get(name, one.default) for name, one in self.declared.items()}
        return {name: value for name, value in values.items() if name != "run_id"}


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The jobs of one run and where they go; `folder` is where kernels work, `code` tells the commit."""

    study: str
    jobs: tuple[Job, ...]
    out: Path
    folder: Path
    code: Mapping[str, Any]


def plan(
    study_path: Path | str,
    *,
    notebooks_dir: Path | str,
    out: Path | str,
    only: Sequence[str] = (),
    sets: Mapping[str, Any] | None = None,
    by: str = "",
    by_values: Sequence[str] = (),
    data: Path | str = "",
    lang: str | Sequence[str] = "",
) -> Batch:
    """Lay out the jobs of a batch and check every parameter of every one.

    Parameters
    ----------
    study_path : path
        The study file.
    notebooks_dir : path
        Folder of report notebooks; all `*.ipynb` in it, ordered by name.
    out : path
        Folder of the reports.
    only : sequence of str
        Names of notebooks to run (`20_funnel`, or `funnel` where that is clear); empty = all.
    sets : mapping of str to str or JSON value, optional
        Values for parameters. A name must be declared by at least one of the notebooks chosen; it is
        given to those that declare it.
    by : str
        A column of customers; together with `by_values` it makes one report per value.
    by_values : sequence of str
        The values.
    data : path, optional
        Data folder that replaces the one in the study.
    lang : str or sequence of str
        Language of the reports; several make one report in each; "" = the study's.

    Returns
    -------
    Batch

    Raises
    ------
    ParameterError
        CJ-RP-001: no such study or notebook. CJ-RP-002: a notebook without a proper parameters cell.
        CJ-RP-003, CJ-RP-004: unknown parameter, wrong type or range. CJ-RP-005: a parameter that has an
        option of its own.
    """
    folder = Path.cwd()
    if not Path(study_path).is_file():
        raise ParameterError(f"There is no study file {study_path}.", code="CJ-RP-001")
    chosen = _choose(Path(notebooks_dir), only)
    declared = {path: parameters.read(notebook, name=path.stem) for path, notebook in chosen.items()}
    values = _check_sets(dict(sets or {}), declared, by)
    langs = [lang] if isinstance(lang, str) else list(lang)
    jobs: list[Job] = []
    for path, notebook in chosen.items():
        own = {name: value for name, value in values.items() if name in declared[path]}
        for value, tag in itertools.product(by_values if by else ("",), langs):
            given = own | _given(study_path, data, f"{by}={value}" if by else "", tag, folder)
            taken = {job.slug for job in jobs}
            jobs.append(
                Job(
                    slug=slug(path.stem, value, tag if len(langs) > 1 else "", taken=taken),
                    name=path.stem,
                    title=cells.title(notebook, path.stem),
                    notebook=notebook,
                    sha256=manifest.notebook_hash(notebook),
                    declared=declared[path],
                    given=parameters.check(declared[path], given, name=path.stem),
                )
            )
    return Batch(
        study=Path(study_path).stem,
        jobs=tuple(jobs),
        out=Path(out).resolve(),
        folder=folder,
        code=manifest.code_identity(Path(notebooks_dir)),
    )


def _choose(folder: Path, only: Sequence[str]) -> dict[Path, Any]:
    paths = {path.stem: path for path in sorted(folder.glob("*.ipynb"))}
    if not paths:
        raise ParameterError(f"There are no notebooks in {folder}.", code="CJ-RP-001")
    chosen = [_find(name.removesuffix(".ipynb"), paths) for name in only] if only else list(paths.values())
    return {path: _load(path) for path in dict.fromkeys(chosen)}


def _find(name: str, paths: Mapping[str, Path]) -> Path:
    short = [path for stem, path in paths.items() if re.sub(r"^\d+_", "", stem) == name]
    if name in paths or len(short) == 1:
        return paths.get(name) or short[0]
    hint = did_you_mean(name, paths)
    raise ParameterError(
        " ".join(f"There is no notebook {name!r}. {hint} Known: {', '.join(paths)}.".split()),
        code="CJ-RP-001",
    )


def _load(path: Path) -> Any:
    """The notebook at `path`, with outputs and counts cleared: only what runs now may be shown."""
    import nbformat

    try:
        read: Any = nbformat.read
        notebook = read(path, as_version=4)
        nbformat.validate(notebook)
    except (nbformat.ValidationError, nbformat.reader.NotJSONError, ValueError) as problem:
        raise ParameterError(f"{path.name} is not a notebook: {problem}.", code="CJ-RP-002") from problem
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def _check_sets(sets: dict[str, Any], declared: Mapping[Path, Mapping[str, Parameter]], by: str) -> dict[str, Any]:
    for path, names in declared.items():
        if missing := [name for name in ("study", "run_id") if name not in names]:
            raise ParameterError(
                f"{path.stem}: its parameters cell does not declare {' and '.join(missing)}.",
                code="CJ-RP-002",
            )
    for name in sets:
        if name in GIVEN_BY_OPTION or (by and name == "where"):
            option = "--by" if name == "where" else GIVEN_BY_OPTION[name]
            raise ParameterError(f"{name} cannot be set: it is given by {option}.", code="CJ-RP-005")
    everything = {name: one for names in declared.values() for name, one in names.items()}
    unknown = {name: value for name, value in sets.items() if name not in everything}
    parameters.check(everything, unknown, name=", ".join(path.stem for path in declared))
    return sets


def _given(study: Path | str, data: Path | str, where: str, lang: str, folder: Path) -> dict[str, Any]:
    """Values filled by the runner; paths relative to where kernels work, so that no page shows more."""
    values = {
        "study": _relative(study, folder),
        "data": _relative(data, folder),
        "where": where,
        "lang": lang,
    }
    return {name: value for name, value in values.items() if value}


def _relative(path: Path | str, folder: Path) -> str:
    return os.path.relpath(path, folder) if str(path) and Path(path).is_absolute() else str(path)


def slug(name: str, value: str = "", lang: str = "", *, taken: set[str] | frozenset[str] = frozenset()) -> str:
    """Folder name of a report, of a-z, 0-9 and "-"; a value whose letters are lost gets a digest.

    Examples
    --------
    >>> slug("20_funnel", "Élise & Cie", "fr"), slug("20_funnel", "日本")
    ('20-funnel-elise-cie-fr', '20-funnel-cf2abf')
    """
    digest = hashlib.sha256(value.encode()).hexdigest()[:6]
    parts = [_plain(name) or "report"] + ([_plain(value) or digest] if value else []) + [_plain(lang)]
    text = "-".join(part for part in parts if part)
    return text if text not in taken else f"{text}-{digest}"


def _plain(text: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")[:60].strip("-")
