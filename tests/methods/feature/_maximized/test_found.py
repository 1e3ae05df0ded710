import numpy as np
import torch
from torch import Tensor, nn

import pellucid as pl
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


def test_what_stands_with_an_input_is_said_and_for_whose_class_it_was_made() -> None:
    model, x = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).eval(), torch.rand(1, 3, 2, 2)
    for target, predicted in ((None, True), (0, False)):
        (found, *_) = activation_maximization(n_steps=2)(model, x, target=target)
        said = " ".join(note.en for note in found.notes)
        assert "the best of 8 noise inputs" in said and ("the network predicts of the example" in said) is predicted
        assert found.targets[0].chosen == "asked", "the network predicts nothing of an input that was made for a class"


def test_rows_and_series_say_how_they_are_laid_out_and_over_data_what_gave_the_range() -> None:
    x = torch.rand(6, 4)
    found = pl.Lens(nn.Linear(4, 2)).sweep(x, activation_maximization(n_steps=2))[0]
    assert isinstance(found, tuple)
    said = " ".join(note.en for note in found[0].notes)
    assert "in their order, from left to right" in said and "within its range in 6 rows" in said
    series = nn.Sequential(nn.Conv1d(2, 3, 3), nn.Flatten(), nn.Linear(21, 2))
    notes = activation_maximization(n_steps=2)(series, torch.rand(1, 2, 9))[0].notes
    assert any("Each row of a picture is a channel" in note.en for note in notes)


def test_fewer_classes_than_asked_and_grey_samples_are_told() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(20, 6))
    data = pl.data(torch.rand(6, 5, 2, 2), labels=[0, 2, 2, 0, 2, 2], layout="N...")
    found = pl.Lens(model).sweep(data, activation_maximization(n_steps=2, channels=4, k=2))[0]
    assert isinstance(found, tuple)
    said = " ".join(note.en for note in found[0].notes)
    assert "are of 2 classes only" in said and "the mean of their channels" in said
    assert "Under a real sample stands its objective" in said
    enough = pl.Lens(model).sweep(data, activation_maximization(n_steps=2, channels=2, k=2))[0]
    assert isinstance(enough, tuple) and "classes only" not in " ".join(note.en for note in enough[0].notes)
