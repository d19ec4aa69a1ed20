"""The zygote process: imports what report notebooks need once, then forks one kernel per request.

Run as `python -m cjlib.report.forkserver SOCKET`, by `cjlib.report.zygote` only. It is single-threaded
and opens no engine, so a fork is safe. One connection is one kernel: the request goes in as a line of
JSON, a pidfd comes back, and a last line tells how the kernel ended. A kernel dies with its connection,
all kernels die with this process, and this process dies when its standard input ends, that is with
whoever started it: nothing is left behind, however the runner ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import importlib.util
import io
import json
import os
import pkgutil
import random
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

PRELOAD = (
    "numpy", "pandas", "pyarrow.parquet", "pyarrow.pandas_compat", "pyarrow_hotfix", "matplotlib.pyplot",
    "matplotlib_inline.backend_inline", "matplotlib.backends.backend_svg", "duckdb", "ibis.backends.duckdb.converter",
    "ibis.formats.pandas", "ibis.formats.pyarrow", "pydantic", "yaml", "jinja2", "babel.numbers", "babel.dates",
    "babel.messages.pofile", "nh3", "tzdata", "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger",
    "IPython.core.debugger", "IPython.core.oinspect", "IPython.extensions.storemagic", "tornado.platform.asyncio",
    "tornado.queues", "cjlib.core", "cjlib.privacy", "cjlib.sources", "cjlib.stats", "cjlib.plots", "cjlib.journey",
    "cjlib.analyses", "cjlib.maps", "cjlib.report.page",
)  # fmt: skip
"""What every kernel finds already imported. A package of cjlib stands for all its modules.

What no module of cjlib imports at its top is not here either: preloading is part of the time of a batch.
"""

_PR_SET_PDEATHSIG = 1
_LIFELINE = 0


@dataclass
class _Kernel:
    pid: int
    connection: socket.socket


def main() -> None:
    """Preload, serve; a forked child returns from the loop and becomes a kernel."""
    path, *names = sys.argv[1:]
    preload(names or PRELOAD)
    # Objects made so far are never looked at again by a collection, so their pages stay shared.
    gc.collect()
    gc.freeze()
    request = serve(path)
    if request is not None:
        run_kernel(request)
    else:
        shutil.rmtree(Path(path).parent, ignore_errors=True)  # the owner may have been killed


def preload(names: Iterable[str]) -> None:
    """Import each module that exists; for a package of cjlib, its modules too."""
    for name in names:
        if not _exists(name):
            continue
        module = importlib.import_module(name)
        if name.startswith("cjlib.") and hasattr(module, "__path__"):
            for found in pkgutil.walk_packages(module.__path__, f"{name}."):
                importlib.import_module(found.name)
    if "matplotlib" in sys.modules:
        _warm_up_fonts()
    if "cjlib.core.card" in sys.modules:
        _warm_up_texts()


def _exists(name: str) -> bool:
    parent = name.rpartition(".")[0]
    return (not parent or _exists(parent)) and importlib.util.find_spec(name) is not None


def _warm_up_fonts() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().set_title("0")
    figure.savefig(io.BytesIO(), format="svg")


def _warm_up_texts() -> None:
    """Read catalogues, number formats and templates, which every page needs."""
    from cjlib.core.card import render_card
    from cjlib.core.text import LANGUAGES, day, number, t, using

    for tag in LANGUAGES:
        with using(tag):
            render_card({"answer": t("all") + number(1.5, 1) + day(date(2000, 1, 1))})


def serve(path: str) -> dict[str, Any] | None:
    """Fork a kernel per request until standard input ends. Returns the request, in a child only."""
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(path)
        listener.listen(64)
        selector.register(listener, selectors.EVENT_READ)
        selector.register(_LIFELINE, selectors.EVENT_READ)
        kernels: dict[int, _Kernel] = {}
        while True:
            for key, _ in selector.select():
                if key.fileobj == _LIFELINE:
                    for kernel in kernels.values():
                        _kill_group(kernel.pid)
                    return None
                if key.fileobj is listener:
                    request = _accept(listener, selector, kernels)
                    if request is not None:
                        return request
                elif key.fd in kernels:
                    _reap(key.fd, selector, kernels)
                elif isinstance(key.data, _Kernel):
                    # The other end is gone: its kernel goes too; the pidfd reports the end.
                    selector.unregister(key.data.connection)
                    _kill_group(key.data.pid)


def _accept(
    listener: socket.socket, selector: selectors.BaseSelector, kernels: dict[int, _Kernel]
) -> dict[str, Any] | None:
    connection, _ = listener.accept()
    connection.settimeout(10)
    with connection.makefile("rb") as stream:
        line = stream.readline()
    if not line.endswith(b"\n"):
        connection.close()
        return None
    server = os.getpid()
    pid = os.fork()
    if pid == 0:
        # A child must not hold the other kernels' ends open.
        connection.close()
        for fd, other in kernels.items():
            os.close(fd)
            other.connection.close()
        return {**json.loads(line), "server": server}
    pidfd = os.pidfd_open(pid)
    kernel = _Kernel(pid, connection)
    kernels[pidfd] = kernel
    selector.register(pidfd, selectors.EVENT_READ, kernel)
    selector.register(connection, selectors.EVENT_READ, kernel)
    with contextlib.suppress(OSError):  # the other end may be gone already; the selector will say so
        socket.send_fds(connection, [f'{{"pid": {pid}}}\n'.encode()], [pidfd])
    return None


def _reap(pidfd: int, selector: selectors.BaseSelector, kernels: dict[int, _Kernel]) -> None:
    kernel = kernels.pop(pidfd)
    # Until it is waited for, the number of a dead child cannot be given to another process group.
    _kill_group(kernel.pid)
    _, status = os.waitpid(kernel.pid, 0)
    selector.unregister(pidfd)
    os.close(pidfd)
    with contextlib.suppress(KeyError, ValueError):
        selector.unregister(kernel.connection)
    with contextlib.suppress(OSError):
        kernel.connection.sendall(f'{{"exit": {os.waitstatus_to_exitcode(status)}}}\n'.encode())
    kernel.connection.close()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def run_kernel(request: dict[str, Any]) -> None:
    """Turn this freshly forked process into a normal IPython kernel on its connection file."""
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != request["server"]:
        os._exit(1)  # the server died between the fork and the line above
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    tempfile.tempdir = None
    if request["cwd"]:
        os.chdir(request["cwd"])
    random.seed()
    if "numpy" in sys.modules:
        # Else every kernel of the batch would draw the same "random" numbers.
        sys.modules["numpy"].random.seed()
    from ipykernel.kernelapp import IPKernelApp

    app: Any = IPKernelApp.instance()
    app.initialize(request["argv"])
    app.start()


if __name__ == "__main__":
    main()
