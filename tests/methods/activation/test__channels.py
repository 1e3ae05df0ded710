import pytest
import torch

from pellucid.core.sites import Place
from pellucid.engine.passes import Spot
from pellucid.engine.roles import Layout
from pellucid.methods.activation._channels import Ablation, _without

LAYOUTS = {
    "channels_first": (Layout("channels_first", (3, 4)), torch.rand(1, 5, 3, 4) + 1, lambda one: one),
    "channels_last": (Layout("channels_last", (3, 4)), torch.rand(1, 3, 4, 5) + 1, lambda one: one.movedim(-1, 1)),
    "tokens": (Layout("tokens", (3, 4), 2), torch.rand(1, 14, 5) + 1, lambda one: one.transpose(1, 2)),
}


@pytest.mark.parametrize("kind", LAYOUTS)
def test_one_channel_is_filled_in_each_row_and_the_last_row_is_left(kind):
    layout, value, channels_first = LAYOUTS[kind]
    spot = Spot(Place("layer"), "layer", value, layout=layout)
    fill = torch.tensor([0.0, -1.0, -2.0, -3.0, -4.0])
    before = value.clone()
    made = channels_first(_without(spot, torch.tensor([3, 1]), fill)(value))
    expected = channels_first(value).repeat(3, *[1] * (made.ndim - 1))
    expected[0, 3, layout.prefix :] = -3.0
    expected[1, 1, layout.prefix :] = -1.0
    assert torch.equal(made, expected) and torch.equal(value, before)


def test_it_counts_what_is_taken_away():
    spot = Spot(Place("layer"), "layer", torch.zeros(2, 5, 3, 3))
    assert Ablation(spot, torch.zeros(2, 5), [torch.tensor([0, 1]), torch.tensor([4])]).count == 3
