"""What is said of an attention: where it sinks, and how true it is."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.engine.attention import Attention
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._said import drawn, most_attended
from pellucid.methods.attention._tokens import chosen
from tests.engine.asking import see
from tests.networks.attentive import Attentive

EVERY, X = "every attention", torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(3))


def attention() -> Attention:
    (spot,) = see(Attentive("fused").eval(), X, attention=(EVERY,)).at(EVERY)
    assert spot.attention is not None
    return spot.attention


def test_the_most_attended_key_of_each_example() -> None:
    weights = torch.tensor(
        [
            [[[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.2, 0.5, 0.3]]],
            [[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.4, 0.0, 0.6]]],
        ]
    )
    first, second = most_attended(weights, attention())
    assert first[0] == 1 and first[1] == pytest.approx(2 / 3) and first[2] == pytest.approx((1 / 2 + 1 + 1 / 3) / 3)
    assert second[0] == 0 and second[1] == pytest.approx(1.4 / 2) and second[2] == pytest.approx((1 + 1 / 2) / 2)
    assert most_attended(weights, replace(attention(), kind="windowed")) == []


@pytest.mark.parametrize(("off", "words"), [(0.0, "own output"), (0.3, "do not trust this picture")])
def test_it_says_when_it_is_not_what_the_model_computes(off: float, words: str) -> None:
    seen = see(Attentive("fused").eval(), X, attention=(EVERY,))
    (one,), _ = chosen(seen, EVERY, "all", None)
    make = one.attention.parts.make

    def other(*held: Tensor | None) -> Tensor:
        return make(*held) * (1 - off)

    changed = replace(one.attention, parts=replace(one.attention.parts, make=other), _weights=None)
    weights = changed.weights
    result = drawn(Inputs((X,)), seen, replace(one, attention=changed), weights, unit=Text("p"), facts={}, notes=())
    (note,) = result.notes
    assert words in note.en and note.aside == (not off)
    assert result.facts["error"] == pytest.approx(off, abs=1e-6)
