"""Rate of a batch of small reports: `cj run` with forked kernels against papermill CLI + nbconvert CLI.

    .venv/bin/python benchmarks/batch.py [--reports 20] [--sample 2] [--rounds 3] [--notebook PATH]

The same notebook on the demo study, copied to as many names as there are reports. `cj run` is timed whole,
as a user starts it: interpreter, imports, preloading, reading the study, kernels, pages, index. The command
lines are timed for `--sample` reports a round, one after the other, and counted per report; the cost per
report does not change with their number, so the rest is not run. Rounds are interleaved; medians are given,
and CPU seconds beside wall seconds because the machine may be busy. Both find the study's store built.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
STUDY = ROOT / "studies" / "demo.yml"


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        notebooks = folder / "notebooks"
        notebooks.mkdir()
        for number in range(options.reports):
            shutil.copy(options.notebook, notebooks / f"{number:02d}_report.ipynb")
        run_batch(notebooks, folder / "warm", options.jobs, only="00_report")  # builds the store, warms the disk
        lines, batch = [], []
        for number in range(options.rounds):
            lines.append(run_lines(options.notebook, folder / "lines", options.sample))
            batch.append(run_batch(notebooks, folder / f"batch{number}", options.jobs))
            _show("command lines, per report", [lines[-1]], options.sample)
            _show(f"cj run, {options.reports} reports, per report", [batch[-1]], options.reports)
    print(f"\nmedians of {options.rounds} interleaved rounds")
    slow = _show("command lines, per report", lines, options.sample)
    fast = _show(f"cj run --jobs {options.jobs}, per report", batch, options.reports)
    print(f"rate: {slow[0] / fast[0]:.1f} times by the clock, {slow[1] / fast[1]:.1f} times by CPU seconds")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=20)
    parser.add_argument("--sample", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--notebook", type=Path, default=ROOT / "notebooks" / "reports" / "20_funnel.ipynb")
    return parser.parse_args()


def run_batch(notebooks: Path, out: Path, jobs: int, only: str = "") -> tuple[float, float]:
    """Wall and CPU seconds of one `cj run`."""
    command = [BIN / "cj", "run", STUDY, "--notebooks", notebooks, "--out", out, "--jobs", str(jobs)]
    return _timed([command + (["--only", only] if only else [])])


def run_lines(notebook: Path, out: Path, reports: int) -> tuple[float, float]:
    """Wall and CPU seconds of so many reports by the two command lines, one after the other."""
    out.mkdir(exist_ok=True)
    commands = []
    for number in range(reports):
        executed = out / f"{number}.ipynb"
        commands += [
            [BIN / "papermill", notebook, executed, "-p", "study", STUDY, "-p", "run_id", "r", "-k", "python3"],
            [BIN / "jupyter", "nbconvert", "--to", "html", "--no-input", executed],
        ]
    return _timed(commands)


def _timed(commands: list[list[object]]) -> tuple[float, float]:
    wall, before = time.monotonic(), os.times()
    for command in commands:
        done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.monotonic() - wall, cpu


def _show(label: str, runs: list[tuple[float, float]], reports: int) -> tuple[float, float]:
    wall, cpu = (statistics.median(run[part] for run in runs) / reports for part in (0, 1))
    print(f"{label:40} {wall:7.2f} s {cpu:7.2f} s CPU", flush=True)
    return wall, cpu


if __name__ == "__main__":
    main()
