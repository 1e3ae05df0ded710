"""What the channels of a small network do over six hundred handwritten digits: some are dead, some know one digit."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn

import pellucid as pl

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/unit_statistics.png")
asked = parser.parse_args()

digits = load_digits()
images = torch.from_numpy(digits.images).float()[:, None] / 16
data = pl.data(images[1200:], labels=digits.target[1200:], classes=list("0123456789"), layout="NCHW")


def net() -> nn.Sequential:
    torch.manual_seed(0)
    convolutions = nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()
    return nn.Sequential(*convolutions, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(512, 32), nn.ReLU(), nn.Linear(32, 10))


def fit(model: nn.Sequential) -> nn.Sequential:
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images[:1200]), torch.from_numpy(digits.target[:1200]))
        loss.backward()
        optimizer.step()
    return model.eval()


views = pl.Lens(fit(net()), name="digits").sweep(data, pl.unit_statistics(), pl.unit_statistics(layer="7"))
print(views[0].describe())
result = views[1][1]
result.save(asked.out)
print(result.describe())
