"""Tiles and facts of one weight."""

import numpy as np
import pytest
import torch
from torch import nn

from pellucid.methods.structure._weights_drawn import Drawn, gallery, histogram
from pellucid.methods.structure._weights_held import Held


def _drawn(weight: torch.Tensor, before: torch.Tensor | None = None, module: nn.Module | None = None) -> Drawn:
    return Drawn(Held("0:weight", "0.weight", weight, module), before, before is not None)


def test_the_length_of_a_change_from_zero_is_not_told_as_a_share() -> None:
    moved = _drawn(torch.ones(2, 2), torch.zeros(2, 2)).moved
    assert moved["change"] == pytest.approx(2) and np.isnan(moved["relative change"]) and np.isnan(moved["cosine"])
    assert _drawn(torch.ones(2, 2)).moved == {}


def test_a_change_in_half_precision_is_compared_in_the_precision_of_now() -> None:
    one = _drawn(torch.ones(2, 3), torch.ones(2, 3, dtype=torch.float16))
    assert one.change is not None and one.change.dtype == torch.float32 and not one.change.any()


@pytest.mark.parametrize(
    ("shape", "whole"), [((3, 4), True), ((3, 4, 1, 1), True), ((3, 4, 1, 2), False), ((3,), True)]
)
def test_matrices_are_drawn_as_a_whole(shape: tuple[int, ...], whole: bool) -> None:
    one = _drawn(torch.randn(shape))
    assert one.is_matrix == whole
    assert len(gallery(one, 2, "strongest", "layer", seriate=False).images) == (1 if whole else 2)


def test_what_a_tile_shows_is_told() -> None:
    def told(one: Drawn, kernels: str = "strongest") -> list[str]:
        return [note.en for note in one.notes(kernels, "layer", 64, seriate=False)]

    assert told(_drawn(torch.ones(2, 5, 3, 3)))[0].startswith("“2 ← 5”")
    assert not told(_drawn(torch.ones(2, 5, 3, 3)), "norm") and not told(_drawn(torch.ones(2, 1, 3, 3)))
    assert "A row is an output" in told(_drawn(torch.ones(2, 5)))[0]
    assert "A row is an entry" in told(_drawn(torch.ones(2, 5), module=nn.Embedding(2, 5)))[0]


def test_a_histogram_of_equal_weights() -> None:
    found = histogram(_drawn(torch.full((4, 2), 3.0)), 5)
    assert found.curves["now"].sum() == 8 and found.curves["now"].max() == 8
