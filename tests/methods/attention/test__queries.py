import torch

from pellucid.methods.attention._queries import sample


def test_queries_are_spread_evenly_over_those_that_count() -> None:
    weights = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    whole = sample(weights, None, 100)
    assert whole.shape == (3, 8, 5) and torch.equal(whole[:, :4], weights[0])
    assert torch.equal(sample(weights, None, 2), whole[:, [0, 7]])
    counted = torch.tensor([[True, False, False, False], [True, True, False, False]])
    assert torch.equal(sample(weights, counted, 100), whole[:, [0, 4, 5]])
