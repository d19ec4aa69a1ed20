"""One measurement in a process of its own: `python -m benchmarks.worker QUESTION ENGINE MILLIONS`.

Imports come before the clock starts: an analysis is one of many in a session.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time

from benchmarks import tasks
from benchmarks.generate import folder


def measure(question: str, engine: str, millions: int) -> dict[str, object]:
    """Wall and CPU seconds, peak memory of the whole process, and the answer."""
    module = importlib.import_module(f"benchmarks.{tasks.MODULES[engine]}")
    name = {tasks.SCAN: "scan_file", tasks.STORE_SCAN: "scan_store"}.get(engine, question)
    function = getattr(module, name)
    cpu, wall = time.process_time(), time.perf_counter()
    answer = function(folder(millions))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"wall": wall, "cpu": cpu, "peak": peak, "answer": answer}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
