"""Shared test settings: one hypothesis profile, real-data folder, English as the language."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "cjlib", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50
)
settings.load_profile("cjlib")

ROOT = Path(__file__).parents[1]


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
