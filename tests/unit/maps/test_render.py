"""The drawn map: lanes, numbers in place, gaps that say so, alt text from the numbers."""

from __future__ import annotations

import math

import pytest
from bs4 import BeautifulSoup, Tag

from cjlib.core.text import using
from cjlib.maps.render import render_map
from tests.browser import samples


def drawn(*stages: dict, **options: object) -> BeautifulSoup:
    return BeautifulSoup(render_map(samples.journey_map(*stages), sheet=False, **options), "html.parser")


def text(node: Tag | None) -> str:
    return " ".join(node.get_text(" ").split()) if node else ""


def lanes(stage: Tag) -> dict[str, str]:
    return {text(cell.select_one(".lab")): text(cell) for cell in stage.select(".cell") if cell.select_one(".lab")}


def points(line: Tag) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split(","))) for pair in line["points"].split()]


def test_every_lane_of_a_measured_stage_shows_its_numbers() -> None:
    lane = lanes(drawn().select_one(".stage"))
    assert list(lane) == [
        "What customers do", "Touchpoints", "Channels", "Emotion", "Pain points", "Opportunities", "Figures",
    ]  # fmt: skip
    assert "Product page (owned) 54%" in lane["Touchpoints"]
    assert "Social ad (paid) 31%" in lane["Touchpoints"]
    assert "95 % CI 3.4 to 3.8 , n = 212 , target 3.8" in lane["Emotion"]
    assert "Fees shown late 96 mentions “I find 9 € of fees at the last click.”" in lane["Pain points"]
    assert "Show the fees early Shop, strong effect" in lane["Opportunities"]
    assert "41.9%" in lane["Figures"]
    assert "40.8% to 43.0%" in lane["Figures"]
    assert "3.4 days" in lane["Figures"]
    assert "NPS −8" in lane["Figures"]


def test_a_lane_without_data_says_so_and_is_never_blank() -> None:
    lane = lanes(drawn().select(".stage")[3])
    for name in ("What customers do", "Touchpoints", "Channels", "Emotion"):
        assert lane[name] == f"{name} not measured"
    assert lane["Pain points"] == "Pain points none found"
    assert lane["Figures"].count("not measured") == 3


@pytest.mark.parametrize(
    ("evidence", "filled", "word"),
    [("measured", 3, "measured"), ("partial", 2, "partial"), ("hypothesis", 1, "hypothesis"), ("?", 0, "not graded")],
)
def test_evidence_is_graded_in_dots_and_a_word(evidence: str, filled: int, word: str) -> None:
    head = drawn(samples.stage("A", evidence=evidence)).select_one(".stage .name")
    assert len(head.select("circle.on")) == filled
    assert text(head.select_one(".grade")) == word


@pytest.mark.parametrize(
    ("mean", "tone", "word"),
    [(3.4, "good", "positive"), (3.39, "mixed", "mixed"), (2.5, "mixed", "mixed"), (2.49, "bad", "negative")],
)
def test_the_face_has_a_word_and_the_tone_of_its_score(mean: float, tone: str, word: str) -> None:
    face = drawn(samples.stage("A", emotion=samples.emotion(mean))).select_one(".face")
    assert tone in face.svg["class"]
    assert text(face).endswith(word)


def test_pain_points_are_framed_below_the_threshold_of_emotion() -> None:
    assert [bool(stage.select(".trouble")) for stage in drawn().select(".stage")] == [False, True, False, False]


@pytest.mark.parametrize(("n", "flagged"), [(49, True), (50, False)])
def test_few_answers_are_flagged(n: int, flagged: bool) -> None:
    cell = drawn(samples.stage("A", emotion=samples.emotion(3.0, n))).select_one(".emo")
    assert ("(low)" in text(cell)) is flagged
    assert bool(cell.select(".flag")) is flagged


def test_the_line_is_straight_through_the_means_and_breaks_where_nothing_was_measured() -> None:
    made = [
        samples.stage("A"),
        samples.stage("B", emotion=samples.emotion(5.0)),
        samples.stage("C", emotion=None),
        samples.stage("D", emotion=samples.emotion(1.0)),
        samples.stage("E", emotion=samples.emotion(3.0)),
    ]
    lines = [points(line) for line in drawn(*made).select(".lane polyline.mean")]
    assert lines == [[(100.0, 67.8), (300.0, 30.0)], [(700.0, 138.0), (900.0, 84.0)]]
    assert len(drawn(*made).select(".lane polygon.band")) == 2


def test_the_band_holds_the_interval_and_the_target_its_own_dashed_line() -> None:
    soup = drawn(
        samples.stage("A", emotion=samples.emotion(3, target=4)),
        samples.stage("B", emotion=samples.emotion(3, target=5)),
    )
    assert points(soup.select_one(".lane polygon")) == [(100, 78.6), (300, 78.6), (300, 89.4), (100, 89.4)]
    assert points(soup.select_one(".lane polyline.goal")) == [(100, 57), (300, 30)]
    without = drawn(*[samples.stage(name, emotion=samples.emotion(3, target=None)) for name in "AB"])
    assert without.select(".lane .goal, .key .goal") == []


def test_the_drawing_is_described_from_its_numbers() -> None:
    said = drawn().select_one(".lane svg")["aria-label"]
    assert said.startswith("Emotion over 4 stages. Awareness: 3.6 positive, 95 % CI 3.4 to 3.8, n = 212, target 3.8; ")
    assert said.endswith("n = 31 (low), target 3.8; Loyalty: not measured.")


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ({"median_days": "inf"}, "Median time not reached"),
        ({"median_days": math.inf}, "Median time not reached"),
        ({"median_days": math.nan}, "Median time not measured"),
        ({"passage": 0.0, "passage_low": 0.0, "passage_high": 0.1}, "Passage 0.0% 0.0% to 10.0%"),
        ({"score": 4.5, "score_kind": "CSAT"}, "CSAT 4.5"),
        ({"score": 0, "score_kind": "NPS"}, "NPS 0"),
    ],
)
def test_metrics_tell_zero_unknown_and_not_reached_apart(metrics: dict, expected: str) -> None:
    assert expected in lanes(drawn(samples.stage("A", metrics=metrics)).select_one(".stage"))["Figures"]


def test_numbers_and_words_follow_the_language() -> None:
    with using("fr"):
        assert "3,4" in text(drawn().select_one(".facts"))


def test_the_heading_level_and_anchor_are_the_callers() -> None:
    soup = drawn(level=3, anchor="s-map")
    assert [(node.name, node.get("id")) for node in soup.find_all(["h2", "h3", "h4"])][:2] == [
        ("h3", "s-map"),
        ("h4", None),
    ]


def test_a_notebook_gets_the_sheet_and_a_report_does_not() -> None:
    assert render_map(samples.journey_map()).startswith("<style>")
    assert "<style" not in render_map(samples.journey_map(), sheet=False)


def test_no_stage_at_all_still_draws_a_map() -> None:
    soup = BeautifulSoup(render_map({"title": "Empty"}, sheet=False), "html.parser")
    assert soup.h2.get_text() == "Empty"
    assert soup.select(".stage") == []
