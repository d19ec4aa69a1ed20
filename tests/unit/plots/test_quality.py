from __future__ import annotations

import pandas as pd
import pytest

from cjlib.plots.quality import draw

from .figures import assert_readable, bars, drawn_texts, texts_of

FILES = pd.DataFrame(
    {"file": ["events/web.csv", "orders.parquet", "nps.csv"], "rows_in": [482100, 99441, 842],
     "rows_used": [482090, 99441, 780]}
)  # fmt: skip
CHECKS = pd.DataFrame({"check": ["ties", "after the cut-off"], "n": [12, 0], "of": [400, 400], "share": [0.03, 0.0]})
LONG = "a/very/long/path/that/goes/on/and/on/and/on/and/on/to/the/file.csv"


@pytest.mark.parametrize("table", [FILES, CHECKS, FILES.assign(file=LONG), pd.concat([FILES] * 9)])
def test_every_label_is_inside_and_apart(table):
    assert_readable(draw(table))


def test_used_and_set_aside_add_up_to_each_file():
    ax = draw(FILES)
    assert [bar.get_width() for bar in bars(ax, "used")] == pytest.approx([482090 / 482100, 1, 780 / 842])
    assert [bar.get_width() for bar in bars(ax, "aside")] == pytest.approx([10 / 482100, 62 / 842])


def test_a_tiny_share_does_not_read_as_nothing():
    assert texts_of(draw(FILES), "n") == ["10 (< 0.01%)", "0", "62 (7.4%)"]


def test_the_title_counts_rows_or_checks():
    assert draw(FILES).get_title(loc="left") == "582,311 of 582,383 rows used, 72 set aside"
    clean = FILES.assign(rows_used=FILES["rows_in"])
    assert draw(clean).get_title(loc="left") == "All 582,383 rows used, none set aside"
    assert draw(CHECKS).get_title(loc="left") == "1 of 2 checks concern some rows"


def test_a_file_without_rows_has_no_bar():
    assert bars(draw(FILES.assign(rows_in=0, rows_used=0)), "used") == []


def test_numbers_are_french(french):
    assert texts_of(draw(FILES), "of")[0] == "482\u202f100"


def test_nothing_to_draw_is_said_not_raised():
    assert drawn_texts(draw(FILES.head(0)))[0][0].get_text() == "No data to draw."
