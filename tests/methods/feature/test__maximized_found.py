import numpy as np
import torch
from torch import Tensor, nn

from pellucid.methods.feature.activation_maximization import activation_maximization
from pellucid.results import Gallery, Series


class TwoInputs(nn.Module):
    def forward(self, picture: Tensor, row: Tensor) -> Tensor:
        return torch.stack([picture.mean((1, 2, 3)) + row.sum(1), -row.sum(1)], 1)


def test_each_input_has_its_own_gallery_and_there_is_one_series() -> None:
    x = (torch.rand(2, 3, 5, 5), torch.rand(2, 4))
    first, second, curves = activation_maximization(n_steps=30)(TwoInputs(), x, target=0)
    assert isinstance(first, Gallery) and isinstance(second, Gallery) and isinstance(curves, Series)
    assert [str(one) for one in first.groups + second.groups] == ["0", "0", "1", "1"]
    assert second.values.shape == (2, 4) and first.facts == curves.facts == second.facts
    assert curves.unit == "logit" and first.axes[0] == "batch"


def test_notes_say_what_does_not_hold() -> None:
    """A class that nothing raises is not recognised and does not exceed noise."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).eval()
    model[1].weight.data[:], model[1].bias.data[:] = 0.0, torch.tensor([0.0, 1.0])
    model[1].weight.data[0, 0] = 1e-30
    found = activation_maximization(n_steps=2)(model, torch.rand(1, 3, 2, 2), target=0)[0]
    said = " ".join(note.en for note in found.notes)
    assert "1 of 1 do not exceed the best of 8 noise inputs" in said
    assert "0 of 1 are recognised" in said and "its range in the example" in said
    assert found.facts["recognised"] == 0 and found.facts["steps"] == (2,)


def test_a_generator_has_a_range_of_its_own_and_transparency_is_said() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).eval()
    found = activation_maximization(prior=torch.tanh, n_steps=2, transparency=True)(model, torch.rand(1, 3, 2, 2))[0]
    said = " ".join(note.en for note in found.notes)
    assert "that of the given prior" in said and "fade to grey" in said
    assert np.abs(found.values).max() <= 1
