"""The index of a batch, read by a parser."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from cjlib.report import index
from tests.browser import samples


def page(*jobs: dict, folder: Path = Path("nowhere"), **changes: object) -> BeautifulSoup:
    return BeautifulSoup(index.render({**samples.manifest(*jobs), **changes}, folder), "html.parser")


def text(node: Tag | None) -> str:
    return " ".join(node.get_text(" ").split()) if node else ""


def test_failed_comes_first_then_partial_then_completed_by_language() -> None:
    soup = page()
    assert [text(node) for node in soup.select("main h3")] == [
        "Report bad", "Report half", "Report good", "Où les clients partent-ils ?",
    ]  # fmt: skip
    assert [text(node) for node in soup.select(".cj-group h2")] == [
        "Needs attention", "English 1 report", "Français 1 report",
    ]  # fmt: skip


def test_a_row_shows_status_figures_with_interval_warnings_parameters_and_time() -> None:
    row = text(page(samples.job("good")).select_one(".cj-row"))
    for part in ("Report good", "where persona=Camille", "window_days 30", "8.2%", "95 % CI 7.7% to 8.7%",
                 "n = 12,000", "Completed", "2 cautions", "3.2 s"):  # fmt: skip
        assert part in row
    assert "study" not in row


def test_a_failed_row_says_why_where_and_offers_the_older_good_page(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "report.html").touch()
    job = samples.job("bad", "failed", kpis=[], reason="No column “x” in /home/ana/a.csv", failed_cell=6,
                      page="bad/failed.html", previous="bad/report.html")  # fmt: skip
    soup = page(job, folder=tmp_path)
    assert text(soup.select_one(".cj-why")) == "No column “x” in …/a.csv (cell 6 of the notebook)"
    assert [a["href"] for a in soup.select(".cj-row a")] == ["bad/failed.html", "bad/report.html"]
    assert [a["href"] for a in page(job).select(".cj-row a")] == ["bad/failed.html"]


def test_the_head_counts_what_is_urgent_first() -> None:
    assert [text(node) for node in page().select(".cj-sum span")] == [
        "4 reports", "1 failed", "1 partial", "2 completed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "word"), [("planned", "Not run yet"), ("interrupted", "Interrupted"), ("running", "Running")]
)
def test_what_was_not_run_to_its_end_needs_attention(status: str, word: str) -> None:
    row = page(samples.job("x", status, page="", kpis=[])).select_one(".cj-row")
    assert (row["data-urgent"], text(row.select_one(".cj-status")), row.select("a")) == ("yes", word, [])


def test_several_studies_have_their_own_groups() -> None:
    soup = page(samples.job("a", study="demo"), samples.job("b", study="olist"), samples.job("c", study="demo"))
    assert [text(node) for node in soup.select(".cj-group h2")] == [
        "demo · English 2 reports",
        "olist · English 1 report",
    ]


def test_reports_of_an_earlier_batch_say_so() -> None:
    assert "from an earlier batch" in text(page(samples.job("a", current=False)).select_one(".cj-row"))
    assert "from an earlier batch" in text(page(samples.job("a", stale=True)).select_one(".cj-row"))


def test_files_are_listed_with_fingerprints_and_the_manifest_is_linked() -> None:
    soup = page()
    assert samples.HASHES[0] in text(soup.select_one(".cj-foot table"))
    assert soup.select_one('a[href="manifest.json"]') is not None


def test_an_empty_batch_says_what_to_do() -> None:
    soup = BeautifulSoup(index.render({}, Path()), "html.parser")
    assert "No report yet" in text(soup.main)
    assert soup.select("#filter") == []


@pytest.mark.parametrize(
    ("jobs", "lang"), [([], "en"), ([{"lang": "fr"}], "fr"), ([{"lang": "fr"}, {"lang": "en"}], "en")]
)
def test_the_page_speaks_the_language_that_all_reports_share(jobs: list[dict], lang: str) -> None:
    assert BeautifulSoup(index.render({"jobs": jobs}, Path()), "html.parser").html["lang"] == lang
    assert BeautifulSoup(index.render({"jobs": jobs, "lang": "fr"}, Path()), "html.parser").html["lang"] == "fr"


@pytest.mark.parametrize("href", ["javascript:x()", "https://example.org", "//example.org", "/etc/passwd", "..\\x"])
def test_a_page_elsewhere_is_not_linked(href: str) -> None:
    assert page(samples.job("a", page=href)).select(".cj-row a") == []


def test_two_hundred_reports_stay_within_the_budget_and_one_h1() -> None:
    html = index.render(samples.manifest(*[samples.job(f"report-{n}") for n in range(200)]), Path())
    assert len(html.encode()) < 60_000 + 2_000 * 200
    soup = BeautifulSoup(html, "html.parser")
    assert len(soup.find_all("h1")) == 1
    assert all(head.get("scope") for head in soup.find_all("th"))


def test_the_same_manifest_gives_the_same_bytes() -> None:
    assert index.render(samples.manifest(), Path()) == index.render(samples.manifest(), Path())
