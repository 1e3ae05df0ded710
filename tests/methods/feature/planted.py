"""Networks and data whose regions and codes are known, for the tests of what looks for them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.results import Gallery, Matrix, Table

SIDE, PATCH = 20, 5
PLACES = ((3, 4), (0, 0), (15, 15), (7, 9), (2, 12), (10, 1))  # left upper corner, by sample


def patch(channels: int) -> Tensor:
    """`(channel, row, column)` in 0..1."""
    return torch.rand(channels, PATCH, PATCH, generator=torch.Generator().manual_seed(0))


def planted(channels: int, places: Sequence[tuple[int, int]] = PLACES) -> Tensor:
    """`(sample, channel, row, column)`: faint noise, and the patch once in each sample, which reaches 0 and 1."""
    draw = torch.Generator().manual_seed(1)
    data = 0.1 * torch.rand(len(places), channels, SIDE, SIDE, generator=draw)
    for sample, (row, column) in zip(data, places, strict=True):
        sample[:, row : row + PATCH, column : column + PATCH] = patch(channels)
        sample[:, -1 - SIDE // 2 * (row > SIDE // 2), SIDE // 2] = torch.tensor([1.0])
        sample[:, 0 if row > 0 else SIDE - 2, 0 if row > 0 else SIDE // 2 + 1] = 0.0
    return data


def matched(channels: int) -> nn.Sequential:
    """Channel 0 is the patch as a filter; channel 1 is zero everywhere; channel 2 answers to its negative."""
    conv = nn.Conv2d(channels, 3, PATCH, padding=PATCH // 2)
    wanted = patch(channels) - patch(channels).mean()
    with torch.no_grad():
        conv.weight.copy_(torch.stack([wanted, 0 * wanted, -wanted]))
        conv.bias.copy_(torch.tensor([0.0, -1.0, 0.0]))
    return nn.Sequential(conv, nn.ReLU()).eval()


def swept(model: nn.Module, data: Any, view: Any, **lens: Any) -> tuple[Any, ...]:
    """The results of one view over data; its error is raised."""
    torch.set_num_threads(1)
    given = pl.Lens(model, **lens).sweep(data, view, batch_size=2)
    if given.failures:
        raise AssertionError(str(given.failures))
    (result,) = given
    return result if isinstance(result, tuple) else (result,)


def kinds(results: tuple[Any, ...]) -> list[type]:
    """Which kinds of result they are."""
    return [next(kind for kind in (Gallery, Matrix, Table) if isinstance(one, kind)) for one in results]
