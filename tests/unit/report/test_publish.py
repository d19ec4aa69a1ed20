"""Files change all at once or not at all."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections import namedtuple

import pytest

from cjlib.core.errors import EnvironmentProblem
from cjlib.report import publish


def test_a_file_is_replaced_with_its_mode(tmp_path):
    target = tmp_path / "report.html"
    publish.write(target, "old")
    publish.write(target, "né")
    assert target.read_bytes() == "né".encode()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("step", ["fdopen", "fsync", "chmod"])
def test_a_failing_disk_leaves_the_old_file_and_nothing_beside_it(step, tmp_path, monkeypatch):
    target = tmp_path / "report.html"
    publish.write(target, "old")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space"):
        publish.write(target, "new")
    monkeypatch.undo()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_reader_during_publication_sees_one_whole_file(tmp_path):
    target = tmp_path / "report.html"
    texts = {"a" * 200_000, "b" * 200_000}
    publish.write(target, min(texts))
    stop = threading.Event()
    seen = set()

    def read():
        while not stop.is_set():
            seen.add(target.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        for text in texts:
            publish.write(target, text)
    stop.set()
    reader.join()
    assert seen <= texts


def test_json_is_strict(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        publish.write_json(tmp_path / "a.json", {"x": float("nan")})
    publish.write_json(tmp_path / "a.json", {"x": "é"})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": "é"}


def test_the_lock_is_held_by_one_process_and_ends_with_it(tmp_path):
    publish.prepare(tmp_path)
    code = (
        "import sys, pathlib; from cjlib.report import publish\n"
        "with publish.lock(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(EnvironmentProblem, match=f"process {holder.pid}"), publish.lock(tmp_path):
            pass
        holder.kill()
    with publish.lock(tmp_path):
        assert (tmp_path / ".runs" / "lock").read_text() == f"{os.getpid()}\n"


def test_a_nearly_full_disk_is_refused(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")  # noqa: PYI024
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2**40, 2**40, 5 * 2**20))
    with pytest.raises(EnvironmentProblem, match="Only 5 MB are free") as caught:
        publish.prepare(tmp_path)
    assert caught.value.code == "CJ-RP-012"


def test_a_run_folder_is_private_and_goes_unless_told_to_stay(tmp_path):
    publish.prepare(tmp_path)
    with publish.run_folder(tmp_path, "one") as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()
    with publish.run_folder(tmp_path, "two") as kept:
        (kept / "keep").touch()
    with publish.run_folder(tmp_path, "three") as failed:
        (failed / "failed").touch()
    with publish.run_folder(tmp_path, "four"):
        assert kept.exists()
        assert not failed.exists()
