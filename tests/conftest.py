"""Shared test settings: one hypothesis profile, real-data folder, English as the language."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "cjlib", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50
)
settings.load_profile("cjlib")

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _no_open_figures() -> Iterator[None]:
    """A figure that one test leaves open is none of the next test's business."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="session")
def root() -> Path:
    """Top of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with the real data sets; tests that need it are skipped, with the reason, without it."""
    folder = Path(os.environ.get("CJLIB_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder.name} not found beside the project; set CJLIB_REAL_DATA")
    return folder
