"""The gate before the kernel: what may be declared, and what may be given."""

from __future__ import annotations

import json
import sys

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as some

from cjlib.core.errors import ParameterError
from cjlib.report import parameters
from tests.unit.report.tiny import cell

DECLARED = """\
study: str = ""
postcode: str = "75001"  # where they live
window_days: int = 30  # conversion window, days (1-365)
share: float = 0.5  # of customers (0 – 1)
strict: bool = False
channels: list[str] = ["web"]  # compared channels
lags: list[int] = []  # days (-5-5)
offset: int = -3
"""


def declared(source=DECLARED):
    return nbformat.v4.new_notebook(cells=[cell("1"), cell(source, "parameters")])


def test_the_cell_is_read_without_being_run():
    read = parameters.read(declared())
    assert list(read) == ["study", "postcode", "window_days", "share", "strict", "channels", "lags", "offset"]
    window = read["window_days"]
    assert (window.type, window.default, window.low, window.high) == ("int", 30, 1.0, 365.0)
    assert window.help == "conversion window, days (1-365)"
    assert (read["share"].low, read["share"].high) == (0.0, 1.0)
    assert (read["lags"].low, read["lags"].high) == (-5.0, 5.0)
    assert read["offset"].default == -3


BAD_CELLS = {
    "no annotation": ("days = 30", "line 1 of the parameters cell is not a declaration"),
    "a call": ("import os\ndays: int = 30", "line 1 .* not a declaration"),
    "no value": ("days: int", "line 1"),
    "not a literal": ("days: int = 3 * 10", "line 1"),
    "a dictionary": ("days: dict = {}", "Types: str, int, float, bool, list"),
    "another type": ("days: int = '30'", "default of days='30' is not of type int"),
    "a default out of range": ("days: int = 400  # (1-365)", "default of days=400 is out of range: 1 to 365"),
    "no Python": ("days: int =", "is not Python"),
}


@pytest.mark.parametrize("name", BAD_CELLS)
def test_a_cell_that_is_more_than_declarations_is_refused(name):
    source, message = BAD_CELLS[name]
    with pytest.raises(ParameterError, match=message) as caught:
        parameters.read(declared(source), name="20_funnel")
    assert caught.value.code == "CJ-RP-002"
    assert str(caught.value).startswith("20_funnel: ")


@pytest.mark.parametrize("n", [0, 2])
def test_exactly_one_cell_must_be_tagged(n):
    notebook = nbformat.v4.new_notebook(cells=[cell("a: int = 1", "parameters") for _ in range(n)])
    with pytest.raises(ParameterError, match=f"{n} cells are tagged"):
        parameters.read(notebook)


CASTS = [
    ("postcode", "01000", "01000"),
    ("postcode", "+33612345678", "+33612345678"),
    ("postcode", " 1_000 ", " 1_000 "),
    ("postcode", "nan", "nan"),
    ("postcode", "", ""),
    ("window_days", "7", 7),
    ("window_days", " +7 ", 7),
    ("window_days", 7, 7),
    ("share", "0.25", 0.25),
    ("share", "1", 1.0),
    ("share", 1, 1.0),
    ("share", "1e-2", 0.01),
    ("strict", "yes", True),
    ("strict", "False", False),
    ("strict", True, True),
    ("channels", "web,shop", ["web", "shop"]),
    ("channels", '["a, b", "c"]', ["a, b", "c"]),
    ("channels", "01000", ["01000"]),
    ("channels", "", []),
    ("channels", [], []),
    ("lags", "1,-2", [1, -2]),
]


@pytest.mark.parametrize(("name", "raw", "value"), CASTS)
def test_text_is_cast_by_the_declared_type(name, raw, value):
    (cast,) = parameters.check(declared(), {name: raw}).values()
    assert cast == value
    assert type(cast) is type(value)


WRONG = [
    ("window_days", "7.0", "is not of type int"),
    ("window_days", "1_0", "is not of type int"),
    ("window_days", "٣", "is not of type int"),
    ("window_days", True, "is not of type int"),
    ("window_days", 7.0, "is not of type int"),
    ("window_days", "", "is not of type int"),
    ("window_days", None, "is not of type int"),
    ("window_days", "0", "window_days=0 is out of range: 1 to 365 is allowed"),
    ("window_days", "366", "out of range"),
    ("share", "nan", "is not of type float"),
    ("share", "inf", "is not of type float"),
    ("share", float("nan"), "is not of type float"),
    ("share", "12,5", "is not of type float"),
    ("share", "1.5", "out of range: 0 to 1"),
    ("strict", "oui", "is not of type bool"),
    ("strict", 1, "is not of type bool"),
    ("postcode", 1000, "is not of type str. It means: where they live."),
    ("postcode", b"x", "is not of type str"),
    ("postcode", {"a": 1}, "is not of type str"),
    ("channels", ("a",), "is not of type list"),
    ("channels", [1], "is not of type list"),
    ("channels", "[1]", "is not of type list"),
    ("channels", "[broken", "is not of type list"),
    ("lags", "1,x", "is not of type list"),
    ("lags", "9", "out of range: -5 to 5"),
]


@pytest.mark.parametrize(("name", "raw", "message"), WRONG)
def test_what_does_not_fit_is_refused(name, raw, message):
    with pytest.raises(ParameterError, match=message.replace("(", r"\(")) as caught:
        parameters.check(declared(), {name: raw})
    assert caught.value.code == "CJ-RP-004"


def test_a_misspelt_name_is_refused_with_the_nearest_one():
    with pytest.raises(ParameterError, match=r"no parameter 'windw_days'\. Did you mean 'window_days'") as caught:
        parameters.check(declared(), {"windw_days": "7"}, name="20_funnel")
    assert caught.value.code == "CJ-RP-003"
    assert "Known: study, postcode" in str(caught.value)


@pytest.mark.parametrize(
    "name", ["x=1;import os;y", "print", "__builtins__", "class", "not-an-id", "a.b", "", "study "]
)
def test_only_declared_names_pass(name):
    with pytest.raises(ParameterError, match="there is no parameter"):
        parameters.check(declared(), {name: "1"})


def test_all_problems_are_told_at_once():
    with pytest.raises(ParameterError) as caught:
        parameters.check(declared(), {"window_days": "x", "channel": "a", "share": "2"}, name="nb")
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == ["nb"] * 3


@given(some.text())
def test_text_reaches_a_text_parameter_unchanged(text):
    assert parameters.check(declared(), {"postcode": text}) == {"postcode": text}


@given(some.lists(some.text()))
def test_a_json_array_reaches_a_list_unchanged(texts):
    assert parameters.check(declared(), {"channels": json.dumps(texts)}) == {"channels": texts}


@given(some.text())
def test_text_never_becomes_a_number_that_python_alone_would_read(text):
    try:
        value = parameters.check(declared("n: int = 1"), {"n": text})["n"]
    except ParameterError:
        return
    assert text.strip().lstrip("+-").isascii()
    assert len(text.strip()) < sys.int_info.default_max_str_digits
    assert value == int(text)
