"""Weighing: the layer is replaced by masked sums of concepts, wherever its channels are."""

import pytest
import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.provenance import TargetInfo
from pellucid.core.sites import Place
from pellucid.engine.passes import Spot
from pellucid.engine.roles import Layout
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.feature._concepts.bank import Bank
from pellucid.methods.feature._concepts.read import Read
from pellucid.methods.feature._concepts.weighed import Weighed, _refuse_lost, masked, weighed
from tests.methods.feature.painted import PARTS, Painter

PLACES = {
    "channels_first": (Layout("channels_first", (3, 4)), (1, 5, 3, 4)),
    "channels_last": (Layout("channels_last", (3, 4)), (1, 3, 4, 5)),
    "tokens": (Layout("tokens", (3, 4), 2), (1, 14, 5)),
    "words": (None, (1, 12, 5)),
    "rows": (None, (1, 5)),
}


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("as_it_is", [True, False])
def test_each_row_is_the_sum_of_concepts_under_its_mask(kind: str, as_it_is: bool) -> None:
    layout, shape = PLACES[kind]
    value = normal(*shape)
    positions = 1 if kind == "rows" else 12
    held, parts, rows = normal(positions, 3, seed=1), normal(3, 5, seed=2), normal(4, 3, seed=3)
    spot, before = Spot(Place("layer"), "layer", value, layout=layout), value.clone()
    made = masked(spot, held, parts, rows, as_it_is=as_it_is)(value)
    assert made.shape == (4, *shape[1:]) and torch.equal(value, before)
    for i, mask in enumerate(rows):
        expected = (held * mask) @ parts
        if i == 0 and as_it_is:
            assert torch.equal(made[0], value[0])
        elif kind == "channels_first":
            assert torch.allclose(made[i], expected.T.reshape(5, 3, 4))
        elif kind == "tokens":
            assert torch.allclose(made[i, 2:], expected) and torch.equal(made[i, :2], value[0, :2])
        else:
            assert torch.allclose(made[i], expected.reshape(shape[1:]))


def test_a_layer_that_cannot_be_replaced_is_told() -> None:
    spot = Spot(Place("layer"), "layer", torch.zeros(1, 3))
    _refuse_lost(spot, 2.0005, 2.0)
    with pytest.raises(NotApplicable, match="cannot be replaced"):
        _refuse_lost(spot, 2.1, 2.0)


class Answer:
    """What a pass shows of the head of a painter."""

    def __init__(self, output: Tensor) -> None:
        self.output, self.scores = output, output[:, 0]


def run(held: Tensor, model: Painter, masks: int) -> tuple[Weighed, list[int]]:
    """One sample whose layer holds so much of each colour, and the rows of each pass."""
    value = (held @ PARTS).T.reshape(1, 6, 2, 2)
    spot = Spot(Place("pool"), "pool", value, layout=Layout("channels_first", (2, 2)))
    info = TargetInfo("red", (0,), float(model.head(value)[0, 0]))
    read = Read(3, Inputs((torch.zeros(1, 3, 32, 32),)), Target(0), info, (spot,))
    bank = Bank(PARTS.double(), torch.zeros(0, 3), 1.0, signed=False, converged=True)
    work, answer, rows = weighed(read, spot, bank, masks, 0, (0, 1)), None, list[int]()
    try:
        while True:
            asked = work.send(answer)
            made = asked.edits[0].change(value)
            rows.append(len(made))
            assert len(made) == asked.expand
            answer = Answer(model.head(made))
    except StopIteration as stop:
        return stop.value, rows


def test_a_concept_that_is_nowhere_is_not_masked_and_weighs_exactly_nothing() -> None:
    held = torch.tensor([[1.0, 0.0, 0.5], [0.5, 0.0, 0.2], [0.0, 0.0, 0.1], [1.0, 0.0, 0.0]])
    found, rows = run(held, Painter(1.0, 0.5, 0.2), 16)
    assert rows == [2 + 2 + (2 + 2) * 16] == [found.rows]
    assert float(found.indices.total[1]) == float(found.indices.alone[1]) == float(found.drops[1]) == 0.0
    assert found.indices.total[0] > found.indices.total[2] > 0
    assert found.drops.tolist() == pytest.approx([0.625, 0.0, 0.2 * 0.2], abs=1e-5)
    assert torch.allclose(found.coefficients, held.double(), atol=1e-5) and found.rebuilt > 0.9999
    assert found.score == pytest.approx(found.copied, abs=1e-5) and found.kept is True


def test_many_masks_take_several_passes() -> None:
    held = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
    _, rows = run(held, Painter(1.0, 0.5, 0.2), 128)
    assert sum(rows) == 2 + 3 + 5 * 128 and len(rows) == 3 and max(rows) == 320
