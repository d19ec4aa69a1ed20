"""Kernels from the preloaded process: ordinary to the outside, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cjlib.core.errors import EnvironmentProblem
from cjlib.report import forkserver
from cjlib.report.zygote import CAN_FORK, Zygote

needs_fork = pytest.mark.skipif(not CAN_FORK, reason="the system has no fork or no pidfd")


def ask(server, *sources, cwd=None):
    """What the last line of each cell evaluates to, from one kernel."""

    async def talk():
        manager = server.kernel_manager()
        await manager.start_kernel(cwd=cwd)
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=60)
            return [await evaluate(client, source) for source in sources]
        finally:
            await manager.close()

    return asyncio.run(talk())


async def evaluate(client, source):
    reply = await client.execute_interactive("", user_expressions={"x": source}, timeout=60)
    value = reply["content"]["user_expressions"]["x"]
    return value["data"]["text/plain"] if value["status"] == "ok" else value["ename"]


def children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def gone(*pids):
    limit = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def test_a_kernel_has_fixed_settings_and_its_own_folder(zygote, tmp_path):
    folder, zone, tmp, profile = ask(
        zygote,
        "__import__('os').getcwd()",
        "__import__('time').tzname[0]",
        "__import__('tempfile').gettempdir()",
        "get_ipython().profile_dir.location",
        cwd=str(tmp_path),
    )
    assert folder == repr(str(tmp_path))
    assert zone == "'UTC'"
    assert tmp == repr(str(zygote.folder / "tmp"))
    assert str(zygote.folder) in profile


def test_the_hash_seed_is_the_same_in_every_kernel(zygote):
    first, second = ask(zygote, "hash('a')"), ask(zygote, "hash('a')")
    plain = subprocess.run(
        [sys.executable, "-c", "print(hash('a'))"],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert first == second == [plain.stdout.strip()]


@needs_fork
def test_kernels_share_what_is_preloaded_and_nothing_else(zygote):
    loaded = "'matplotlib.pyplot' in __import__('sys').modules"
    first = ask(zygote, loaded, "globals().setdefault('mine', 1)", "__import__('os').getppid()")
    second = ask(zygote, loaded, "mine", "__import__('os').getppid()")
    assert first[0] == second[0] == "True"
    assert second[1] == "NameError"
    assert first[2] == second[2]


@needs_fork
def test_random_numbers_are_not_the_same_in_every_kernel(zygote):
    draws = ["__import__('random').random()", "__import__('numpy').random.random()"]
    first, second = ask(zygote, *draws), ask(zygote, *draws)
    assert first[0] != second[0]
    assert first[1] != second[1]


@needs_fork
def test_ended_kernels_leave_no_zombie_and_the_folder_goes():
    with Zygote(modules=["ipykernel.kernelapp"]) as server:
        pids = [ask(server, "__import__('os').getpid()")[0] for _ in range(2)]
        assert gone(*pids)
        assert children(server._process.pid) == []
        assert stat.S_IMODE(server.folder.stat().st_mode) & 0o777 == 0o700
    assert not server.folder.exists()


@needs_fork
def test_what_a_kernel_started_ends_with_it(zygote):
    child = "globals().setdefault('p', __import__('subprocess').Popen(['sleep', '600'])).pid"
    kernel, sleeper = ask(zygote, "__import__('os').getpid()", child)
    assert gone(kernel, sleeper)


@needs_fork
def test_kernels_end_when_their_server_is_killed():
    with Zygote(modules=["ipykernel.kernelapp"]) as server:

        async def talk():
            manager = server.kernel_manager()
            await manager.start_kernel()
            pid = manager.provisioner.process.pid
            server._process.kill()
            died = gone(pid)
            code = await manager.provisioner.wait()
            await manager.close()
            return died, code

        assert asyncio.run(talk()) == (True, -signal.SIGKILL)


@needs_fork
def test_everything_ends_when_the_owner_is_killed():
    code = (
        "import asyncio, time; from cjlib.report.zygote import Zygote\n"
        "server = Zygote(modules=['ipykernel.kernelapp'])\n"
        "async def go():\n"
        "    manager = server.kernel_manager(); await manager.start_kernel()\n"
        "    print(server._process.pid, manager.provisioner.process.pid, server.folder, flush=True)\n"
        "    time.sleep(600)\n"
        "asyncio.run(go())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        server, kernel, folder = owner.stdout.readline().split()
        owner.kill()
    assert gone(server, kernel)
    assert not Path(folder).exists()


@needs_fork
def test_exit_codes_are_those_of_the_process(zygote):
    async def talk():
        codes = []
        for source in ("__import__('os')._exit(3)", "__import__('os').kill(__import__('os').getpid(), 11)"):
            manager = zygote.kernel_manager()
            await manager.start_kernel()
            client = manager.client()
            client.start_channels()
            await client.wait_for_ready(timeout=60)
            process = manager.provisioner.process
            client.execute(source)
            await manager.provisioner.wait()
            codes.append(process.returncode)
            await manager.close()
        return codes

    assert asyncio.run(talk()) == [3, -11]


def test_a_server_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setattr(forkserver, "PRELOAD", ())
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Zygote(modules=["json"]) as server, pytest.raises(EnvironmentProblem, match="could not start") as caught:
        server.kernel_manager()
    assert caught.value.code == "CJ-RP-013"


def test_plain_kernels_have_the_same_settings():
    with Zygote(fork=False) as server:
        zone, where, preloaded = ask(
            server,
            "__import__('time').tzname[0]",
            "__import__('os').environ['MPLBACKEND']",
            "'pandas' in __import__('sys').modules",
        )
    assert (zone, where, preloaded) == ("'UTC'", "'module://matplotlib_inline.backend_inline'", "False")


def test_a_long_folder_for_temporary_files_is_not_too_long_for_sockets(tmp_path, monkeypatch):
    import tempfile

    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with Zygote(fork=False) as server:
        assert server.folder.parent == Path("/tmp")
    assert list(long.iterdir()) == []


def test_only_modules_that_exist_are_preloaded():
    names = ["json", "cjlib.no_such_room", "no_such_package.part"]
    forkserver.preload([*names, "cjlib.core"])
    assert "cjlib.core.gate" in sys.modules
    assert "cjlib.no_such_room" not in sys.modules
