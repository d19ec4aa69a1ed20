"""Numbers, durations and messages in the language of the report."""

from __future__ import annotations

import math

import pytest

from cjlib.core import text
from cjlib.core.duration import microseconds
from cjlib.core.errors import ParameterError, Problem, did_you_mean


@pytest.mark.parametrize(
    ("value", "digits", "english", "french"),
    [
        (1234567.891, 1, "1,234,567.9", "1\u202f234\u202f567,9"),
        (0.5, 2, "0.50", "0,50"),
        (-3, 0, "−3", "−3"),
        (math.nan, 0, "–", "–"),
        (-0.0001, 1, "0.0", "0,0"),
    ],
)
def test_numbers_follow_the_language(value, digits, english, french):
    assert text.number(value, digits) == english
    with text.using("fr"):
        assert text.number(value, digits) == french


def test_percent_has_a_no_break_space_in_french_only():
    assert text.percent(0.0814) == "8.1%"
    with text.using("fr"):
        assert text.percent(0.0814) == "8,1\u00a0%"


@pytest.mark.parametrize(
    ("days", "shown"),
    [
        (0, "0 days"),
        (0.01, "14 min"),
        (0.5, "12 h"),
        (1.99, "48 h"),
        (2, "2.0 days"),
        (34.2, "34 days"),
        (math.inf, "not reached"),
    ],
)
def test_durations_choose_a_fit_unit(days, shown):
    assert text.days(days) == shown


def test_signed_points_use_a_true_minus():
    assert [text.points(x) for x in (23, -8, 0, 0.2)] == ["+23", "−8", "0", "0"]


def test_an_unknown_language_is_refused_with_what_exists():
    with pytest.raises(ParameterError, match="en, fr"):
        text.set_language("de")


def test_the_language_is_restored_after_the_block_even_on_error():
    with pytest.raises(RuntimeError), text.using("fr"):
        raise RuntimeError
    assert text.language() == "en"


@pytest.mark.parametrize(
    ("given", "expected"),
    [("30 days", 30 * 86_400_000_000), ("30D", 30 * 86_400_000_000), ("1.5 h", 5_400_000_000),
     ("45 min", 2_700_000_000), ("90s", 90_000_000), ("250 ms", 250_000), ("2 weeks", 14 * 86_400_000_000)],
)  # fmt: skip
def test_durations_need_a_unit_and_mean_elapsed_time(given, expected):
    assert microseconds("window", given) == expected


@pytest.mark.parametrize("given", ["30", 30, "30 moons", "", "-3 days", "0 days"])
def test_a_duration_without_a_unit_is_refused_with_an_example(given):
    with pytest.raises(ParameterError, match="window="):
        microseconds("window", given)


def test_a_problem_says_what_where_received_expected_next():
    problem = Problem(
        code="CJ-IN-012", file="purchases.csv", column="montant", what="not numbers", n=214, of=10_000,
        lines=(14, 27), values=("12,50", "1 234,56"), expected='decimal "."', next_step='set decimal: ","',
    )  # fmt: skip
    assert str(problem) == (
        'CJ-IN-012 purchases.csv: column "montant": 214 of 10000 rows (2.1 %) not numbers. First at lines 14, 27. '
        'Received "12,50", "1 234,56". Expected: decimal ".". Next: set decimal: ",".'
    )


def test_the_nearest_value_is_offered_whatever_the_case():
    assert did_you_mean("PURCHAS", ["visit", "purchase"]) == "Did you mean 'purchase'?"
