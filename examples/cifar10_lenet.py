"""The small network of a tutorial, exactly as written there, trained, saved, loaded, and every picture made of it.

    python examples/cifar10_lenet.py --data FOLDER --out examples/out/cifar10_lenet

FOLDER is where `cifar-10-python.tar.gz` lies, as it was published; nothing is downloaded. Without it, ten kinds of
generated shapes stand in for the photographs. The network uses `F.relu` and one pooling module twice; nothing of it has
to change.
"""
# ruff: noqa: ANN001, ANN201, ANN204, RET504, UP008  (the network stands here as the tutorial has it)

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

import pellucid as pl
from pellucid.inputs.cifar10 import Cifar10, read_cifar10
from pellucid.inputs.shapes import Shapes, make_shapes
from pellucid.zoo.weights import load_weights

Pictures = Cifar10 | Shapes


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.view(-1, 16 * 5 * 5)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        x = self.fc3(x)
        return x


def main(arguments: Sequence[str] | None = None) -> pl.Views:
    """Train, save, load, look; returns what was seen."""
    asked = _parser().parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    train, test = _data(asked.data, asked.pictures)
    trained = fit(Net(), train, asked.epochs or (5 if asked.data is None else 2))
    torch.save(trained.state_dict(), asked.out / "model.pth")

    model = Net()
    load_weights(model, asked.out / "model.pth")
    answers = answers_of(model, test)
    print(f"{(answers == test.labels).mean():.1%} of {len(test.labels)} test pictures are named rightly")

    views = look(model, test, answers)
    for number, result in enumerate(views.results):
        result.save(asked.out / f"{number:02d}_{result.provenance.method}.png")
    views.save(asked.out / "report.html")
    views.save(asked.out / "report.zh.html", lang="zh")
    print(views)
    return views


def fit(model: nn.Module, data: Pictures, epochs: int) -> nn.Module:
    """Train with Adam on cross-entropy, in an order that depends on the seed alone."""
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    x, labels = tensors(data.images), torch.from_numpy(data.labels)
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[chosen]), labels[chosen])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(chosen)
        print(f"epoch {epoch + 1} of {epochs}: loss {total / len(x):.3f}")
    return model


def tensors(images: np.ndarray) -> Tensor:
    """What `preprocess="cifar10"` makes of each picture, for all at once: `(batch, 3, 32, 32)` in -1..1."""
    return (torch.from_numpy(images).permute(0, 3, 1, 2).contiguous() / 255 - 0.5) / 0.5


def answers_of(model: nn.Module, data: Pictures) -> np.ndarray:
    """The class that the model gives each picture."""
    with torch.no_grad():
        return model.eval()(tensors(data.images)).argmax(1).numpy()


def look(model: nn.Module, data: Pictures, answers: np.ndarray) -> pl.Views:
    """Every picture of the tutorial, of the first picture that is named rightly, and where the network looked."""
    right = np.flatnonzero(answers == data.labels)
    shown = int(right[0]) if len(right) else 0
    lens = pl.Lens(model, labels=data.names, preprocess="cifar10")
    return lens.see(
        Image.fromarray(data.images[shown]),
        pl.activation_maps(layer="conv1"),
        pl.activation_maps(layer="conv2"),
        pl.gradient_maps(layer="conv1"),
        pl.gradient_flow(),
        pl.slices(),
        pl.flow_graph(),
        pl.weights(layer="every weight"),
        pl.grad_cam(layer="conv2"),
        pl.saliency(),
        target=int(data.labels[shown]),
    )


def _data(folder: Path | None, count: int) -> tuple[Pictures, Pictures]:
    if folder is None:
        return make_shapes(count or 6000, seed=0), make_shapes(500, seed=1)
    train, test = read_cifar10(folder), read_cifar10(folder, "test")
    return Cifar10(train.images[: count or None], train.labels[: count or None]), test


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="A small network, trained and looked at.")
    parser.add_argument(
        "--out", type=Path, default=Path("examples/out/cifar10_lenet"), help="where everything is written"
    )
    parser.add_argument("--data", type=Path, help="the folder in which CIFAR-10 lies; without it, generated shapes")
    parser.add_argument("--epochs", type=int, default=0, help="0: five over the shapes, two over CIFAR-10")
    parser.add_argument(
        "--pictures", type=int, default=0, help="how many to train on; 0: all of CIFAR-10, or 6000 shapes"
    )
    return parser


if __name__ == "__main__":
    main()
