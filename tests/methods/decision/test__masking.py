"""Masks for every kind of input, and blending."""

import pytest
import torch

from pellucid.inputs.inputs import Inputs
from pellucid.inputs.read import read
from pellucid.methods.decision._masking import Masking, blended, noise


@pytest.mark.parametrize(
    ("value", "groups", "shape", "smooth"),
    [
        (torch.zeros(2, 3, 16, 12), None, (1, 16, 12), True),
        (torch.zeros(2, 3, 30), None, (1, 30), True),
        (torch.zeros(2, 1, 8, 8, 8), None, (1, 8, 8, 8), True),
        (torch.zeros(2, 9), None, (9,), False),
        (torch.zeros(2, 9, dtype=torch.long), None, (9, 1), False),
        (torch.zeros(2, 3, 16, 12), "grid:3", (1, 16, 12), False),
        (torch.zeros(2, 3, 16, 12), "channels", (3, 1, 1), False),
    ],
)
def test_cells_on_grids_and_whole_groups_elsewhere(
    value: torch.Tensor, groups: str | None, shape: tuple[int, ...], smooth: bool
) -> None:
    masking = Masking(read(value), groups, 4, 0.5, 0)
    (masks,) = masking.masks(1, 0, 30).values()
    assert masks.shape == (30, *shape) and 0.2 < float(masks.mean()) < 0.8
    assert (len(masks.unique()) > 2) == smooth
    assert torch.equal(masks, masking.masks(0, 0, 30)[next(iter(masking.shapes))])  # the same for every example
    assert torch.equal(masks[10:], masking.masks(1, 10, 30)[next(iter(masking.shapes))])


def test_two_inputs_have_independent_masks() -> None:
    masking = Masking(Inputs((torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))), None, 4, 0.5, 0)
    one, two = masking.masks(0, 0, 300).values()
    assert abs(float(torch.corrcoef(torch.stack([one[:, 0, 4, 4], two[:, 0, 4, 4]]))[0, 1])) < 0.2


def test_blending() -> None:
    x = Inputs((torch.tensor([[1.0, 2.0, 4.0]]),))
    masks = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.5, 1.0]])
    rows = blended(x, {"input": masks}, {"input": torch.full((1, 3), -2.0)}).tensors["input"]
    assert rows.tolist() == [[1, 2, 4], [-2, 0, 4]]


def test_noise_is_the_share_of_the_range() -> None:
    values, errors = torch.tensor([0.0, 4.0]), torch.tensor([0.1, 0.3])
    error, share = noise([(values, errors), (values / 4, errors)])
    assert error == pytest.approx(0.2) and share == pytest.approx(0.2)
