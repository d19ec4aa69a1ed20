"""`python -m benchmarks`: cjlib beside other engines, interleaved, every measurement in its own process."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from typing import Any

from benchmarks import generate, tasks

Key = tuple[str, str]  # question, engine


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", type=int, choices=(1, 10, 50), default=10, help="millions of events")
    parser.add_argument("--only", choices=[name for name in tasks.QUESTIONS if name != "floor"], help="one question")
    parser.add_argument("--engines", help="names to compare, separated by commas; default all")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each; the median is shown")
    given = parser.parse_args()
    wanted = set(given.engines.split(",")) if given.engines else set(tasks.MODULES)
    runs: list[Key] = [
        (question, engine)
        for question, engines in tasks.QUESTIONS.items()
        for engine in engines
        if question == "floor" or (engine in wanted and given.only in (None, question))
    ]
    for file in generate.generate(given.size).rglob("*.parquet"):
        file.read_bytes()  # the file cache is warm for everybody
    found: dict[Key, list[dict[str, Any]]] = {key: [] for key in runs}
    load = [os.getloadavg()[0]]
    for turn in range(given.rounds):
        for key in runs:
            print(f"round {turn + 1} of {given.rounds}: {' / '.join(key)}", file=sys.stderr)
            found[key].append(measured(key, given.size))
        load.append(os.getloadavg()[0])
    report(found, given.size, load)
    differences = disagreements(found)
    print("\n".join(differences) or "All engines that answered a question gave the same counts.")
    return 1 if differences else 0


def measured(key: Key, millions: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.worker", *key, str(millions)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' / '.join(key)} failed:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def median(found: list[dict[str, Any]], name: str) -> float:
    return statistics.median(result[name] for result in found)


def report(found: dict[Key, list[dict[str, Any]]], millions: int, load: list[float]) -> None:
    """Markdown: one table of everything, one of the goals."""
    floor = median(found["floor", tasks.SCAN], "wall")
    rounds = len(next(iter(found.values())))
    print(f"{millions} million events, {os.cpu_count()} cores, medians of {rounds} interleaved rounds; "
          f"load average from {min(load):.1f} to {max(load):.1f}.\n")  # fmt: skip
    print("| question | engine | wall s | all rounds | CPU s | peak MB | x scan of the file | x cjlib |")
    print("|---|---|---|---|---|---|---|---|")
    for (question, engine), results in found.items():
        wall = median(results, "wall")
        mine = found.get((question, tasks.OURS))
        each = " ".join(f"{result['wall']:.2f}" for result in results)
        beside = f"{wall / median(mine, 'wall'):.2f}" if mine else ""
        print(f"| {question} | {engine} | {wall:.2f} | {each} | {median(results, 'cpu'):.2f} | "
              f"{median(results, 'peak'):.0f} | {wall / floor:.1f} | {beside} |")  # fmt: skip
    print("\n| goal | wall ratio | CPU ratio | at most | peak MB | at most |\n|---|---|---|---|---|---|")
    for question, (against, ratio, memory) in tasks.GOALS.items():
        base = found.get(("floor", against)) or found.get((question, against))
        mine = found.get((question, tasks.OURS))
        if mine and base:
            print(f"| {question} beside {against} | {median(mine, 'wall') / median(base, 'wall'):.2f} | "
                  f"{median(mine, 'cpu') / median(base, 'cpu'):.2f} | {ratio:g} | {median(mine, 'peak'):.0f} | "
                  f"{memory or ''} |")  # fmt: skip
    print()


def disagreements(found: dict[Key, list[dict[str, Any]]]) -> list[str]:
    """Answers to the same question under the same key that are not the same numbers."""
    seen: dict[tuple[str, str], tuple[str, Any]] = {}
    wrong = []
    for (question, engine), results in found.items():
        for result in results:
            for key, value in result["answer"].items():
                first, expected = seen.setdefault((question, key), (engine, value))
                if value != expected:
                    wrong.append(f"{question}, {key}: {engine} says {value}, {first} says {expected}")
    return list(dict.fromkeys(wrong))


if __name__ == "__main__":
    sys.exit(main())
