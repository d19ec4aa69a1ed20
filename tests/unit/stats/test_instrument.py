from __future__ import annotations

import pytest

from cjlib.core.errors import ParameterError
from cjlib.core.text import t
from cjlib.stats.instrument import INSTRUMENTS, instrument


@pytest.mark.parametrize(
    ("name", "scale", "high_is_good", "good"),
    [
        ("csat", (1, 5), True, (4, 5)),
        ("csat", (1, 7), True, (6, 7)),
        ("csat", (0, 10), True, (9, 10)),
        ("csat", (1, 5), False, (1, 2)),
        ("ces", (1, 7), True, (5, 6, 7)),
        ("ces", (1, 5), True, (4, 5)),
        ("ces", (1, 5), False, (1, 2)),
        ("other", (0, 10), True, ()),
    ],
)
def test_the_box_follows_the_scale_and_its_direction(name, scale, high_is_good, good):
    assert instrument(name).on_scale(scale, high_is_good=high_is_good).good_scores == good


@pytest.mark.parametrize(("scale", "high_is_good"), [((1, 10), True), ((0, 5), True), ((0, 10), False)])
def test_nps_exists_on_its_own_scale_only(scale, high_is_good):
    with pytest.raises(ParameterError, match="NPS is defined on 0 to 10") as caught:
        INSTRUMENTS["nps"].on_scale(scale, high_is_good=high_is_good)
    assert caught.value.code == "CJ-ST-009"
    assert INSTRUMENTS["nps"].on_scale((0, 10)).scale == (0, 10)


@pytest.mark.parametrize("scale", [(5, 1), (3, 3), (1,), (1, 2, 3)])
def test_a_scale_is_a_low_and_a_high_end(scale):
    with pytest.raises(ParameterError, match="lowest, highest"):
        INSTRUMENTS["csat"].on_scale(scale)


def test_every_instrument_says_what_it_is_and_where_it_comes_from():
    for name, item in INSTRUMENTS.items():
        assert item.name == name
        assert t(item.definition) == item.definition
        assert item.definition.endswith(".")
        assert len(item.source) > 10


def test_an_unknown_instrument_lists_those_that_exist():
    with pytest.raises(ParameterError, match=r"Did you mean 'csat'.*nps, csat, ces, other"):
        instrument("csatt")
