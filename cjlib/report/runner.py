"""Running a batch: kernels in parallel, verdicts, pages, manifest and index, whatever happens on the way.

A good report replaces the one before it; a failed one gets a page of its own beside the old good one,
which stays. Ctrl-C (or SIGTERM, or a closed terminal) ends the kernels at once; manifest and index then
say what was interrupted.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from cjlib.report import publish
from cjlib.report.job import Executed, Kernel, execute, quiet_papermill
from cjlib.report.plan import Batch, Job, plan
from cjlib.report.progress import Done, Progress
from cjlib.report.record import Record
from cjlib.report.zygote import Zygote

__all__ = ["Batch", "BatchOutcome", "Job", "plan", "run"]

EXIT = {"completed": 0, "failed": 1, "interrupted": 130}


@dataclass(frozen=True, kw_only=True)
class BatchOutcome:
    """How a batch ended: `exit_code` is 0 (all good), 1 (some failed) or 130 (interrupted).

    `counts` gives the number of jobs by status, `manifest` what was written to `manifest.json`.
    """

    exit_code: int
    counts: dict[str, int]
    index: Path
    manifest: dict[str, Any]
    duration_s: float


def run(
    batch: Batch,
    *,
    workers: int = 2,
    deadline_s: float = 900.0,
    progress: Progress | None = None,
    keep: bool = False,
    zygote: Zygote | None = None,
) -> BatchOutcome:
    """Run every job of a batch and publish the reports, the manifest and the index.

    Parameters
    ----------
    batch : Batch
        From `plan`.
    workers : int
        Kernels at a time.
    deadline_s : float
        Longest time for one report; then its kernel is killed.
    progress : callable, optional
        Called after each job, see `cjlib.report.progress`.
    keep : bool
        Keep the executed notebooks of good runs too, in the private run folder. They hold tracebacks and
        data; those of failed runs stay until the next batch.
    zygote : Zygote, optional
        A kernel server to use; by default one is started and ended here.

    Returns
    -------
    BatchOutcome

    Raises
    ------
    EnvironmentProblem
        The folder cannot be written or is in use, the disk is full, or kernels cannot be started.
    """
    clock = time.monotonic()
    run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
    publish.prepare(batch.out)
    with (
        publish.lock(batch.out),
        publish.run_folder(batch.out, run_id) as work,
        contextlib.ExitStack() as stack,
        quiet_papermill(),
    ):
        if keep:
            (work / "keep").touch()
        zygote = zygote or stack.enter_context(Zygote())
        record = Record(batch, run_id)
        record.save()
        import_tools()  # while the kernel server imports too
        zygote.wait_until_ready()
        pool = Pool(zygote=zygote, work=work, workers=workers, deadline_s=deadline_s)
        _run_jobs(batch, record, pool, progress)
        record.close(time.monotonic() - clock)
        if record.content["status"] != "completed":
            (work / "failed").touch()
    content = record.content
    mine = [job["status"] for job in content["jobs"] if job["current"]]
    return BatchOutcome(
        exit_code=EXIT[content["status"]],
        counts={status: mine.count(status) for status in dict.fromkeys(mine)},
        index=batch.out / "index.html",
        manifest=content,
        duration_s=content["volatile"]["duration_s"],
    )


def import_tools() -> None:
    """Load what executes notebooks and renders pages, which takes a second or two."""
    import papermill  # noqa: F401

    import cjlib.report.exporter
    import cjlib.report.index  # noqa: F401


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Where and how kernels run."""

    zygote: Zygote
    work: Path
    workers: int
    deadline_s: float


def _run_jobs(batch: Batch, record: Record, pool: Pool, progress: Progress | None) -> None:
    kernels = [Kernel() for _ in batch.jobs]

    def stop() -> None:
        for kernel in kernels:
            kernel.end("interrupted")

    def one(position: int) -> Executed:
        return execute(
            batch.jobs[position],
            record.run_id_of(position),
            kernel=kernels[position],
            zygote=pool.zygote,
            work=pool.work,
            cwd=batch.folder,
            deadline_s=pool.deadline_s,
        )

    with ThreadPoolExecutor(max(1, pool.workers)) as threads, _stopping(stop):
        futures = [threads.submit(one, position) for position in range(len(batch.jobs))]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                executed = future.result()
                verdict = record.add(executed)
                if progress is not None:
                    progress(
                        Done(
                            done=done,
                            total=len(futures),
                            slug=executed.job.slug,
                            status=verdict.status,
                            seconds=executed.duration_s,
                            reason=verdict.reason,
                        )
                    )
        except BaseException:
            stop()
            raise


@contextlib.contextmanager
def _stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on Ctrl-C, SIGTERM and SIGHUP; only the main thread can receive signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), lambda *_: stop()) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
