"""The answers of a model, gathered batch by batch."""

import torch

from pellucid.engine.sweeps.reducers import Samples
from pellucid.lens.comparing.answers import Answers


def samples(*ordinals: int) -> Samples:
    return Samples(torch.tensor(ordinals), torch.tensor(ordinals) % 2)


def test_answers_are_the_same_in_any_grouping():
    scores = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    one = Answers()
    whole = one.update(None, scores[:, :, None], samples(*range(7)))
    first = one.update(None, scores[4:, :, None], samples(4, 5, 6))
    parts = one.merge(first, one.update(None, scores[:4, :, None], samples(0, 1, 2, 3)))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert whole["answers"].tolist() == scores.argmax(1).tolist()
    two = scores.double().sort(1, descending=True).values
    assert torch.allclose(whole["margins"], two[:, 0] - two[:, 1])
    assert torch.allclose(whole["confidences"], scores.double().softmax(1).amax(1))


def test_several_answers_for_a_sample_are_marked():
    assert Answers().update(None, torch.zeros(2, 4, 3), samples(0, 1))["several"] == 1
    assert Answers().update(None, torch.zeros(2, 1, 1), samples(0, 1))["several"] == 1
