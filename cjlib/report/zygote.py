"""Kernels forked from a preloaded process: a report starts in tenths of a second, not in seconds.

To papermill and nbclient these are ordinary kernels, made by a provisioner that a private kernelspec
names; nothing is installed in the user's home. Sockets, kernelspec and IPython profile live in one
folder that only the user can enter, removed with the `Zygote`. Kernels talk over Unix sockets, with one
BLAS thread, UTC and a fixed hash seed, so that the same notebook gives the same bytes. Where the system
cannot fork or has no pidfd (Windows, macOS) plain kernels with the same settings are started.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Float, Unicode

from cjlib.core.errors import EnvironmentProblem

KERNEL = "cjlib"
CAN_FORK = hasattr(os, "fork") and hasattr(os, "pidfd_open")
_SOCKET_PATH_LIMIT = 100  # bytes; 108 on Linux, less the suffix that a kernel adds to its five sockets


class ForkedKernel:
    """A kernel process that is not our child: the part of `subprocess.Popen` that provisioners use."""

    stdin = stdout = stderr = None

    def __init__(self, server: str, request: dict[str, Any], *, timeout_s: float) -> None:
        self.returncode: int | None = None
        self._connection = _connect(server, timeout_s)
        self._connection.sendall(json.dumps(request).encode() + b"\n")
        line, descriptors, _, _ = socket.recv_fds(self._connection, 4096, 1)
        if not descriptors:
            self._connection.close()
            raise EnvironmentProblem("The kernel server ended before it gave a kernel.", code="CJ-RP-013")
        self._pidfd = descriptors[0]
        self.pid: int = json.loads(line)["pid"]

    def poll(self) -> int | None:
        """Exit code (minus the signal number for a killed process), or None while it runs."""
        if self.returncode is None and select.select([self._pidfd], [], [], 0)[0]:
            self._connection.settimeout(5)
            line = b""
            with contextlib.suppress(OSError), self._connection.makefile("rb") as stream:
                line = stream.readline()
            # No last word: the server is gone, and took its kernels along.
            self.returncode = json.loads(line)["exit"] if line else -signal.SIGKILL
            self._connection.close()
            os.close(self._pidfd)
        return self.returncode

    def wait(self) -> int:
        """Block until the process has ended."""
        while (code := self.poll()) is None:
            select.select([self._pidfd], [], [], 1)
        return code

    def send_signal(self, number: int) -> None:
        """Signal the process, if it still is the one that was started."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def kill(self) -> None:
        """End the process at once; its group follows when the server notices."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)


def _connect(server: str, timeout_s: float) -> socket.socket:
    limit = time.monotonic() + timeout_s
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(server)
        except (FileNotFoundError, ConnectionRefusedError) as problem:
            connection.close()
            if time.monotonic() > limit:
                raise EnvironmentProblem("The kernel server does not answer.", code="CJ-RP-013") from problem
            time.sleep(0.02)
        else:
            return connection


class ZygoteProvisioner(LocalProvisioner):
    """Starts a kernel by asking the zygote to fork; all the rest is the ordinary local provisioner."""

    process: Any  # a ForkedKernel stands in for the Popen of the base class
    server = Unicode(help="path of the zygote's Unix socket").tag(config=True)
    timeout_s = Float(120.0, help="seconds to wait for the zygote to be preloaded").tag(config=True)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Fork a kernel for the command line that would have started a plain one."""
        request = {"argv": cmd[3:], "cwd": str(kwargs.get("cwd") or ""), "env": kwargs["env"]}
        self.process = ForkedKernel(self.server, request, timeout_s=self.timeout_s)
        self.pid = self.process.pid
        # No process group: its number could be another's by now. The zygote ends the whole group.
        self.pgid = None
        self.cwd = kwargs.get("cwd")
        return self.connection_info


