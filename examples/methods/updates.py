"""By how much the steps of a training move the weights of every layer, at three learning rates at once."""

import argparse

import torch
from torch import nn

import pellucid as pl

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/updates.png")
asked = parser.parse_args()

torch.manual_seed(0)
x = torch.randn(256, 8)
labels = (x[:, :4].sum(1) * x[:, 4:].sum(1) > 0).long()
model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.SGD(
    [
        {"params": model[0].parameters(), "lr": 1e-4},  # hardly moves
        {"params": model[2].parameters(), "lr": 3e-2},
        {"params": model[4].parameters(), "lr": 1.0},  # tears its weights along
    ]
)
with pl.Lens(model).watch(optimizer, every=2) as run:
    for _ in range(300):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        run.log(loss=loss)

result = run.see(pl.updates())[0]
result.save(asked.out)
print(result.describe())
