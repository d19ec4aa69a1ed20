"""The documents hold: what they name exists, what they show runs, what they list is complete."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import tempfile
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted((DOCS / "analyses").glob("*.md"))
RECORDS = sorted((DOCS / "adr").glob("*.md"))
WRITTEN = [README, ROOT / "CHANGELOG.md", DOCS / "errors.md", *PAGES, *RECORDS]
ANALYSES = (
    "data_quality", "funnel", "time_to_event", "churn", "retention", "rolling_retention", "renewals",
    "customer_retention", "churn_prediction", "silence_threshold", "still_customers", "life_cycle",
    "repeat_purchases", "scores", "said_and_done", "score_then_done", "say_do_ledger", "score_worth",
    "score_hazard", "conversion_drivers", "segment_scan", "never_converters", "compare_scores",
    "score_trend", "invitation_mix", "score_drivers", "who_to_interview", "interview_codes", "nonresponse",
    "distinctive_words", "themes", "comments_by_meaning", "score_from_text", "journey_map", "repeat_events",
    "stage_times",
)  # fmt: skip

SECTIONS = ["Question", "What it cannot say", "Definition", "What is printed", "Method", "The trap it avoids",
            "How to call it"]  # fmt: skip

CODE = re.compile(r"\bCJ-[A-Z]+-?[0-9]+")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]+)[^)]*\)")

TEST_TOOLS = {"editables", "hatchling", "hypothesis", "import-linter", "nbval", "pytest", "pytest-cov", "pytest-xdist",
              "websocket-client"}  # fmt: skip
CONDA_NAME = {"duckdb": "python-duckdb", "ibis-framework": "ibis-duckdb", "matplotlib": "matplotlib-base"}
NOT_IN_CONDA = {"greenwood"}  # comes with `pip: -e .`


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(path.read_text(encoding="utf-8")) if kind == language]


def headings(path: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", FENCE.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)


# --- codes ---------------------------------------------------------------------------------------
def documented_codes() -> dict[str, list[str]]:
    rows = [line.strip("|").split("|") for line in (DOCS / "errors.md").read_text(encoding="utf-8").splitlines()
            if line.startswith("| `CJ-")]  # fmt: skip
    codes = [row[0].strip(" `") for row in rows]
    assert len(codes) == len(set(codes)), "a code is documented twice"
    return {code: [cell.strip() for cell in row[1:]] for code, row in zip(codes, rows, strict=True)}


def test_every_code_in_the_package_is_documented_and_every_documented_code_is_used():
    used = {code for path in (ROOT / "cjlib").rglob("*.py") for code in CODE.findall(path.read_text(encoding="utf-8"))}
    documented = set(documented_codes())
    assert used - documented == set(), "not in docs/errors.md"
    assert documented - used == set(), "in docs/errors.md only"


def test_every_documented_code_says_what_it_means_and_what_to_do():
    for code, cells in documented_codes().items():
        assert len(cells) == 2, code
        assert all(len(cell) > 10 for cell in cells), code


# --- names of packages ---------------------------------------------------------------------------
def bare(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower()


def bounds(requirement: str) -> str:
    return re.sub(r"^[A-Za-z0-9._-]+(\[[^\]]*\])?", "", requirement).replace(" ", "")


def test_environment_yml_names_what_pyproject_names():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + extras["lab"] + [one for one in extras["dev"] if bare(one) in TEST_TOOLS]
    assert {bare(one) for one in extras["dev"]} >= TEST_TOOLS
    expected = {CONDA_NAME.get(bare(one), bare(one)): bounds(one) for one in wanted if bare(one) not in NOT_IN_CONDA}
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    given = [one for one in environment["dependencies"] if isinstance(one, str)]
    assert {bare(one): bounds(one) for one in given} == {
        **expected, "python": project["requires-python"].replace(" ", ""), "pip": ""
    }  # fmt: skip


def test_environment_yml_has_only_the_keys_and_channels_allowed():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert set(environment) <= {"name", "channels", "dependencies", "variables"}
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert [one for one in environment["dependencies"] if isinstance(one, dict)] == [{"pip": ["-e ."]}]


def test_hooks_are_local_and_download_nothing():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    assert {hook["language"] for hook in hooks} == {"system"}
    for hook in hooks:
        program, *arguments = shlex.split(hook["entry"])
        assert program.startswith(".venv/bin/")
        assert all((ROOT / one).exists() for one in arguments if one.startswith("tests/")), hook["id"]


# --- what is written -----------------------------------------------------------------------------
@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_links_lead_somewhere_and_pictures_have_a_description(path):
    for picture, words, target in LINK.findall(path.read_text(encoding="utf-8")):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        if picture:
            assert len(words) >= 20, target
            if not (DOCS / "images").is_dir():  # pictures are made from rendered reports
                continue
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", [*WRITTEN, ROOT / "environment.yml", ROOT / ".pre-commit-config.yaml"], ids=name_of)
def test_no_path_of_a_machine_and_no_package_registry_is_written(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/(work|root|home|tmp|Users)/", text)
    assert not re.search(r"pypi\.|pythonhosted|index-url|registry\.npm|anaconda\.(org|com)", text)


def test_every_analysis_has_a_page_and_every_page_an_analysis():
    import cjlib

    assert {path.stem for path in PAGES} == set(ANALYSES)
    assert set(ANALYSES) <= set(cjlib.__all__)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_page_on_an_analysis_has_its_sections_limits_first_on_one_page(path):
    title, *sections = headings(path)
    assert title == path.stem
    assert sections == SECTIONS
    assert len(path.read_text(encoding="utf-8").split()) <= 750


def test_records_are_numbered_without_a_gap_and_name_context_decision_consequences_and_what_was_rejected():
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))
    for path in RECORDS:
        _, *sections = headings(path)
        assert sections == ["Context", "Decision", "Consequences", "Rejected"], path.name
        assert len(path.read_text(encoding="utf-8").split()) <= 600, path.name


def test_the_changelog_names_the_version_of_the_package():
    import cjlib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == cjlib.__version__
    assert f"## [{cjlib.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_walk_through_leads_from_two_exports_to_answers(tmp_path, monkeypatch):
    import cjlib
    from cjlib.sources.draft import draft_study

    (first, *_), (questions,) = (
        [line for line in commands(README) if line[:2] == ["cj", "init"]],
        blocks(README, "yaml"),
    )
    files = [Path(word) for word in first[2:] if word.endswith(".csv")]
    monkeypatch.chdir(ROOT)
    draft = draft_study(files, beside=tmp_path)
    assert draft.count("zone: &zone CHOOSE") == 1
    answered = re.sub("&zone CHOOSE", "&zone Europe/Paris", draft)
    assert not re.search(r": CHOOSE", answered)
    tolerated = re.sub(r"(    - path: \"web.csv\".*\n)", r"\1      error_budget: 2\n", answered)
    study = tmp_path / "mine.yml"
    study.write_text(answered + questions, encoding="utf-8")
    with pytest.raises(cjlib.SchemaError, match=r"00/00/0000.*31/06/2026"):
        cjlib.open_study(study, cache=tmp_path / "cache")
    study.write_text(tolerated + questions, encoding="utf-8")
    opened = cjlib.open_study(study, cache=tmp_path / "cache")
    asked = opened.spec.funnels[0]
    assert cjlib.funnel(opened.events, steps=asked.steps, window=asked.window).kpi("entered").estimate > 1000
    assert opened.responses.all_invitations_known


# --- what is shown -------------------------------------------------------------------------------
def commands(path: Path) -> list[list[str]]:
    lines = [line for body in blocks(path, "sh") for line in body.replace("\\\n", " ").splitlines()]
    found = [shlex.split(line, comments=True) for line in lines]
    return [[words[0].removeprefix(".venv/bin/"), *words[1:]] for words in found if words]


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_every_command_shown_exists_with_its_options(path):
    import typer

    from cjlib.cli import app

    known = typer.main.get_command(app).commands
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for program, *rest in commands(path):
        assert program in {"cj", "make", "python3", "python", "conda", "papermill", "jupyter"}, program
        if program == "make":
            assert rest[0] in targets, rest
        if program == "cj":
            assert rest[0] in known, rest
            options = {option for one in known[rest[0]].params for option in one.opts} | {"--help"}
            assert {word for word in rest if word.startswith("--")} <= options, rest


SHOWN = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)

REFRESHED = "```python\n{}```\n\n```text\n{}```\n"


def examples() -> list[tuple[str, str]]:
    """Python blocks of a document, each with the text block that follows it, if one does."""
    found = []
    for path in WRITTEN:
        for body, shown in SHOWN.findall(path.read_text(encoding="utf-8")):
            found.append(pytest.param(body, shown, id=f"{path.stem}-{len(found)}"))
    return found


def printed(body: str) -> str:
    """What a block prints, in English, from the top of the repository."""
    from cjlib.core.text import using

    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.chdir(ROOT), using("en"):
        exec(compile(body, "example", "exec"), {"__name__": "example"})
    return out.getvalue()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("docs") / "cache"


@pytest.mark.parametrize(("body", "shown"), examples())
def test_every_python_block_runs_and_prints_what_the_text_says(body, shown, cache, monkeypatch):
    monkeypatch.setenv("CJLIB_CACHE", str(cache))
    monkeypatch.setenv("CJ_KEY", "a key for the documents only")
    got = printed(body)
    assert not shown or got == shown


if __name__ == "__main__":  # after a change on purpose: python tests/architecture/test_docs.py
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"CJLIB_CACHE": f"{folder}/cache", "CJ_KEY": "a key for the documents only"}
        for page in PAGES:
            text = page.read_text(encoding="utf-8")
            page.write_text(SHOWN.sub(lambda m: REFRESHED.format(m[1], printed(m[1])), text), encoding="utf-8")


# --- pictures of the traps -----------------------------------------------------------------------
def test_pages_on_time_and_leaving_show_their_trap_in_a_picture():
    from tools.pictures import FOLDER, PICTURES

    assert {path.stem for path in FOLDER.glob("*.svg")} == set(PICTURES)
    for name in PICTURES:
        page = (DOCS / "analyses" / f"{name}.md").read_text(encoding="utf-8")
        trap = page.partition("## The trap it avoids")[2].partition("\n## ")[0]
        assert f"(../images/trap/{name}.svg)" in trap, name


def test_a_picture_is_drawn_again_byte_by_byte():
    from cjlib.core.svg import to_svg
    from tools.pictures import FOLDER, PICTURES

    drawn = to_svg(PICTURES["customer_retention"]())
    assert (FOLDER / "customer_retention.svg").read_text(encoding="utf-8") == drawn + "\n"
