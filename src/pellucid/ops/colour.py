"""Colours in which the channels of photographs vary on their own."""

import torch
from jaxtyping import Float
from torch import Tensor

IMAGENET = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""A square root of the covariance of red, green and blue over ImageNet: a column for each independent colour."""


def mixing(channels: int) -> Float[Tensor, "channel channel"]:
    """What turns independent colours into channels: red, green and blue as in photographs; else each for itself."""
    return scaled(torch.tensor(IMAGENET)) if channels == 3 else torch.eye(channels)


def scaled(root: Float[Tensor, "channel channel"]) -> Float[Tensor, "channel channel"]:
    """A square root of a covariance, its longest column of length one; the identity stays the identity."""
    return root / root.norm(dim=0).max()


def mixed(value: Float[Tensor, "batch channel ..."], matrix: Tensor) -> Float[Tensor, "batch channel ..."]:
    """Independent colours as channels."""
    return torch.einsum("ij,bj...->bi...", matrix, value)
