"""A bar on a terminal, lines elsewhere."""

from __future__ import annotations

import io

from cjlib.report import progress
from cjlib.report.progress import Done

GOOD = Done(done=1, total=2, slug="10-a", status="completed", seconds=2.06)
BAD = Done(done=2, total=2, slug="20-b", status="failed", seconds=0.5, reason="Cell 3 raised KeyError: 'x'")


def test_a_pipe_gets_one_plain_line_per_job():
    stream = io.StringIO()
    with progress.on(stream, 2) as show:
        show(GOOD)
        show(BAD)
    assert stream.getvalue().splitlines() == [
        "[1/2] 10-a completed in 2.1 s",
        "[2/2] 20-b failed in 0.5 s: Cell 3 raised KeyError: 'x'",
    ]


def test_a_terminal_gets_a_bar_and_a_line_for_what_failed():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    with progress.on(stream, 2) as show:
        show(GOOD)
        show(BAD)
    text = stream.getvalue()
    assert "1/2" in text
    assert "[2/2] 20-b failed" in text
    assert "completed in" not in text
