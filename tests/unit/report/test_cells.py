"""Reading executed notebooks."""

from __future__ import annotations

import nbformat
import pytest

from cjlib.core import result
from cjlib.report import cells
from cjlib.report.context import MIME
from tests.unit.report.tiny import cell


def shown(block, source="1", *tags):
    made = cell(source, *tags)
    made.outputs = [nbformat.v4.new_output("display_data", {MIME: block, "text/plain": "x"})]
    return made


def failed(name, value, source="1/0"):
    made = cell(source)
    made.outputs = [nbformat.v4.new_output("error", ename=name, evalue=value, traceback=[])]
    return made


def of(*made):
    return nbformat.v4.new_notebook(cells=list(made))


FINISH = {"block": "finish", "run_id": "r1", "n_results": 0}


def test_the_type_of_our_blocks_is_the_same_on_both_sides():
    assert result.MIME == MIME


@pytest.mark.parametrize(
    ("made", "is_finished"),
    [
        (of(cell("1"), shown(FINISH)), True),
        (of(shown(FINISH), cell("1")), False),
        (of(shown(FINISH | {"run_id": "r0"})), False),
        (of(shown(FINISH), cell("  ")), True),
        (of(shown(FINISH), nbformat.v4.new_markdown_cell("end")), True),
        (of(shown({"block": "result"})), False),
        (of(), False),
    ],
    ids=["last", "not last", "other run", "empty cell after", "text after", "other block", "no cells"],
)
def test_the_end_is_reached_if_the_last_code_cell_says_so_for_this_run(made, is_finished):
    assert cells.finished(made, "r1") is is_finished


def test_cells_are_counted_without_the_injected_one():
    made = of(cell("a: int = 1", "parameters"), cell("a = 2", "injected-parameters"), cell(""), failed("KeyError", "x"))
    assert cells.error(made) == cells.CellError(2, "KeyError", "x")
    assert [cells.number_of(made, position) for position in range(-1, 4)] == [0, 1, 1, 1, 2]


def test_colours_of_the_terminal_are_taken_out_of_messages():
    assert cells.error(of(failed("E", "\x1b[31mred\x1b[0m"))).message == "red"


def test_titles_come_from_the_start_block_then_the_heading_then_the_name():
    heading = nbformat.v4.new_markdown_cell("\n# Where do they leave?\nFor the shop.")
    assert cells.title(of(heading, shown({"block": "start", "title": "Given"}))) == "Given"
    assert cells.title(of(heading, shown({"block": "start", "title": ""}))) == "Where do they leave?"
    assert cells.title(of(cell("# not a heading")), "20_funnel") == "20_funnel"


def test_key_figures_come_from_tagged_cells_and_notes_from_all():
    def block(label, severity):
        return {
            "block": "result",
            "card": {"kpis": [{"label": label}], "notes": [{"severity": severity}]},
            "result": {"n": 1},
        }

    made = of(shown(block("a", "info"), "1", "kpi"), shown(block("b", "caution")))
    assert cells.kpis(made) == [{"label": "a", "about": ""}]
    assert cells.notes(made) == {"info": 1, "caution": 1, "limit": 0}
    assert cells.is_partial(made) is False
    assert cells.is_partial(of(shown(block("c", "limit")))) is True
    assert cells.is_partial(of(shown({"block": "missing"}))) is True
    assert cells.is_partial(of(shown({"block": "missing", "asked": False}))) is False


def test_what_others_put_under_our_type_is_ignored():
    made = of(shown("text"), shown(["list"]), shown({"no": "block"}))
    assert cells.blocks(made, "result") == []
    assert cells.start(made) == {}
