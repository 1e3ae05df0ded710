"""Scores of classes, and what they are as probabilities."""

import torch

from pellucid.diagnose.classes import chances


def test_scores_become_probabilities_and_probabilities_stay():
    scores = torch.tensor([[2.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    made = chances(scores)
    torch.testing.assert_close(made, scores.double().softmax(1))
    torch.testing.assert_close(chances(made), made)
