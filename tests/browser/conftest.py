"""One browser for the session; axe-core from npm into pytest's cache, never into the repository."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium, executable

AXE = "axe-core@4"


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """A running Chromium, or the reason why not."""
    if executable() is None:
        pytest.skip("no Chromium found; install it or set CJLIB_CHROMIUM")
    with Chromium() as running:
        yield running


@pytest.fixture(scope="session")
def axe(request: pytest.FixtureRequest) -> str:
    """Source of axe-core, packed by npm once and kept in the test cache."""
    folder = Path(request.config.cache.mkdir("axe"))
    script = folder / "axe.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("axe-core is fetched by npm, which is not installed")
        command = [npm, "pack", AXE, "--silent", "--fetch-retries=1", "--pack-destination", str(folder)]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=90, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm could not fetch {AXE}: no answer in 90 s; is the network closed?")
        archives = sorted(folder.glob("axe-core-4*.tgz"))
        if done.returncode or not archives:
            pytest.skip(f"npm could not fetch {AXE}: {done.stderr.strip()[-200:]}")
        with tarfile.open(archives[-1]) as archive:
            member = archive.extractfile("package/axe.min.js")
            script.write_bytes(member.read() if member else b"")
    return script.read_text(encoding="utf-8")
