import torch

from pellucid.engine.monitor.measured import Measured, note_rates


def test_rates_of_every_group_and_optimizer():
    weights = [torch.nn.Parameter(torch.ones(1)) for _ in range(2)]
    groups = [{"params": [weights[0]]}, {"params": [weights[1]], "lr": 0.5}]
    measured = Measured(0, 0.0, everything=True)
    note_rates(measured, torch.optim.SGD(groups, lr=0.1), 0)
    note_rates(measured, torch.optim.Adam(weights, lr=torch.tensor(0.25)), 1)
    assert measured.facts == {"rate.0": 0.1, "rate.1": 0.5}
    assert measured.transfer.start().read() == {("fact", "rate.1.0"): 0.25}
