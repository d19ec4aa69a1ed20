"""What a batch leaves behind, whatever its notebooks do."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cjlib.core.errors import EnvironmentProblem
from cjlib.report import manifest, publish
from cjlib.report.runner import plan, run
from tests.unit.report.tiny import FINISH, cell

pytestmark = pytest.mark.usefixtures("plain_pages")
KILL = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture
def go(place, zygote):
    def go(*, deadline_s=60.0, workers=2, progress=None, keep=False, **options):
        batch = plan(place.study, notebooks_dir=place.notebooks, out=place.out, **options)
        return run(batch, workers=workers, deadline_s=deadline_s, progress=progress, keep=keep, zygote=zygote)

    return go


def job(outcome, slug):
    return next(job for job in outcome.manifest["jobs"] if job["slug"] == slug)


def test_a_good_notebook_becomes_a_published_report(place, go):
    place.write("20_funnel", "1 + 1")
    outcome = go()
    assert outcome.exit_code == 0
    assert (place.out / "20-funnel" / "report.html").read_text() == "completed|Does it run?|en|None|"
    assert (place.out / "index.html").read_text() == "20-funnel completed"
    assert sorted(path.name for path in (place.out / "20-funnel").iterdir()) == [
        "manifest.json", "report.html", "results.json",
    ]  # fmt: skip


FAULTS = {
    "an exception": ("raise ValueError('no such stage')", "", "error", 4, r"Cell 4 raised ValueError: no such stage"),
    "a kernel killed in the middle": (KILL, "", "kernel_died", 4, r"cell 4 \(SIGKILL\)"),
    "a kernel killed in the last cell": ("1", "FINISH; " + KILL, "kernel_died", 5, r"cell 5 \(SIGKILL\)"),
    "a segmentation fault": (KILL.replace("SIGKILL", "SIGSEGV"), "", "kernel_died", 4, "SIGSEGV"),
    "os._exit(0)": ("import os; os._exit(0)", "", "kernel_died", 4, r"ended itself in cell 4 \(exit code 0\)"),
    "sys.exit(0)": ("import sys; sys.exit(0)", "", "incomplete", 4, "before its last cell"),
    "no sentinel": ("1", "1", "incomplete", 5, "page.finish"),
    "the sentinel of another run": ("run_id = 'older'", "", "incomplete", 5, "page.finish"),
    "an endless cell": ("import time\nwhile True: time.sleep(0.1)", "", "timeout", 4, "within 2 s; stopped in cell 4"),
    "an endless cell that ignores interrupts": (
        "import time\nwhile True:\n    try:\n        time.sleep(1)\n    except BaseException:\n        pass",
        "", "timeout", 4, "within 2 s",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_and_the_rest_of_the_batch_finishes(name, place, go):
    source, last, failure, cell, reason = FAULTS[name]
    place.write("10_bad", "1", source, last=last.replace("FINISH", FINISH) or FINISH)
    place.write("20_good", "1")
    outcome = go(deadline_s=2.0 if "endless" in name else 60.0)
    assert outcome.exit_code == 1
    bad = job(outcome, "10-bad")
    assert (bad["status"], bad["failure"]) == ("failed", failure)
    assert bad["failed_cell"] == cell
    assert re.search(reason, bad["reason"])
    assert bad["page"] == "10-bad/failed.html"
    assert (place.out / "10-bad" / "failed.html").read_text().startswith("failed|")
    assert not (place.out / "10-bad" / "report.html").exists()
    assert job(outcome, "20-good")["status"] == "completed"


def test_the_old_report_stays_when_the_new_one_fails_and_the_failure_goes_when_it_works_again(place, go):
    place.write("10_a", "1", title="# First")
    go()
    good = {path.name: path.read_bytes() for path in (place.out / "10-a").iterdir()}
    place.write("10_a", "1/0")
    outcome = go()
    assert job(outcome, "10-a")["previous"] == "10-a/report.html"
    after = {path.name: path.read_bytes() for path in (place.out / "10-a").iterdir()}
    assert {name: after[name] for name in good} == good
    assert "ZeroDivisionError" in after["failed.html"].decode()
    place.write("10_a", "1", title="# Third")
    assert job(go(), "10-a")["previous"] == ""
    assert not (place.out / "10-a" / "failed.html").exists()
    assert "Third" in (place.out / "10-a" / "report.html").read_text()


def test_a_missing_answer_or_a_limit_makes_a_report_partial(place, go):
    missing = 'show({MIME: {"block": "missing", "what": "w", "why": "y", "next": ""}})'
    limit = 'show({MIME: {"block": "result", "card": {"notes": [{"severity": "limit"}]}, "result": {}}})'
    place.write("10_missing", missing)
    place.write("20_limit", limit)
    outcome = go()
    assert outcome.exit_code == 0
    assert [one["status"] for one in outcome.manifest["jobs"]] == ["partial", "partial"]


def test_results_and_key_figures_are_collected_as_strict_json(place, go):
    kpi = '{"label": "Rate", "value": "12 %", "interval": "10 to 14 %", "n": "n = 40", "definition": ""}'
    shown = 'show({MIME: {"block": "result", "card": {"kpis": [KPI], "notes": []}, "result": {"x": None}}})'
    place.write("10_a", cell(shown.replace("KPI", kpi), "kpi"), shown.replace("KPI", kpi.replace("Rate", "Other")))
    outcome = go()

    def refuse(word):
        raise AssertionError(word)

    written = json.loads((place.out / "10-a" / "results.json").read_text(), parse_constant=refuse)
    assert written["results"] == [{"x": None}, {"x": None}]
    assert [kpi["label"] for kpi in job(outcome, "10-a")["kpis"]] == ["Rate"]
    assert job(outcome, "10-a")["n_results"] == 2


def test_parameters_reach_the_notebook_byte_for_byte(place, go):
    declared = 'study: str = ""\nrun_id: str = ""\nname: str = ""\nn: int = 1\nflags: list[bool] = []\n'
    source = "assert (name, n, flags) == ('01000 \\\\ \"\\n é', 7, [True]), (name, n, flags)"
    place.write("10_a", source, parameters=declared)
    outcome = go(sets={"name": '01000 \\ "\n é', "n": "7", "flags": "true"})
    assert outcome.exit_code == 0, job(outcome, "10-a")["reason"]
    assert job(outcome, "10-a")["parameters"] == {
        "study": "demo.yml", "name": '01000 \\ "\n é', "n": 7, "flags": [True],
    }  # fmt: skip


def test_figures_appear_and_the_environment_is_fixed(place, go):
    place.write(
        "10_a",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        "import os, time, pathlib\n"
        "assert (os.environ['TZ'], time.tzname[0], os.environ['PYTHONHASHSEED']) == ('UTC', 'UTC', '0')\n"
        "assert pathlib.Path('demo.yml').exists()",
    )
    outcome = go(keep=True)
    assert outcome.exit_code == 0, job(outcome, "10-a")["reason"]
    (kept,) = (place.out / ".runs").glob("*/10-a.ipynb")
    outputs = [output for cell in json.loads(kept.read_text())["cells"] for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)


def test_files_are_private_or_for_the_group_and_executed_notebooks_do_not_stay(place, go):
    place.write("10_a", "1")
    outcome = go()
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in place.out.rglob("*")}
    assert modes[place.out / "10-a"] == 0o750
    assert {modes[path] for path in modes if path.is_file() and ".runs" not in path.parts} == {0o640}
    assert modes[place.out / ".runs"] == 0o700
    assert [path.name for path in (place.out / ".runs").iterdir()] == ["lock"]
    assert outcome.index == place.out / "index.html"


def test_a_failed_run_keeps_its_notebook_in_a_private_folder_until_the_next_batch(place, go):
    place.write("10_a", "1/0")
    go()
    (folder,) = (path for path in (place.out / ".runs").iterdir() if path.is_dir())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / "10-a.ipynb").exists()
    place.write("10_a", "1")
    go()
    assert not folder.exists()


def test_the_manifest_is_there_before_the_first_kernel_and_holds_every_job(place, go):
    place.write("10_a", f"import json, shutil; shutil.copy({str(place.out / 'manifest.json')!r}, 'seen.json')")
    place.write("20_b", "1")
    go(workers=1)
    seen = json.loads((place.root / "seen.json").read_text())
    assert seen["status"] == "running"
    assert [(one["slug"], one["status"]) for one in seen["jobs"]] == [("10-a", "planned"), ("20-b", "planned")]


def test_two_runs_of_the_same_thing_differ_in_the_volatile_part_only(place, go):
    place.write("10_a", "1")
    first, second = go().manifest, go().manifest
    for content in (first, second):
        del content["volatile"]
    for one in first["jobs"]:
        one["previous"] = ""
    assert first == second


def test_the_order_of_the_plan_decides_whose_study_title_the_batch_bears(place, go):
    start = 'show({MIME: {"block": "start", "study": "NAME", "provenance": {"files": [{"path": "NAME.csv"}]}}})'
    place.write("10_slow", "import time; time.sleep(1)", start.replace("NAME", "first"))
    place.write("20_quick", start.replace("NAME", "second"))
    content = go().manifest
    assert content["title"] == "first"
    assert [file["path"] for file in content["data"]] == ["first.csv", "second.csv"]


def test_no_path_and_no_user_name_enters_the_manifest(place, go):
    place.write("10_a", f"open({str(place.root / 'no' / 'file.csv')!r})")
    outcome = go()
    text = (place.out / "manifest.json").read_text()
    assert "no/file.csv" in job(outcome, "10-a")["reason"]
    assert str(place.root) not in text
    assert str(Path.home()) not in text


def test_reports_of_earlier_batches_keep_their_card_while_their_page_stands(place, go):
    place.write("10_a", "1")
    place.write("20_b", "1")
    go()
    outcome = go(only=["20_b"])
    assert [(one["slug"], one["current"]) for one in outcome.manifest["jobs"]] == [("20-b", True), ("10-a", False)]
    assert "10-a" in outcome.manifest["volatile"]["jobs"]
    (place.out / "10-a" / "report.html").unlink()
    assert [one["slug"] for one in go(only=["20_b"]).manifest["jobs"]] == ["20-b"]


def test_progress_is_told_for_every_job(place, go):
    place.write("10_a", "1")
    place.write("20_b", "1/0")
    told = []
    go(progress=told.append)
    assert sorted(one.slug for one in told) == ["10-a", "20-b"]
    assert [(one.done, one.total) for one in told] == [(1, 2), (2, 2)]
    assert next(one for one in told if one.slug == "20-b").reason.startswith("Cell 3 raised ZeroDivisionError")


def test_a_page_that_cannot_be_rendered_costs_only_itself(place, go, monkeypatch):
    import cjlib.report

    def render(notebook, context):
        if context.slug == "10-a":
            raise KeyError("card")
        return "fine"

    monkeypatch.setattr(cjlib.report.exporter, "render", render)
    place.write("10_a", "1")
    place.write("20_b", "1")
    outcome = go()
    assert outcome.exit_code == 1
    assert (job(outcome, "10-a")["failure"], job(outcome, "20-b")["status"]) == ("render", "completed")


def test_a_second_batch_in_the_same_folder_is_refused_with_the_process_that_holds_it(place, go):
    place.write("10_a", "1")
    publish.prepare(place.out)
    with publish.lock(place.out), pytest.raises(EnvironmentProblem, match=rf"process {os.getpid()}\)") as caught:
        go()
    assert caught.value.code == "CJ-RP-010"
    assert not (place.out / "manifest.json").exists()
    assert go().exit_code == 0


SCRIPT = """
import sys
from types import SimpleNamespace
import cjlib.report
for name, function in (("exporter", lambda nb, c: c.status), ("index", lambda m, f: m["status"])):
    module = SimpleNamespace(render=function, __spec__=None)
    sys.modules["cjlib.report." + name] = module
    setattr(cjlib.report, name, module)
