"""Levels are read by the model itself; what a target picks, and what its classes are called."""

import pytest
import torch
from torch import Tensor

import pellucid as pl
from pellucid.engine.passes import Pass
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.read import read
from pellucid.methods.decision._lens_reading import (
    Reading,
    asked_of,
    names_of,
    picked,
    position_of,
    read_out,
    values_of,
)
from pellucid.methods.decision._residual_stream import stream_of
from tests.engine.asking import plan
from tests.methods.decision import streams


def readings(x: Tensor, kind: str = "pre") -> Reading:
    """The readout of the stream before and after the blocks, for the last example."""

    def method(x: Inputs, target: Target):
        seen = yield from Pass(x, target=target, graph=True)
        stream = stream_of(seen, x)
        levels = [stream.start, stream.last]
        known = yield from Pass(x, keep=[asked_of(stream, one) for one in levels])
        values = values_of(known, stream, levels)
        return (yield from read_out(x, target, stream, seen, values, x.size - 1, None))

    tasks, _ = plan(streams.speaker(kind=kind), method, x=x, target=4)
    return tasks[0].result


def test_the_model_reads_what_is_put_in_the_place_of_its_last_level() -> None:
    model, x = streams.speaker(), streams.tokens(2)
    found = readings(x)
    first, *_, last = streams.streams(model, x)
    expected = torch.stack([streams.read(model, one)[1] for one in (first, last)])
    torch.testing.assert_close(found.output, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(found.scores, expected[:, -1, 4], rtol=0, atol=1e-12)
    assert found.gap == 0.0 and torch.equal(found.output[1], model(x).detach()[1])


@pytest.mark.parametrize(
    ("asked", "shape", "classes", "position"),
    [
        (3, (2, 5), (3,), None),
        (3, (2, 4, 5), (3,), 3),
        ((1, 3), (2, 4, 5), (3,), 1),
        (pl.contrast(3, 2), (2, 4, 5), (3, 2), 3),
        (lambda out: out[:, 0, 0], (2, 4, 5), (), 3),
    ],
)
def test_what_a_target_picks(
    asked: object, shape: tuple[int, ...], classes: tuple[int, ...], position: int | None
) -> None:
    output, target = torch.randn(shape), Target(asked)
    target.resolve(output, output)
    found = picked(target, output, 1)
    assert (found.classes, found.position) == (classes, position)


def test_scores_on_a_grid_are_no_row_of_scores() -> None:
    with pytest.raises(pl.NotApplicable, match="no row of scores"):
        picked(Target(0), torch.zeros(1, 3, 4, 4), 0)


def test_positions_and_names() -> None:
    assert position_of(-1, torch.zeros(1, 4, 5)) == 3 and position_of(2, torch.zeros(1, 4, 5)) == 2
    with pytest.raises(pl.BadSetting, match="4 positions"):
        position_of(4, torch.zeros(1, 4, 5))
    x = read(torch.tensor([[3, 1]]))
    labelled, own = names_of(x, Target(0, ("a", "b")), 2), names_of(x, Target(0), 5)
    assert (labelled(0), labelled(1), own(3), own(4)) == ("a", "b", "3", "#4")
