import pytest
import torch

from pellucid.core.errors import NotApplicable
from pellucid.engine.trace import Event, Trace
from pellucid.inputs.read import read
from pellucid.methods.activation._seen_through import Window, stretched


def trace(*ops):
    return Trace([Event("", 0, op, n, op, shape, torch.float32) for n, (op, shape) in enumerate(ops)])


def test_masks_are_enlarged_and_brought_to_nought_and_one():
    masks = stretched(torch.randn(3, 4, 5), (16, 20))
    assert masks.shape == (3, 1, 16, 20)
    assert torch.allclose(masks.amin((1, 2, 3)), torch.zeros(3)) and torch.allclose(
        masks.amax((1, 2, 3)), torch.ones(3)
    )


@pytest.mark.parametrize(
    ("shape", "cells"), [((1, 2, 9), (3, 4)), ((1, 3, 8, 6), (3, 4, 3)), ((1, 1, 4, 6, 8), (3, 2, 3, 4))]
)
def test_every_kind_of_grid(shape, cells):
    x, channels = torch.rand(shape), torch.randn(cells)
    seen = Window(read(x), trace(), len(cells) - 1, "layer").seen_through(read(x), channels)
    assert torch.equal(seen.tensors["input"], x * stretched(channels, shape[2:]))


def test_an_input_that_is_turned_before_the_first_convolution_has_its_channels_last():
    x, channels = torch.rand(1, 9, 7), torch.randn(2, 5)
    turned, conv = ("transpose", (1, 7, 9)), ("conv1d", (1, 4, 7))
    behind = Window(read(x), trace(turned, conv), 1, "layer").seen_through(read(x), channels)
    assert torch.equal(behind.tensors["input"], x * stretched(channels, (9,)).transpose(1, 2))
    first = Window(read(x), trace(conv, turned), 1, "layer").seen_through(read(x), channels)
    assert torch.equal(first.tensors["input"], x * stretched(channels, (7,)))


def test_inputs_off_the_grid_are_held_as_given():
    x = read((torch.rand(1, 3, 8, 8), torch.rand(1, 4)))
    seen = Window(x, trace(), 2, "layer").seen_through(x, torch.randn(5, 4, 4))
    assert seen.size == 5 and torch.equal(seen.tensors["1"], x.tensors["1"].repeat(5, 1))


def test_a_layer_on_whose_grid_no_input_lies_is_refused():
    for x in (read(torch.rand(1, 4)), read(torch.zeros(1, 3, 8, 8, dtype=torch.int64))):
        with pytest.raises(NotApplicable, match="no input lies on the grid of 'layer'"):
            Window(x, trace(), 2, "layer")