class QuickClient(AsyncKernelClient):
    """A client that goes on as soon as its kernel has answered on both channels.

    The ordinary one then listens for another 0.2 s, to drop messages that notebook clients ignore anyway.
    """

    async def wait_for_ready(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  as in the base class
        """Return when the kernel has answered; RuntimeError if it died or took longer than `timeout`."""
        limit = time.monotonic() + (timeout or 60.0)
        while time.monotonic() < limit:
            self.kernel_info()
            with contextlib.suppress(queue.Empty):
                await self.get_shell_msg(timeout=1)
                await self.get_iopub_msg(timeout=0.2)
                return
            if not await self.is_alive():
                raise RuntimeError("Kernel died before it was ready")
        raise RuntimeError("Kernel was not ready in time")


class OneKernel(AsyncKernelManager):
    """Manager of one kernel that can be ended with all that belongs to it.

    A notebook client that is handed a manager leaves both the kernel and its own sockets to the giver.
    """

    def client(self, **kwargs: Any) -> Any:
        """A client of this kernel, remembered so that `close` can close its sockets."""
        made = super().client(**kwargs)
        self._clients = [*getattr(self, "_clients", []), made]
        return made

    async def close(self) -> None:
        """Kill the kernel and close every socket."""
        provisioner: Any = self.provisioner
        if self.has_kernel and provisioner.process is not None:
            provisioner.process.kill()
            provisioner.process.wait()  # takes milliseconds; what follows would look every 0.1 s
        if self.has_kernel:
            await self.shutdown_kernel(now=True)
        for client in getattr(self, "_clients", []):
            client.stop_channels()
        await self.cleanup_resources()


class Zygote:
    """Owner of the kernel server and of its private folder; use it in a `with` block.

    Parameters
    ----------
    modules : sequence of str, optional
        What to import once; empty = the list of `cjlib.report.forkserver`.
    fork : bool
        False starts plain kernels, as on systems that cannot fork.

    Examples
    --------
    >>> with Zygote(modules=["json"]) as zygote:
    ...     zygote.kernel_manager().kernel_name
    'cjlib'
    """

    def __init__(self, *, modules: Sequence[str] = (), fork: bool = CAN_FORK) -> None:
        self.fork = fork and CAN_FORK
        self.folder = _short_private_folder()
        (self.folder / "tmp").mkdir()
        self._process = self._start(modules) if self.fork else None
        self._write_kernelspec()

    def _start(self, modules: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "cjlib.report.forkserver", str(self.folder / "server"), *modules],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment()},
                start_new_session=True,  # Ctrl-C is the runner's business
            )

    def environment(self) -> dict[str, str]:
        """Settings under which every kernel of ours runs."""
        return {
            "TZ": "UTC",
            "PYTHONHASHSEED": "0",
            "PYTHONUTF8": "1",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "IPYTHONDIR": str(self.folder / "ipython"),
            "TMPDIR": str(self.folder / "tmp"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
        }

    def _write_kernelspec(self) -> None:
        argv = [
            sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}",
            "--InteractiveShellApp.matplotlib=inline", "--HistoryManager.enabled=False",
        ]  # fmt: skip
        spec: dict[str, Any] = {
            "argv": argv,
            "display_name": "Customer journeys",
            "language": "python",
            "env": self.environment(),
            "metadata": {},
        }
        if self.fork:
            spec["metadata"]["kernel_provisioner"] = {
                "provisioner_name": "cjlib-zygote",
                "config": {"server": str(self.folder / "server")},
            }
        folder = self.folder / "kernels" / KERNEL
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")

    def kernel_manager(self) -> OneKernel:
        """A manager for one kernel, not yet started, to be handed to papermill or nbclient as `km`."""
        self.wait_until_ready()
        specs = KernelSpecManager(kernel_dirs=[str(self.folder / "kernels")], ensure_native_kernel=False)
        return OneKernel(
            kernel_name=KERNEL,
            kernel_spec_manager=specs,
            transport="ipc" if hasattr(socket, "AF_UNIX") else "tcp",
            connection_file=str(self.folder / f"k{uuid4().hex[:8]}.json"),
            client_class="cjlib.report.zygote.QuickClient",
        )

    def wait_until_ready(self) -> None:
        """Wait until the server is preloaded and listens.

        Raises
        ------
        EnvironmentProblem
            CJ-RP-013: it ended instead; its last words are in the message.
        """
        while self._process is not None and not (self.folder / "server").exists():
            self._check_alive(self._process)
            time.sleep(0.02)

    def _check_alive(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is not None:
            words = (self.folder / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            last = words[-1] if words else "no message"
            raise EnvironmentProblem(
                f"The kernel server could not start: {last}. Install the packages again.",
                code="CJ-RP-013",
            )

    def close(self) -> None:
        """End the server and every kernel with it, and remove the private folder."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=2)
            # Still importing, it does not listen yet; it has no kernels either.
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _short_private_folder() -> Path:
    """A new folder that only this user can enter, with a path short enough for Unix sockets."""
    folder = tempfile.mkdtemp(prefix="cj-")
    if len(os.fsencode(folder)) + len("/k12345678-ipc-5") > _SOCKET_PATH_LIMIT and os.name == "posix":
        Path(folder).rmdir()
        folder = tempfile.mkdtemp(prefix="cj-", dir="/tmp")
    return Path(folder)
