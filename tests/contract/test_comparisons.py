"""Models of every kind of output side by side: what is said is true, and what cannot be said has a reason."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from tests.lens.comparing.kinds import (
    WORDS,
    Embedder,
    Finder,
    Painter,
    Writer,
    lenses,
    measured,
    pictures,
    ruler,
    texts,
)

HOW: dict[str, Any] = {"views": [], "findings": False}


def both_ways(one: nn.Module, two: nn.Module, x: Tensor) -> tuple[Any, Any]:
    """As an input, and as data."""
    return pl.compare(*lenses(one, two), x=x, **HOW), pl.compare(*lenses(one, two), data=list(x), **HOW)


def test_of_language_models_tokens_and_perplexity_are_compared():
    one, two, x = Writer(), Writer(1), texts()
    scores = [model(x).detach() for model in (one, two)]
    parted = int((scores[0].argmax(2) != scores[1].argmax(2)).sum())
    expected = [
        math.exp(float(nn.functional.cross_entropy(each[:, :-1].flatten(0, 1), x[:, 1:].flatten()))) for each in scores
    ]
    for found in both_ways(one, two, x):
        assert [row["perplexity"] for row in found["summary"].rows] == pytest.approx(expected, rel=1e-5)
        assert found["agreement"].values[0, 1] == pytest.approx(1 - parted / x.numel())
        assert f"of {x.numel()} tokens of 6 samples and part on {parted}" in found.describe()
        assert f"6 个样本的 {x.numel()} 个词元" in found.describe("zh")


def test_no_perplexity_is_told_of_what_looks_ahead():
    for found in both_ways(Writer(ahead=True), Writer(1), texts()):
        assert [row["perplexity"] is None for row in found["summary"].rows] == [True, False]


def test_of_maps_the_share_of_places_is_told():
    one, two, x = Painter(), Painter(1), pictures()
    parted = (one(x)["out"].argmax(1) != two(x)["out"].argmax(1)).flatten(1).sum(1)
    over_x, over_data = both_ways(one, two, x)
    rows = [row for row in over_x["decisions"].rows if row["model"] == "b"]
    assert [row["apart"] for row in rows] == pytest.approx((parted / 100).tolist())
    assert f"600 places of 6 samples and part on {int(parted.sum())}" in over_data.describe()
    assert [row["apart 0"] for row in over_data["parting"].rows] == sorted(parted.tolist(), reverse=True)
    other = pl.compare(*lenses(one, Painter(stride=2)), x=x, **HOW)
    assert "outputs of other sizes" in other.describe() and "输出尺寸不同" in other.describe("zh")


@pytest.mark.parametrize("pooled", [True, False])
def test_embeddings_have_no_answers_but_a_difference(pooled: bool):
    one, two, x = Embedder(pooled=pooled), Embedder(1, pooled=pooled), texts()
    a, b = ((model(x) if pooled else model(x)["hidden"].mean(1)).detach() for model in (one, two))
    for found in both_ways(one, two, x):
        row = found["outputs"].rows[0]
        assert row["size"] == pytest.approx(float((b - a).norm() / a.norm()), rel=1e-5)
        assert row["cosine"] == pytest.approx(float(nn.functional.cosine_similarity(a, b).mean()), abs=1e-6)
        assert "decisions" not in found and "agreement" not in found
        assert "taken for an embedding" in found.describe() and "视为嵌入向量" in found.describe("zh")


def test_of_single_numbers_difference_and_correlation_are_told():
    one, two, x = ruler(), ruler(1), measured()
    a, b = one(x)[:, 0].detach(), two(x)[:, 0].detach()
    for found in both_ways(one, two, x):
        row = found["outputs"].rows[0]
        assert row["correlation"] == pytest.approx(float(torch.corrcoef(torch.stack([a, b]))[0, 1]), abs=1e-6)
        assert row["size"] == pytest.approx(float((b - a).norm() / a.norm()), rel=1e-5)
        assert "one number" in found.describe() and "agreement" not in found


def test_numbers_without_names_are_not_called_classes():
    found = pl.compare(*lenses(ruler(numbers=3), ruler(1, 3)), x=measured(), **HOW)
    assert {str(row["answer"]) for row in found["decisions"].rows} <= {"output 0", "output 1", "output 2"}


def test_of_detections_the_layers_are_compared():
    for found in both_ways(Finder(), Finder(1), pictures()):
        assert "list of detections" in found.describe() and "检测结果列表" in found.describe("zh")
        assert "outputs" not in found and "alignment" in found
    alone = pl.compare(*lenses(Finder(), Finder(1)), x=pictures(1), **HOW)
    assert "decisions" not in alone and "outputs" not in alone


@pytest.mark.parametrize(
    ("model", "x"),
    [
        (Writer(), texts()),
        (Painter(), pictures()),
        (Embedder(), texts()),
        (ruler(), measured()),
        (ruler(numbers=3), measured()),
    ],
)
def test_a_model_beside_itself_has_no_difference(model: nn.Module, x: Tensor):
    for found in both_ways(model, model, x):
        assert found["outputs"].rows[0]["size"] == 0 and "no difference from a in its outputs" in found.describe()
        assert "no difference from a in the weights" in found.describe() and "part on" not in found.describe()


def test_other_words_cannot_be_compared():
    found = pl.compare(*lenses(Writer(), Writer(1, words=WORDS + 2)), x=texts(), **HOW)
    assert "other classes" in found.describe() and "are not compared with those of a" in found.describe()
