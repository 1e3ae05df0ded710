"""The answers of a model, gathered batch by batch."""

import pytest
import torch

from pellucid.engine.sweeps.reducers import Samples
from pellucid.inputs.inputs import Inputs
from pellucid.lens.comparing.answers import POSITIONS, Answers


def samples(*ordinals: int) -> Samples:
    return Samples(torch.tensor(ordinals), torch.tensor(ordinals) % 2)


def test_answers_are_the_same_in_any_grouping():
    scores = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    one = Answers()
    whole = one.update(None, scores[:, :, None], samples(*range(7)))
    first = one.update(None, scores[4:, :, None], samples(4, 5, 6))
    parts = one.merge(first, one.update(None, scores[:4, :, None], samples(0, 1, 2, 3)))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert whole["answers"][:, 0].tolist() == scores.argmax(1).tolist()
    two = scores.double().sort(1, descending=True).values
    assert torch.allclose(whole["margins"][:, 0].double(), two[:, 0] - two[:, 1])
    assert torch.allclose(whole["confidences"][:, 0].double(), scores.double().softmax(1).amax(1))


def test_every_place_is_answered_and_what_is_shorter_is_filled_up():
    scores = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    one = Answers()
    state = one.update(one.update(None, scores, samples(0, 1)), scores[:1, :, :2], samples(2))
    assert state["positions"].tolist() == [3, 3, 2] and state["answers"][2].tolist()[2] == -1
    assert state["answers"][:2].tolist() == scores.argmax(1).tolist()


def test_of_many_places_some_are_kept_from_the_first_to_the_last():
    scores = torch.zeros(1, 2, 1000)
    scores[0, 1, 0] = scores[0, 1, -1] = 1
    found = Answers().update(None, scores, samples(0))["answers"][0]
    assert len(found) == POSITIONS and found[0] == found[-1] == 1 and found[1:-1].sum() == 0


def test_of_texts_the_surprise_at_the_token_that_follows_is_summed():
    tokens, scores = torch.tensor([[1, 3, 0]]), torch.randn(1, 4, 3)
    state = Answers().update(None, scores, Samples(torch.tensor([0]), torch.tensor([-1]), Inputs((tokens,))))
    expected = torch.nn.functional.cross_entropy(scores[0, :, :2].T, tokens[0, 1:], reduction="sum")
    assert state["followed"].tolist() == [2] and float(state["surprise"][0]) == pytest.approx(float(expected))
    assert Answers().update(None, scores, samples(0))["followed"].tolist() == [0]


def test_one_number_leads_nothing():
    assert Answers().update(None, torch.ones(2, 1, 1), samples(0, 1))["margins"].tolist() == [[0], [0]]
