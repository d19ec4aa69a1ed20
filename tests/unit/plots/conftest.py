"""Figures are drawn without a screen and closed after each test."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _no_figure_is_left() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def french(monkeypatch):
    """Numbers and punctuation in French; a handful of words, so that the test does not hang on prose."""
    from cjlib.core import text

    words = {"%": "\u00a0%", "{low} to {high}": "{low} à {high}", "all": "ensemble", "customers": "clients"}
    monkeypatch.setattr(text, "catalogue", lambda short: words if short == "fr" else {})
    with text.using("fr"):
        yield
