from typing import Any

import pytest
import torch
from torch.nn.functional import cosine_similarity

from pellucid.engine.passes import Spot
from pellucid.engine.roles import Layout
from pellucid.engine.sweeps.reducers import Samples, State
from pellucid.methods.feature._maximized.beside import _best
from pellucid.methods.feature._maximized.objective import wish_of
from pellucid.methods.feature._maximized.real import Answers, Best, Directions, most_frequent
from pellucid.ops.ranking import ordinal_of, value_of

CELLS = torch.randn(9, 5, 6, generator=torch.Generator().manual_seed(0))
AIMS = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
EACH: list[tuple[Best, Any]] = [
    (Best("a"), CELLS.mean(2)),
    (Best("a", "neuron", position=(4, 6)), CELLS[:, :, 4]),
    (Best("a", "norm"), CELLS.square().mean((1, 2))[:, None]),
    (
        Best("a", "direction", directions=Directions(AIMS)),
        cosine_similarity(CELLS[:, None], AIMS[None, :, :, None], dim=2).mean(2),
    ),
]


def swept(reducer: Any, cells: torch.Tensor, labels: list[int] | None = None, size: int = 4) -> State:
    """Batch by batch, in a wild order, the halves merged."""
    parts: list[State | None] = [None, None]
    known = torch.tensor(labels or [-1] * len(cells))
    for i in reversed(range(0, len(cells), size)):
        batch = torch.arange(i, min(i + size, len(cells)))
        side = i // size % 2
        parts[side] = reducer.update(parts[side], cells[batch], Samples(batch, known[batch]))
    assert parts[0] is not None and parts[1] is not None
    return reducer.merge(parts[1], parts[0])


@pytest.mark.parametrize(("reducer", "expected"), EACH, ids=[one.of for one, _ in EACH])
def test_the_best_samples_are_those_of_the_stored_objective(reducer: Best, expected: torch.Tensor) -> None:
    state = swept(Best(reducer.site, reducer.of, 3, reducer.position, reducer.directions), CELLS)
    top = expected.T.topk(3, 1)
    assert torch.allclose(value_of(state["keys"]), top.values, atol=1e-6)
    assert torch.equal(ordinal_of(state["keys"]), top.indices)


@pytest.mark.parametrize("objective", ["channel", "neuron", "norm", AIMS])
@pytest.mark.parametrize("kind", ["channels_first", "tokens", "vector"])
def test_it_is_the_objective_that_is_climbed(objective: Any, kind: str) -> None:
    value, layout = {
        "channels_first": (CELLS.reshape(9, 5, 2, 3), Layout("channels_first", (2, 3))),
        "tokens": (CELLS.transpose(1, 2), Layout("tokens", (1, 5), prefix=1)),
        "vector": (CELLS[:, :, 0], None),
    }[kind]
    spot: Any = Spot(None, "a", value, layout=layout)  # pyright: ignore[reportArgumentType]
    cells = CELLS[:, :, :1] if kind == "vector" else CELLS
    wish = wish_of(spot, objective, (0, 1, 2), 0.0)
    real = _best(spot, wish, 1).scores(cells)
    for unit in range(wish.units):
        climbed = torch.stack([wish(value[i : i + 1].expand(wish.units, *value.shape[1:]))[unit] for i in range(9)])
        assert torch.allclose(climbed, real[:, unit], atol=1e-6)


def test_what_cannot_be_ordered_is_left_out() -> None:
    cells = CELLS.clone()
    cells[2, 1, 0] = torch.nan
    state = swept(Best("a", k=9), cells)
    assert 2 not in ordinal_of(state["keys"][1]).tolist() and 2 in ordinal_of(state["keys"][0]).tolist()
    state = swept(Best("a", "neuron", position=(4, 7)), cells)
    assert ordinal_of(state["keys"]).tolist() == [[-1]] * 5


def test_directions_are_equal_by_their_numbers() -> None:
    one, same, other = Directions(AIMS), Directions(AIMS.clone()), Directions(AIMS.flip(0))
    assert one == same and hash(one) == hash(same) and repr(one) == repr(same)
    assert one != other and Directions(AIMS[:, None]) != one
    assert Best("a", "direction", directions=one) == Best("a", "direction", directions=same)


def test_classes_by_label_else_by_answer() -> None:
    logits = torch.eye(4)[[3, 3, 2, 2, 2, 0, 0, 0, 1]][:, :, None]
    labels = [1, 1, 1, -1, -1, 0, 7, -1, 1]
    assert swept(Answers("output"), logits, labels)["count"].tolist() == [3, 4, 2, 0]
    assert swept(Answers("output", labelled=False), logits, labels)["count"].tolist() == [3, 1, 3, 2]
    assert most_frequent(torch.tensor([3, 4, 0, 3]), 9) == (1, 0, 3) and most_frequent(torch.tensor([1, 2]), 1) == (1,)
