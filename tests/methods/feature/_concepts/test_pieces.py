"""Pieces: crops cover the picture, and of each the layer's mean is kept; else positions."""

import itertools
from typing import Any

import pytest
import torch

from pellucid.core.provenance import TargetInfo
from pellucid.core.sites import Place
from pellucid.engine.passes import Spot
from pellucid.engine.roles import Layout
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.feature._concepts.pieces import Pieces, boxes_of, pieces_of
from pellucid.methods.feature._concepts.read import Read
from tests.methods.feature.painted import Painter, pictures


@pytest.mark.parametrize(("sides", "share"), [((224, 224), 0.33), ((14, 9), 0.5), ((5, 7), 1.0), ((6, 6), 0.01)])
def test_boxes_cover_all_of_it_and_lie_inside(sides: tuple[int, int], share: float) -> None:
    boxes = boxes_of(sides, share)
    seen = torch.zeros(sides)
    for (top, bottom), (left, right) in boxes:
        assert 0 <= top < bottom <= sides[0] and 0 <= left < right <= sides[1]
        assert (bottom - top, right - left) == tuple(max(1, round(side * share)) for side in sides)
        seen[top:bottom, left:right] += 1
    assert float(seen.min()) >= 1 and len(set(boxes)) == len(boxes)


def test_neighbours_overlap_by_about_a_fifth() -> None:
    rows = sorted({rows for rows, _ in boxes_of((224, 224), 0.33)})
    assert len(rows) == 4 and all(0.1 < (a[1] - b[0]) / 74 < 0.4 for a, b in itertools.pairwise(rows))


def test_the_best_are_of_different_samples_as_far_as_there_are_any() -> None:
    pieces = Pieces(torch.zeros(6, 2), torch.tensor([0, 0, 0, 1, 1, 2]), torch.arange(6))
    held = torch.tensor([0.9, 0.8, 0.1, 0.2, 0.3, 0.0])
    assert pieces.best(held, 2) == [0, 4], "one of each sample first"
    assert pieces.best(held, 4) == [0, 1, 4, 3], "then what else is large; all in falling order"
    assert pieces.best(held, 9) == [0, 1, 4, 3, 2], "never one without"


def read_of(data: torch.Tensor, layer: str = "pool") -> list[Read]:
    """What is known of samples once they were seen."""
    model = Painter()
    with torch.no_grad():
        values = [model.pool(torch.relu(model.body(one[None]))) for one in data]
    layout = Layout("channels_first", tuple(values[0].shape[2:]))
    spots = [Spot(Place(layer), layer, value, layout=layout) for value in values]
    info = TargetInfo("red", (0,), 0.5)
    return [Read(i, Inputs((data[i : i + 1],)), Target(0), info, (spot,)) for i, spot in enumerate(spots)]


def answered(run: Any, model: Painter) -> Pieces:
    """Runs the passes that are asked for, by hand."""
    answer = None
    try:
        while True:
            asked = run.send(answer)
            (keep,) = asked.keep
            with torch.no_grad():
                value = model.pool(torch.relu(model.body(asked.x.tensors["input"])))
            answer = {keep: keep.reduce(value)}
    except StopIteration as stop:
        return stop.value


def test_of_each_crop_the_mean_is_kept() -> None:
    data, _ = pictures(2)
    read, model = read_of(data), Painter()
    pieces = answered(pieces_of(read, 0, 0.5), model)
    assert pieces.vectors.shape == (18, 6) and len(pieces.boxes) == 9
    assert pieces.samples.tolist() == [0] * 9 + [1] * 9 and pieces.places.tolist() == [*range(9), *range(9)]
    for vector, sample, place in zip(pieces.vectors, pieces.samples, pieces.places, strict=True):
        (top, bottom), (left, right) = pieces.boxes[int(place)]
        crop = data[int(sample), :, top:bottom, left:right][None]
        large = torch.nn.functional.interpolate(crop, (32, 32), mode="bilinear", align_corners=False)
        with torch.no_grad():
            expected = model.pool(torch.relu(model.body(large))).mean((2, 3))[0].double()
        assert torch.allclose(vector, expected, atol=1e-6)


def test_without_crops_every_position_is_a_piece_and_what_is_not_finite_is_left_out() -> None:
    data, _ = pictures(2)
    read = read_of(data)
    read[1].spots[0].value[0, 2, 3, 4] = torch.nan
    pieces = answered(pieces_of(read, 0, None), Painter())
    assert len(pieces.vectors) == 127 and pieces.broken == 1 and not pieces.boxes
    assert torch.equal(pieces.vectors[9].float(), read[0].spots[0].value[0, :, 1, 1])
    assert 3 * 8 + 4 not in pieces.places[pieces.samples == 1] and 3 * 8 + 4 in pieces.places[pieces.samples == 0]


def test_where_the_layer_is_on_no_grid_there_are_no_crops() -> None:
    data, _ = pictures(1)
    read = read_of(data)
    spot = Spot(Place("pool"), "pool", torch.rand(1, 6))
    flat = Read(0, read[0].x, read[0].target, read[0].info, (spot,))
    pieces = answered(pieces_of([flat], 0, 0.5), Painter())
    assert pieces.vectors.shape == (1, 6) and not pieces.boxes
