"""Boxes of the input beside the units that look at them: exactly where the gradient of the unit is."""

from collections.abc import Sequence
from math import prod
from typing import Any

import pytest
import torch
from torch import nn

from pellucid.core.errors import BadInput, NotApplicable
from pellucid.core.sites import Site
from pellucid.engine.group import run_group
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Looking, Pass
from pellucid.engine.sweeps.cells import cells
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._correlation.window import Place, places_of
from tests.engine.sweeps.feeding import Fed


def found(model: nn.Module, x: torch.Tensor, layer: str = "", positions: int = 1000) -> Place:
    """What is found at a layer, with the requests answered by the engine."""
    with Looker(model.eval()).looking(0) as session:
        looking: Looking[list[Place]] = places_of(Fed(x), layer, positions)
        request: Any = next(looking)
        assert isinstance(request, Pass)
        try:
            (seen,) = run_group(session, [request])
            looking.send(seen)
        except StopIteration as stop:
            (place,) = stop.value
            return place
    raise AssertionError("it asks for more")


def reached(model: nn.Module, x: torch.Tensor, place: Place, cell: int) -> torch.Tensor:
    """Where the input changes any channel there, `(*shape,)` of booleans."""
    leaf = x[:1].clone().requires_grad_()
    value = cells(model(leaf), place.spot.layout, "", 1)
    (gradient,) = torch.autograd.grad((value[0, :, cell] ** 2).sum(), leaf)
    return gradient[0] != 0


class Grid(nn.Module):
    """Tokens with a class token in front, as a vision transformer has them before its first attention."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 6, 4, 4)
        self.first = nn.Parameter(torch.randn(1, 1, 6))
        self.norm = nn.LayerNorm(6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        return self.norm(torch.cat([self.first.expand(len(x), -1, -1), tokens], 1))


@pytest.mark.parametrize(
    ("model", "sides", "boxes"),
    [
        (nn.Conv2d(3, 4, 3), (3, 8, 9), (6, 7)),
        (nn.Conv2d(3, 4, 3, padding=1), (3, 8, 9), (6, 7)),
        (nn.Conv2d(2, 4, (3, 5), stride=(2, 3), padding=2), (2, 13, 17), (6, 4)),
        (nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 3, stride=2, padding=1)), (1, 12, 12), (4, 4)),
        (nn.Conv1d(2, 3, 4, stride=2, padding=1), (2, 15), (6,)),
        (nn.Conv3d(1, 2, 2), (1, 3, 4, 5), (2, 3, 4)),
        (Grid(), (3, 12, 16), (3, 4)),
    ],
)
def test_a_box_is_where_the_gradient_of_its_unit_is(
    model: nn.Module, sides: Sequence[int], boxes: Sequence[int]
) -> None:
    x = torch.randn(2, *sides)
    place = found(model, x)
    window = place.window
    assert window.count == tuple(boxes) and place.sees == "part" and not place.single
    assert place.pairs == prod(boxes) and place.shape == tuple(sides)
    marks = torch.arange(prod(sides)).reshape(1, *sides)
    every = torch.arange(window.boxes)
    for cell, box in zip(window.cells(every).tolist(), window.patches(marks, every), strict=True):
        where = reached(model, x, place, cell)
        inside = torch.zeros(prod(sides), dtype=torch.bool)
        inside[box.flatten()] = True
        assert not bool((where.flatten() & ~inside).any())
        spread = where.nonzero()
        corner = box.flatten()[[0, -1]].tolist()
        ends = [tuple(map(int, torch.unravel_index(torch.tensor(one), tuple(sides)))) for one in corner]
        for axis in range(1, len(sides)):  # the box is tight
            assert (int(spread[:, axis].min()), int(spread[:, axis].max())) == (ends[0][axis], ends[1][axis])


def test_where_no_other_box_lies_inside_the_middle_one_is_taken() -> None:
    wide = nn.Conv2d(1, 2, 7, padding=3)
    place = found(wide, torch.randn(1, 1, 9, 6))
    assert place.window.count == (3, 1) and place.window.first[1] == 0 and place.window.size == (7, 6)
    (place, middle) = (found(wide, torch.randn(1, 1, 6, 5)), found(wide, torch.randn(1, 1, 9, 9), positions=1))
    assert (place.window.boxes, place.single, place.sees) == (1, "field", "part")
    assert place.window.size == (6, 5) and place.window.cell == 3 * 5 + 2
    assert (middle.pairs, middle.single, middle.window.boxes) == (1, "", 9)


def test_a_large_box_leaves_room_for_the_middle_unit_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.methods.decision._correlation import window as _correlation_window

    model, x = nn.Conv2d(1, 2, 3), torch.randn(1, 1, 8, 8)
    assert found(model, x, positions=5).pairs == 5
    monkeypatch.setattr(_correlation_window, "_AT_ONCE", 17)
    place = found(model, x)
    assert (place.single, place.pairs, place.window.boxes) == ("size", 1, 1)
    assert place.window.first == (3, 3) and place.window.cell == 3 * 6 + 3
    monkeypatch.setattr(_correlation_window, "_AT_ONCE", 18)
    assert found(model, x).pairs == 2


def test_of_units_that_see_everything_the_one_in_the_middle_is_taken() -> None:
    mixed = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(2 * 25, 4))
    place = found(mixed, torch.randn(1, 1, 5, 5))
    assert (place.sees, place.positions, place.channels, place.pixels, place.window.cell) == ("whole", 1, 4, 25, 0)
    rows = found(nn.Linear(6, 3), torch.randn(1, 6))
    assert rows.box == (6,) and rows.pixels == 6
    assert rows.site == Site("", rows.spot.place.call, "", 0, rows.spot.place.side)


def test_words_several_inputs_and_unreadable_data_are_refused() -> None:
    class Words(Fed):
        def inputs(self, ordinals: list[int]) -> Inputs:
            return Inputs((self.rows[ordinals].long(),))

    class Several(Fed):
        def inputs(self, ordinals: list[int]) -> Inputs:
            return Inputs((self.rows[ordinals], self.rows[ordinals]))

    class Unreadable(Fed):
        def inputs(self, ordinals: list[int]) -> Inputs:
            raise BadInput(f"{ordinals} cannot be read")

    class First(Unreadable):
        def inputs(self, ordinals: list[int]) -> Inputs:
            return Fed.inputs(self, ordinals) if ordinals == [3] else super().inputs(ordinals)

    for kind, error, said in (
        (Words, NotApplicable, "words"),
        (Several, NotApplicable, "2 inputs"),
        (Unreadable, BadInput, "[7]"),
    ):
        with pytest.raises(error) as caught:
            next(places_of(kind(torch.ones(20, 4)), "", 1))
        assert said in caught.value.what
    assert isinstance(next(places_of(First(torch.ones(20, 4)), "", 1)), Pass)
