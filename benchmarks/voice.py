"""Voice of the customer on 100,000 comments: seconds and peak memory of every analysis.

    .venv/bin/python -m benchmarks.voice [--comments 100000]

Comments are drawn from the simulated shop's phrases in French and English, three in a row, with made-up
words among them so that the vocabulary grows as it does in real life (about one new word in fifty).
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import pandas as pd

import cjlib as cj
from cjlib.datasets.verbatims import BRITISH, FRENCH, sentences

DAY = 86_400_000_000
PRAISE = {"praise", "checkout", "delivery", "support", "loyal", "wait_but_fine"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comments", type=int, default=100_000)
    n = parser.parse_args().comments
    log, said = _data(n)
    start = time.monotonic()
    asked = {
        "distinctive_words, score": lambda: cj.distinctive_words(said),
        "distinctive_words, stage": lambda: cj.distinctive_words(said, groups="stage"),
        "distinctive_words, outcome": lambda: cj.distinctive_words(
            said, groups="outcome", log=log, outcome="purchase", within="60 days"
        ),
        "themes": lambda: cj.themes(said),
        "score_from_text": lambda: cj.score_from_text(said),
    }
    for name, ask in asked.items():
        before = time.monotonic()
        ask()
        print(f"{name:28} {time.monotonic() - before:6.1f} s   {_peak():6.2f} GB peak", flush=True)
    print(f"{'all, ' + str(n) + ' comments':28} {time.monotonic() - start:6.1f} s   {_peak():6.2f} GB peak")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _data(n: int):
    rng = np.random.default_rng(1)
    score = np.zeros(n)
    comment = np.full(n, "", dtype=object)
    english, glad = rng.random(n) < 0.3, rng.random(n) < 0.7
    for spoken, phrases in ((~english, FRENCH), (english, BRITISH)):
        for praised in (True, False):
            pool = np.concatenate([sentences(p) for name, p in phrases.items() if (name in PRAISE) == praised])
            rows = np.flatnonzero(spoken & (glad == praised))
            parts = [pool[rng.integers(0, len(pool), len(rows))] for _ in range(3)]
            new = [f"mot{''.join(chr(97 + int(d)) for d in str(i))}" for i in rng.integers(0, n, len(rows))]
            comment[rows] = [" ".join(p) for p in zip(*parts, new, strict=True)]
            score[rows] = rng.integers(7, 11, len(rows)) if praised else rng.integers(0, 9, len(rows))
    who = np.array([f"c{i}" for i in range(n)])
    said = pd.DataFrame({
        "customer": who, "asked_at": 0, "answered_at": rng.integers(1, 60, n) * DAY, "instrument": "nps",
        "score": score, "comment": comment, "stage": rng.choice(["Look", "Buy", "Receive"], n),
    })  # fmt: skip
    events = pd.DataFrame({"customer": who, "at": rng.integers(1, 150, n) * DAY, "event": "purchase"})
    return cj.from_frames(events, responses=said, as_of="1970-06-01", scales={"nps": (0, 10)}, min_people=5)


if __name__ == "__main__":
    main()
