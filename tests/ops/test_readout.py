"""Nearest class means: left out, margins, pooling."""

import math

import torch

from pellucid.ops.readout import nearest_mean, pooled


def test_every_example_is_left_out_of_its_mean() -> None:
    """Plainly: for each example, means without it."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(30, 4, generator=generator)
    labels = torch.arange(30) % 3
    features[labels == 1] += 1.5
    hits = 0
    for i in range(30):
        others = torch.arange(30) != i
        means = torch.stack([features[others & (labels == k)].mean(0) for k in range(3)])
        hits += int((features[i] - means).norm(dim=1).argmin() == labels[i])
    found = nearest_mean(features, labels, features[:2], [0, 1])
    assert math.isclose(found.right, hits / 30)


def test_nearest_and_margin_of_asked_rows() -> None:
    features = torch.tensor([[0.0], [2.0], [10.0], [12.0]])
    found = nearest_mean(features, torch.tensor([4, 4, 7, 7]), torch.tensor([[2.0], [10.0], [3.0]]), [4, 4, 9])
    assert found.nearest == (4, 7, 4) and found.right == 1.0
    assert math.isclose(found.margin[0], (9 - 1) / 10) and math.isclose(found.margin[1], (1 - 9) / 10)
    assert math.isnan(found.margin[2])


def test_an_example_alone_in_its_class_does_not_count() -> None:
    features = torch.tensor([[0.0], [1.0], [9.0]])
    assert nearest_mean(features, torch.tensor([0, 0, 1]), features[:1], [0]).right == 1.0
    assert math.isnan(nearest_mean(features[1:], torch.tensor([0, 1]), features[:1], [0]).right)


def test_pooling_is_the_mean_over_all_but_channels() -> None:
    value = torch.randn(2, 3, 4, 5)
    assert torch.allclose(pooled(value, 1), value.mean((2, 3)))
    assert torch.allclose(pooled(value, 3), value.mean((1, 2)))
    flat = pooled(value[:, :, 0, 0], None)
    assert torch.equal(flat, value[:, :, 0, 0]) and flat.data_ptr() != value.data_ptr()
