"""Telling the user how far a batch is: a bar on a terminal, plain lines elsewhere (logs, pipes, CI)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True, kw_only=True)
class Done:
    """A job that has just ended, and how many of how many have.

    Examples
    --------
    >>> str(Done(done=3, total=7, slug="20-funnel", status="completed", seconds=2.13))
    '[3/7] 20-funnel completed in 2.1 s'
    """

    done: int
    total: int
    slug: str
    status: str
    seconds: float
    reason: str = ""

    def __str__(self) -> str:
        text = f"[{self.done}/{self.total}] {self.slug} {self.status} in {self.seconds:.1f} s"
        return f"{text}: {self.reason}" if self.reason else text


Progress = Callable[[Done], None]


@contextlib.contextmanager
def on(stream: TextIO, total: int) -> Iterator[Progress]:
    """Progress shown on `stream`: a bar if that is a terminal, with a line only for what went wrong."""
    if not stream.isatty():

        def plain(job: Done) -> None:
            stream.write(f"{job}\n")
            stream.flush()

        yield plain
        return
    from tqdm import tqdm

    with tqdm(total=total, unit="report", file=stream, leave=False) as bar:

        def drawn(job: Done) -> None:
            bar.set_postfix_str(job.slug)
            bar.update()
            if job.reason:
                bar.write(str(job), file=stream)

        yield drawn
