"""The samples of a class are those that the network predicts to be of it."""

import pytest
import torch
from torch import nn

from pellucid.core.errors import BadTarget, NotApplicable
from pellucid.engine.passes import OUTPUT
from pellucid.engine.sweeps.request import Gathered, Sweep
from pellucid.methods.feature._concepts.chosen import Answers, chosen
from tests.engine.sweeps.feeding import Fed, sweep

ROWS = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)) + torch.tensor([0.0, 0.7, -0.7])
LABELS = ("low", "high", "none")


def gathered(model: nn.Module, k: int = 100, seed: int = 0) -> Gathered:
    answers = Answers(OUTPUT, k, seed)
    (swept,) = sweep(model, Fed(ROWS, bad=frozenset({2})), [Sweep([answers])], batch_size=7)
    return swept.at(answers)[0]


def test_the_class_that_is_predicted_most_and_its_samples() -> None:
    best = ROWS.argmax(1).tolist()
    mine = tuple(i for i, one in enumerate(best) if one == 1 and i != 2)
    found = chosen(gathered(nn.Identity()), None, LABELS, 100)
    assert (found.number, found.ordinals, found.predicted, found.read) == (1, mine, len(mine), 39)
    assert not found.asked and len(mine) > 13


def test_a_class_by_name_or_number() -> None:
    one = gathered(nn.Identity())
    by_name, by_number = chosen(one, "low", LABELS, 100), chosen(one, 0, (), 100)
    assert by_name == by_number or by_name.ordinals == by_number.ordinals
    assert by_name.asked and all(int(ROWS[i].argmax()) == 0 for i in by_name.ordinals)
    assert chosen(one, -2, LABELS, 100).number == 1


def test_at_most_so_many_are_chosen_at_random_by_seed() -> None:
    one, other = (chosen(gathered(nn.Identity(), seed=seed), 1, LABELS, 4) for seed in (0, 1))
    assert len(one.ordinals) == len(other.ordinals) == 4 and one.ordinals != other.ordinals
    assert one.ordinals == tuple(sorted(one.ordinals)) and one.predicted == other.predicted


def test_a_class_without_samples_names_those_that_have_some() -> None:
    never = nn.Linear(3, 3)
    with torch.no_grad():
        never.weight.copy_(torch.eye(3))
        never.bias.copy_(torch.tensor([0.0, 0.0, -100.0]))
    with pytest.raises(NotApplicable, match="none of 39 samples is predicted to be none") as told:
        chosen(gathered(never), 2, LABELS, 9)
    assert "high (" in str(told.value)
    with pytest.raises(BadTarget, match="no class is called 'lwo'"):
        chosen(gathered(never), "lwo", LABELS, 9)


def test_of_one_output_all_samples() -> None:
    found = chosen(gathered(nn.Linear(3, 1)), None, (), 50)
    assert found.number is None and len(found.ordinals) == 39


def test_classes_at_every_position_count_by_their_mean() -> None:
    spread = nn.Unflatten(1, (3, 1, 1))
    dense = nn.Sequential(spread, nn.Upsample(scale_factor=4), nn.Conv2d(3, 3, 1, bias=False))
    with torch.no_grad():
        dense[2].weight.copy_(torch.eye(3)[:, :, None, None])
    assert chosen(gathered(dense), None, LABELS, 100).number == 1