from cjlib.report.runner import plan, run
from cjlib.report.zygote import Zygote
with Zygote(modules=["ipykernel.kernelapp"]) as zygote:
    batch = plan("demo.yml", notebooks_dir="notebooks", out="out")
    sys.exit(run(batch, workers=2, zygote=zygote).exit_code)
"""
ENDLESS = "import os, pathlib, time\npathlib.Path(f'pid-{os.getpid()}').touch()\nwhile True: time.sleep(0.1)"


def wait_for(condition, seconds=60.0):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def begin(place):
    place.write("10_good", "1")
    place.write("20_endless", ENDLESS)
    place.write("30_endless", ENDLESS)
    place.write("40_never", "1")
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], start_new_session=True)
    wait_for(lambda: len(list(place.root.glob("pid-*"))) == 2 or process.poll() is not None)
    assert process.returncode is None
    return process, [int(path.name[4:]) for path in place.root.glob("pid-*")]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for left-over processes in /proc")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_batch_says_so_and_leaves_no_process(name, place):
    process, kernels = begin(place)
    os.killpg(process.pid, getattr(signal, name))
    assert process.wait(timeout=20) == 130
    wait_for(lambda: not any(map(alive, kernels)), 10)
    content = manifest.load(place.out)
    assert content["status"] == "interrupted"
    assert [one["status"] for one in content["jobs"]] == ["completed", *["interrupted"] * 3]
    assert (place.out / "index.html").read_text() == "interrupted"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for left-over processes in /proc")
def test_a_killed_runner_leaves_no_process_and_the_next_batch_starts(place, go):
    process, kernels = begin(place)
    process.kill()
    process.wait()
    wait_for(lambda: not any(map(alive, kernels)), 10)
    assert manifest.load(place.out)["status"] == "running"
    assert go(only=["10_good"]).exit_code == 0


def test_no_descriptor_is_left_open_by_a_batch(place, go):
    for number in range(4):
        place.write(f"{number}0_a", "1")
    go()
    before = len(list(Path("/proc/self/fd").iterdir()))
    go()
    go()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


def test_a_folder_that_cannot_be_written_is_refused_at_once(place, go):
    place.write("10_a", "1")
    place.out.write_text("a file stands here")
    with pytest.raises(EnvironmentProblem, match="cannot be written") as caught:
        go()
    assert caught.value.code == "CJ-RP-011"
