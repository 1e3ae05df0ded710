"""Which heads an answer depends on, in numbers and words."""

import pytest
import torch
from torch import nn

from pellucid.methods.attention._arranged import Part
from pellucid.methods.attention._important import facts_of_heads, important
from pellucid.methods.attention._tokens import Chosen, chosen
from tests.engine.asking import see

SUMS = torch.tensor([[1.0, -4.0], [3.0, 2.0]])
EVERY = "every attention"


def layers(count: int) -> list[Chosen]:
    model = nn.Sequential(*(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True) for _ in range(count)))
    return chosen(see(model.eval(), torch.randn(2, 5, 8), attention=(EVERY,)), EVERY, "all", None)[0]


def test_importance_is_the_mean_size_and_the_prediction_the_mean_loss() -> None:
    assert facts_of_heads(SUMS, {}) == {"importance": (2.0, 3.0)}
    assert facts_of_heads(SUMS, {1: 0.5, 0: -2.5})["ablated"] == ((0, -2.0, -2.5), (1, 1.0, 0.5))


@pytest.mark.parametrize(("count", "where"), [(1, "head 1:"), (2, "head 1 of 1:")])
def test_the_most_important_head_of_all_layers_is_named_once(count: int, where: str) -> None:
    parts = [Part(one, facts_of_heads(SUMS * (i + 1), {1: 0.5})) for i, one in enumerate(layers(count))]
    said = important(parts, {parts[-1].one.attention.address: 4}, "logit", 2)
    assert where in said[0].en and f"= {3 * count} logit" in said[0].en and "最依赖" in said[0].zh
    assert [note.en.startswith("Without head 1") for note in said] == [False, *[True] * count, False]
    assert "0.5 on average, measured; the gradient predicts 1" in said[1].en
    assert "number 4" in said[-1].en and ("of 1" in said[-1].en) == (count == 2) and said[-1].aside


def test_a_target_that_depends_on_no_head_is_said_to() -> None:
    (one,) = layers(1)
    (said,) = important([Part(one, facts_of_heads(0 * SUMS, {}))], {}, "logit", 2)
    assert "does not depend" in said.en and "不依赖" in said.zh
