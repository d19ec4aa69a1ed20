"""Running one notebook through papermill, and judging what came of it.

papermill marks every cell "completed" when a kernel dies, so its notebook proves nothing. A report is
good only if papermill returned, no cell shows an error, and the last cell shows the "finish" block of this
very run.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cjlib.core.text import number, t
from cjlib.report import cells
from cjlib.report.plan import Job
from cjlib.report.zygote import KERNEL, Zygote


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a job ended; `reason` says it in a sentence and `cell` where.

    `failure` is "", "error", "kernel_died", "timeout", "incomplete", "interrupted", "render" or "publish".
    """

    status: str
    reason: str = ""
    failure: str = ""
    cell: int | None = None


@dataclass(frozen=True, kw_only=True)
class Executed:
    """An executed notebook with its verdict and its clock."""

    job: Job
    notebook: Any
    verdict: Verdict
    run_id: str
    started: str
    duration_s: float


@dataclass
class Kernel:
    """The kernel of a running job, which any thread may end, with the reason why."""

    ended_because: str = ""
    position: int = -1
    process: Any = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def end(self, why: str) -> None:
        """Kill the kernel, now or as soon as it exists."""
        with self.lock:
            self.ended_because = self.ended_because or why
            if self.process is not None:
                _kill(self.process)

    def started(self, process: Any) -> None:
        """Remember the process; if the kernel was to end before it existed, end it."""
        with self.lock:
            self.process = process
            if self.ended_because:
                _kill(process)


def _kill(process: Any) -> None:
    """Kill a kernel and what it started; a forked one is followed by its group, see forkserver."""
    if hasattr(os, "killpg") and hasattr(process, "args"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def execute(
    job: Job, run_id: str, *, kernel: Kernel, zygote: Zygote, work: Path, cwd: Path, deadline_s: float
) -> Executed:
    """Run the job's notebook in a kernel of its own; `work` receives the executed notebook.

    Never raises for what a notebook does: the verdict tells.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    path = work / f"{job.slug}.ipynb"
    if kernel.ended_because:
        notebook, problem = job.notebook, None
    else:
        timer = threading.Timer(deadline_s, kernel.end, ["timeout"])
        timer.start()
        try:
            notebook, problem = _papermill(job, run_id, path, kernel=kernel, zygote=zygote, cwd=cwd)
        finally:
            timer.cancel()
    return Executed(
        job=job,
        notebook=notebook,
        verdict=judge(notebook, run_id, kernel=kernel, problem=problem, deadline_s=deadline_s),
        run_id=run_id,
        started=started.isoformat(timespec="seconds"),
        duration_s=round(time.monotonic() - clock, 3),
    )


def _papermill(
    job: Job, run_id: str, path: Path, *, kernel: Kernel, zygote: Zygote, cwd: Path
) -> tuple[Any, Exception | None]:
    import nbformat
    import papermill
    from jupyter_core.utils import run_sync

    manager = zygote.kernel_manager()

    def on_start(**_: Any) -> None:
        provisioner: Any = manager.provisioner
        kernel.started(provisioner.process)

    def on_cell(cell_index: int, **_: Any) -> None:
        kernel.position = cell_index

    problem: Exception | None = None
    try:
        papermill.execute_notebook(
            job.notebook,
            str(path).replace("{", "{{").replace("}", "}}"),
            parameters={**job.given, "run_id": run_id},
            kernel_name=KERNEL,
            language="python",
            progress_bar=False,
            km=manager,
            resources={"metadata": {"path": str(cwd)}},
            on_notebook_start=on_start,
            on_cell_execute=on_cell,
        )
    except (papermill.PapermillExecutionError, RuntimeError, TimeoutError, OSError) as caught:
        problem = caught
    finally:
        if kernel.process is not None:
            kernel.process.poll()
        run_sync(manager.close)()
        _close_loop()
    read: Any = nbformat.read
    return (read(path, as_version=4) if path.exists() else job.notebook), problem


def _close_loop() -> None:
    """Close this thread's event loop, which nbclient made; a killed kernel leaves tasks waiting in it."""
    from jupyter_core.utils import ensure_event_loop

    loop = ensure_event_loop()
    waiting = asyncio.all_tasks(loop)
    for task in waiting:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
    asyncio.set_event_loop(None)
    loop.close()


def judge(notebook: Any, run_id: str, *, kernel: Kernel, problem: Exception | None, deadline_s: float) -> Verdict:
    """Decide whether a run was good, and if not, why; the order of the questions matters."""
    cell = cells.number_of(notebook, kernel.position) or None
    error = cells.error(notebook)
    if problem is None and error is None and cells.finished(notebook, run_id):
        return Verdict(status="partial" if cells.is_partial(notebook) else "completed")
    if kernel.ended_because == "interrupted":
        reason = t("Interrupted before it was done.")
        return Verdict(status="interrupted", reason=reason, failure="interrupted")
    if kernel.ended_because == "timeout":
        reason = t("Not done within {s} s; stopped in cell {k}.", s=number(deadline_s), k=cell or 0)
        return Verdict(status="failed", reason=reason, failure="timeout", cell=cell)
    if error is not None and error.name != "SystemExit":
        reason = t("Cell {k} raised {name}: {text}", k=error.cell, name=error.name, text=error.message)
        return Verdict(status="failed", reason=reason, failure="error", cell=error.cell)
    code = getattr(kernel.process, "returncode", None)
    if problem is not None and error is None:
        return Verdict(status="failed", reason=_death(cell, code, problem), failure="kernel_died", cell=cell)
    reason = t("The notebook ended before its last cell was through: page.finish() was not reached.")
    return Verdict(status="failed", reason=reason, failure="incomplete", cell=error.cell if error else cell)


def _death(cell: int | None, code: int | None, problem: Exception) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return t(
            "The kernel died in cell {k} ({signal}). Often the memory was not enough: use fewer jobs at a time.",
            k=cell or 0,
            signal=name,
        )
    if code is not None:
        return t("The kernel ended itself in cell {k} (exit code {code}).", k=cell or 0, code=code)
    return t("The kernel could not run the notebook: {problem}", problem=str(problem))


@contextlib.contextmanager
def quiet_papermill() -> Iterator[None]:
    """Keep papermill from logging failures to the terminal; the verdict says it better, once."""
    logger = logging.getLogger("papermill")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)
