import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadTarget, Cancelled, NotApplicable
from pellucid.lens.looking import _equal_blocks
from tests.networks import NETWORKS, seeded

NETWORK = NETWORKS["residual"]
X = torch.randn(7, 3, 14, 14, generator=torch.Generator().manual_seed(9))


def lens(**more):
    return pl.Lens(NETWORK.build(), **more)


@pytest.mark.parametrize(
    "view",
    [pl.saliency(), pl.grad_cam(), pl.integrated_gradients(n_steps=3), pl.activation_maps(), pl.guided_backprop()],
    ids=lambda one: one.name,
)
def test_blocks_equal_the_whole(view):
    whole, blocks = lens().see(X, view)[0], lens().see(X, view, batch_size=3)[0]
    pairs = zip(whole, blocks, strict=True) if isinstance(whole, tuple) else [(whole, blocks)]
    for a, b in pairs:
        assert type(a) is type(b) and a.axes == b.axes and a.layer == b.layer
        assert np.allclose(a.values, b.values, rtol=1e-5, atol=1e-6) and a.values.shape == b.values.shape
        assert [one.index for one in a.targets] == [one.index for one in b.targets]
        if hasattr(a, "images"):
            assert a.captions == b.captions and len(a.images) == len(b.images)
            assert all(np.allclose(one, two, rtol=1e-5, atol=1e-6) for one, two in zip(a.images, b.images, strict=True))
        if hasattr(a, "base"):
            assert np.array_equal(a.base.values, b.base.values) and np.allclose(a.heat, b.heat, rtol=1e-4, atol=1e-5)


def test_the_cost_of_blocks_is_added_and_their_sizes_are_told():
    views = lens(batch_size=3).see(X, pl.saliency(), pl.guided_backprop())
    cost = views.cost
    assert (cost.forwards, cost.backwards, cost.samples, cost.chunks) == (3, 6, 7, (2, 3, 2))
    assert lens().see(X, pl.saliency(), batch_size=7).cost.forwards == 1


@pytest.mark.parametrize(
    ("size", "most", "sizes"),
    [(7, 3, [2, 3, 2]), (4, 3, [2, 2]), (8, 4, [4, 4]), (9, 8, [4, 5]), (5, 9, [5]), (3, 1, [1, 1, 1])],
)
def test_pieces_are_equal_and_none_is_one(size, most, sizes):
    assert [stop - start for start, stop in _equal_blocks(size, most)] == sizes


@pytest.mark.parametrize(
    "target",
    [
        [0, 1, 2, 3, 0, 1, 2],
        torch.tensor([0, 1, 2, 3, 0, 1, 2]),
        np.array([0, 1, 2, 3, 0, 1, 2]),
        pl.contrast([0, 1, 2, 3, 0, 1, 2], 1),
        2,
        lambda out: out[:, 1],
    ],
    ids=lambda one: type(one).__name__,
)
def test_targets_are_cut_with_their_examples(target):
    whole, blocks = (lens().see(X, pl.saliency(), target=target, batch_size=size)[0] for size in (None, 3))
    assert np.allclose(whole.values, blocks.values, rtol=1e-5, atol=1e-6)
    assert [one.label for one in whole.targets] == [one.label for one in blocks.targets]


def test_a_wrong_number_of_targets_is_told_of_the_whole_batch():
    with pytest.raises(BadTarget, match="3 targets for 7 examples"):
        lens().see(X, pl.saliency(), target=[0, 1, 2], batch_size=3)


@pytest.mark.parametrize(
    "view", [pl.gradient_maps(), pl.gradient_flow(), pl.activation_statistics()], ids=lambda one: one.name
)
def test_what_summarises_a_batch_is_not_made_in_blocks(view):
    card = lens().see(X, view, batch_size=3)[0]
    card = card if isinstance(card, pl.Failure) else next((one for one in card if isinstance(one, pl.Failure)), None)
    assert card is not None and "summarises a whole batch and cannot be made in blocks" in card.reason
    assert isinstance(card.error, NotApplicable) and "batch_size=None" in card.error.hint


def test_several_targets_make_one_result_each():
    views = lens(labels=["a", "b", "c", "d", "e"]).see(
        X[:2], pl.saliency(), pl.activation_maps(), target=pl.targets(1, "c", None)
    )
    assert [one.targets[0].label for one in views[0]][:2] == ["b", "c"] and len(views[0]) == 3
    assert views.cost.forwards == 1 and not isinstance(views[1], tuple), "what has no target is made once"


class Hungry(nn.Module):
    """Has memory for two examples."""

    def __init__(self):
        super().__init__()
        self.net, self.sizes = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), []
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        self.sizes.append(len(x))
        if len(x) > 2:
            raise torch.OutOfMemoryError("planted")
        return self.fc(self.net(x).mean((2, 3)))


def test_a_look_that_cannot_be_cut_starts_again_on_half_the_examples():
    model = seeded(Hungry)()
    views = pl.Lens(model).see(X[:5], pl.activation_maps(layer="net.0"), pl.saliency())
    assert not views.failures and views["saliency"].values.shape == (5, 3, 14, 14) and model.sizes[0] == 5
    assert views.cost.chunks and max(views.cost.chunks) <= 2 and sum(views.cost.chunks) == 5


def test_one_example_that_does_not_fit_is_told():
    class Full(nn.Linear):
        def forward(self, x):
            raise torch.OutOfMemoryError("planted")

    with pytest.raises(NotApplicable, match="memory ran out on a single example"):
        pl.Lens(Full(3, 2)).see(torch.randn(4, 3), pl.saliency())


def test_cancelled_views_are_cards_and_the_others_stay():
    def progress(told):
        if told.round == 2:
            raise Cancelled("enough")

    views = lens().see(X[:1], pl.saliency(), pl.integrated_gradients(n_steps=5), target=1, progress=progress)
    assert (
        not isinstance(views[0], pl.Failure) and views[1].reason == "enough" and isinstance(views[1].error, Cancelled)
    )
