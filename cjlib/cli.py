"""The `cj` command. Thin: it parses, calls one function, prints, and turns errors into exit codes.

Exit codes: 0 all good, 1 some reports failed, 2 wrong usage or broken contract, 3 the machine is in the
way (disk, permission, lock), 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from cjlib.core.errors import CjlibError, EnvironmentProblem, ParameterError, SchemaError

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Customer-journey workbench.", pretty_exceptions_enable=False
)
Study = Annotated[Path, typer.Argument(help="Study file, for example studies/demo.yml.", show_default=False)]
Data = Annotated[Path | None, typer.Option(help="Folder of the data, instead of the study's own.", show_default=False)]
Notebooks = Annotated[
    Path | None, typer.Option(help="Folder of the report notebooks.", show_default="notebooks/reports")
]
Jobs = Annotated[int, typer.Option(min=1, max=64, help="Reports rendered at the same time.")]
Deadline = Annotated[float, typer.Option(min=1, help="Longest time for one report, in seconds.")]
Keep = Annotated[bool, typer.Option("--keep", help="Keep the executed notebooks (they hold data).")]


@app.command()
def check(study: Study, data: Data = None) -> None:
    """Read a study and all its data; print every problem and a data-quality summary."""
    from cjlib.core.text import number, percent
    from cjlib.journey.study import data_folder
    from cjlib.sources import quality
    from cjlib.sources.load import load
    from cjlib.sources.store import connect
    from cjlib.sources.study import read_study
    from cjlib.sources.vocabulary import unknown_events

    spec = read_study(study)
    with tempfile.TemporaryDirectory(prefix="cj-check-") as spill:
        con = connect(Path(spill))
        loaded = load(spec, data_folder(spec, study, data), con)
        if unknown := unknown_events(con, spec):
            raise SchemaError(unknown)
        summary = quality.summary(con, spec, loaded)
        con.close()
    for file in loaded.files:
        aside = ", ".join(f"{n} {reason}" for reason, n in file.set_aside.items()) or "none"
        print(
            f"{file.path} ({file.kind}): {number(file.rows_in)} rows, {number(file.rows_used)} used, set aside: {aside}"
        )
    for problem in loaded.problems:
        print(f"tolerated  {problem}")
    print()
    for row in summary.to_dict("records"):
        n, of = row["n"], row["of"]
        share = f" ({percent(n / of)})" if of else ""
        detail = f"; {row['detail']}" if row["detail"] else ""
        print(f"{'look ' if n else 'ok   '} {row['check']}: {number(n)} of {number(of)}{share}{detail}")
    print("\nThe contract holds. Next: cj run " + str(study))


@app.command()
def init(
    files: Annotated[list[Path], typer.Argument(help="Exports to draft a study from.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="Write the draft here instead of printing it.", show_default=False)
    ] = None,
) -> None:
    """Draft a study file from exports: what was seen as evidence, `# CHOOSE` where the data do not say."""
    from cjlib.sources.draft import draft_study

    text = draft_study(files, beside=out.parent if out else None)
    if out is None:
        print(text)
        return
    if out.exists():
        raise ParameterError(f"{out} exists. Choose another name or remove it.", code="CJ-CL-001")
    out.write_text(text, encoding="utf-8")
    print(f"Draft written: {out} ({text.count('CHOOSE')} places marked CHOOSE). Next: answer them, then cj check {out}")


@app.command()
def run(
    study: Study,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this notebook; may be repeated.", show_default=False)
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Parameter as key=value; may be repeated.", show_default=False)
    ] = None,
    by: Annotated[str, typer.Option(help="One report per value of this customer attribute.", show_default=False)] = "",
    data: Data = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the reports.", show_default="reports/STUDY")] = None,
    lang: Annotated[
        list[str] | None, typer.Option(help="Language, en or fr; may be repeated.", show_default="the study's")
    ] = None,
    jobs: Jobs = 2,
    deadline: Deadline = 900,
    keep: Keep = False,
    notebooks: Notebooks = None,
) -> None:
    """Render the report notebooks on a study."""
    from cjlib.sources.study import read_study

    target = out or Path("reports") / read_study(study).study
    _render(study, target, notebooks, only=only or [], sets=_pairs(set_ or []), by=by, data=data, lang=lang or [],
            jobs=jobs, deadline=deadline, keep=keep)  # fmt: skip


@app.command()
def demo(out: Annotated[Path, typer.Option(help="Folder of the reports.")] = Path("reports"), jobs: Jobs = 2) -> None:
    """Render the demo study in English and in French under one index."""
    root = Path(__file__).parents[1]
    study = root / "studies" / "demo.yml"
    if not study.exists():
        raise ParameterError("The demo study comes with the repository, not with the installed package. "
                             "Next: run cj demo from a clone.", code="CJ-CL-002")  # fmt: skip
    _render(study, out, None, lang=["en", "fr"], jobs=jobs)


@app.command()
def lab(study: Annotated[Path | None, typer.Argument(help="Study to open on.", show_default=False)] = None) -> None:
    """Open JupyterLab on this machine only: loopback, token, terminals off."""
    folder = study.resolve().parents[1] if study else Path.cwd()
    os.execv(sys.executable, [  # noqa: S606 - our own interpreter, no shell
        sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1",
        "--ServerApp.terminals_enabled=False", "--ServerApp.allow_remote_access=False",
        "--ServerApp.allow_unauthenticated_access=False", f"--ServerApp.root_dir={folder}",
        # Nothing is asked of the network: no list of extensions, no news, no look for updates.
        "--LabApp.extension_manager=readonly", "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ])  # fmt: skip


def _render(
    study: Path, out: Path, notebooks: Path | None, *, only: list[str] | None = None,
    sets: dict[str, str] | None = None, by: str = "", data: Path | None = None, lang: list[str] | None = None,
    jobs: int = 2, deadline: float = 900, keep: bool = False,
) -> None:  # fmt: skip
    """Check everything, read the data once, render, print where the index is and how long it took."""
    clock = time.monotonic()
    from cjlib.journey.study import open_study
    from cjlib.report import progress
    from cjlib.report.runner import plan, run
    from cjlib.report.zygote import Zygote

    with Zygote() as zygote:  # imports while the data are read
        # Reading the study first makes every contract problem one message, and builds the store that all
        # notebooks of the batch then share.
        opened = open_study(study, data=data)
        if opened.key_created:
            print("A key for pseudonyms was made on this machine (.cjlib-key). Keep it private; set "
                  f"{opened.spec.privacy.key_env} to use your own.")  # fmt: skip
        values = opened.customers.values(by) if by else []
        folder = notebooks or Path(__file__).parents[1] / "notebooks" / "reports"
        batch = plan(study, notebooks_dir=folder, out=out, only=only or [], sets=sets or {}, by=by, by_values=values,
                     data=data or "", lang=lang or "")  # fmt: skip
        with progress.on(sys.stderr, len(batch.jobs)) as show:
            outcome = run(batch, workers=jobs, deadline_s=deadline, progress=show, keep=keep, zygote=zygote)
    counts = ", ".join(f"{n} {status}" for status, n in outcome.counts.items())
    print(f"{outcome.index}  ({counts}; {time.monotonic() - clock:.0f} s)")
    raise typer.Exit(outcome.exit_code)


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator:
            raise ParameterError(f"--set {text!r} must read key=value.", code="CJ-RP-003")
        pairs[name] = value
    return pairs


def main() -> Any:
    """Entry point: run the command, print a clear error, end with its exit code."""
    try:
        return app()
    except EnvironmentProblem as problem:
        _fail(problem, 3)
    except SchemaError as problem:
        _fail(problem, 2, f"\n{len(problem.problems)} problem(s). Nothing was published.")
    except CjlibError as problem:
        _fail(problem, 2)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)


def _fail(problem: CjlibError, code: int, after: str = "") -> None:
    text = str(problem)
    print(f"{'' if text.startswith(problem.code) else problem.code + ' '}{text}{after}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
