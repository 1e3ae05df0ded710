"""By how much the steps of a training move the weights of each layer: one hardly moves, one is torn along."""

import argparse

import torch
from torch import nn

import pellucid as pl


def train(model: nn.Sequential, optimizer: torch.optim.Optimizer) -> None:
    """Gradient descent on a rule that the network can learn."""
    x = torch.randn(256, 8)
    labels = (x[:, :4].sum(1) * x[:, 4:].sum(1) > 0).long()
    for _ in range(300):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), labels).backward()
        optimizer.step()


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/updates.png")
asked = parser.parse_args()

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
rates = {0: 1e-4, 2: 3e-2, 4: 1.0}
optimizer = torch.optim.SGD([{"params": model[i].parameters(), "lr": rate} for i, rate in rates.items()])
with pl.Lens(model).watch(optimizer, every=2) as run:
    train(model, optimizer)
result = run.see(pl.updates())[0]
result.save(asked.out)
print(result.describe())
