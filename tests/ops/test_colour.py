import pytest
import torch

from pellucid.ops.colour import IMAGENET, mixed, mixing, scaled


def test_identity_covariance_leaves_colours_as_they_are() -> None:
    value = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(scaled(torch.eye(4)), torch.eye(4))
    assert torch.equal(mixing(4), torch.eye(4)) and torch.equal(mixed(value, mixing(4)), value)


def test_colours_of_photographs_are_a_root_of_their_covariance() -> None:
    """Noise in independent colours gets the covariance that the published root belongs to, up to its scale."""
    noise = torch.randn(1, 3, 200, 200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    pixels = mixed(noise, mixing(3).double()).flatten(2)[0]
    root = torch.tensor(IMAGENET, dtype=torch.float64)
    expected = root @ root.T / float((root**2).sum(0).max())
    assert torch.allclose(torch.cov(pixels), expected, atol=0.02)
    assert float(mixing(3).norm(dim=0).max()) == pytest.approx(1)


def test_any_rank() -> None:
    value = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(mixed(value, mixing(3)), torch.stack([mixing(3) @ one for one in value]))
