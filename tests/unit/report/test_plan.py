"""What is refused before a kernel starts, and what the reports are called."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cjlib.core.errors import ParameterError
from cjlib.report.plan import plan, slug

FULL = (
    'study: str = ""\ndata: str = ""\nlang: str = ""\nwhere: str = ""\nrun_id: str = ""\n'
    "window_days: int = 30  # days (1-365)\n"
)


@pytest.fixture
def lay(place):
    place.write("20_funnel", parameters=FULL)
    place.write("30_time", parameters=FULL.replace("window_days", "horizon_days"))

    def lay(**options):
        return plan(place.study, notebooks_dir=place.notebooks, out=place.out, **options)

    return lay


def test_every_notebook_is_a_job_with_its_defaults(lay):
    batch = lay()
    assert [job.slug for job in batch.jobs] == ["20-funnel", "30-time"]
    assert batch.jobs[0].parameters == {
        "study": "demo.yml", "data": "", "lang": "", "where": "", "window_days": 30,
    }  # fmt: skip
    assert batch.study == "demo"


def test_values_of_a_column_and_languages_multiply(lay):
    batch = lay(only=["funnel"], by="persona", by_values=["Élise", "Elise", "日本"], lang=["en", "fr"])
    assert [job.slug for job in batch.jobs[:2]] == ["20-funnel-elise-en", "20-funnel-elise-fr"]
    assert len({job.slug for job in batch.jobs}) == 6
    assert batch.jobs[2].given["where"] == "persona=Elise"
    assert batch.jobs[1].given["lang"] == "fr"


def test_a_set_value_goes_to_the_notebooks_that_declare_it(lay):
    first, second = lay(sets={"window_days": "7"}).jobs
    assert first.parameters["window_days"] == 7
    assert "window_days" not in second.parameters


def test_paths_are_passed_relative_to_the_working_folder(lay, place):
    batch = plan(place.study.resolve(), notebooks_dir=place.notebooks, out=place.out, data=place.root / "data" / "x")
    assert (batch.jobs[0].given["study"], batch.jobs[0].given["data"]) == ("demo.yml", "data/x")


REFUSED = {
    "a misspelt parameter": ({"sets": {"windw_days": "7"}}, "CJ-RP-003", "Did you mean 'window_days'"),
    "a wrong type": ({"sets": {"window_days": "x"}}, "CJ-RP-004", "20_funnel: window_days='x'"),
    "out of range": ({"sets": {"window_days": "0"}}, "CJ-RP-004", "1 to 365"),
    "an injection": ({"sets": {"x=1;import os": "1"}}, "CJ-RP-003", "there is no parameter"),
    "the run id": ({"sets": {"run_id": "1"}}, "CJ-RP-005", "run_id cannot be set"),
    "an option": ({"sets": {"data": "x"}}, "CJ-RP-005", "it is given by --data"),
    "where beside --by": ({"sets": {"where": "a=b"}, "by": "a", "by_values": ["b"]}, "CJ-RP-005", "--by"),
    "a misspelt notebook": ({"only": ["20_funel"]}, "CJ-RP-001", "Did you mean '20_funnel'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_request_is_refused(name, lay):
    options, code, message = REFUSED[name]
    with pytest.raises(ParameterError, match=re.escape(message)) as caught:
        lay(**options)
    assert caught.value.code == code


def test_a_study_a_folder_or_a_notebook_that_is_not_there_is_refused(lay, place):
    with pytest.raises(ParameterError, match="no study file"):
        plan("none.yml", notebooks_dir=place.notebooks, out=place.out)
    with pytest.raises(ParameterError, match="no notebooks in"):
        plan(place.study, notebooks_dir=place.root, out=place.out)
    (place.notebooks / "40_broken.ipynb").write_text("{}")
    with pytest.raises(ParameterError, match=r"40_broken\.ipynb is not a notebook") as caught:
        lay()
    assert caught.value.code == "CJ-RP-002"


def test_a_notebook_that_cannot_be_checked_for_its_end_is_refused(lay, place):
    place.write("50_short", parameters='study: str = ""')
    with pytest.raises(ParameterError, match="50_short: its parameters cell does not declare run_id"):
        lay()


def test_outputs_stored_in_a_notebook_are_not_taken_over(lay, place):
    import nbformat

    path = place.notebooks / "20_funnel.ipynb"
    stored = nbformat.read(path, as_version=4)
    stored.cells[-1].outputs = [nbformat.v4.new_output("stream", text="old")]
    nbformat.write(stored, path)
    assert lay().jobs[0].notebook.cells[-1].outputs == []


@given(some.lists(some.text(), unique=True, max_size=8))
def test_folder_names_are_safe_and_never_collide(values):
    taken = set()
    for value in filter(None, values):
        made = slug("20_funnel", value, taken=taken)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", made)
        assert len(made) < 100
        assert made not in taken
        taken.add(made)
