"""The networks that faults are planted in, what they are shown, and how they are trained."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pellucid as pl

STRENGTHS = (0, 1, 2)
STRONG = (1, 2)


@dataclass(frozen=True)
class Planted:
    """A network with a fault, and all that `diagnose` is given."""

    model: nn.Module
    x: Any
    labels: Any = None
    run: Any = None
    preprocess: Any = None

    def found(self) -> Any:
        return pl.Lens(self.model, preprocess=self.preprocess).diagnose(self.x, labels=self.labels, run=self.run)


class Residual(nn.Module):
    """Three residual blocks with batch norm."""

    def __init__(self, width: int = 16, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
            )
            for _ in range(3)
        )
        self.head = nn.Linear(width * 16, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.stem(x), 2)
        for block in self.blocks:
            x = F.relu(x + block(x))
        return self.head(F.adaptive_avg_pool2d(x, 4).flatten(1))


class Block(nn.Module):
    """Attention and a feed-forward part, each behind a norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.act, self.fc2 = nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        b, n, c = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, c))
        return x + self.fc2(self.act(self.fc1(self.norm2(x))))


class Transformer(nn.Module):
    """A small vision transformer over patches of 4 × 4."""

    def __init__(self, width: int = 32, classes: int = 10, patches: int = 16) -> None:
        super().__init__()
        self.patch = nn.Conv2d(1, width, 4, 4)
        self.position = nn.Parameter(torch.randn(1, patches, width) * 0.1)
        self.blocks = nn.Sequential(*(Block(width, 4) for _ in range(3)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2) + self.position
        return self.head(self.norm(self.blocks(x)).mean(1))


class Encoder(nn.Module):
    """Rows of the picture are tokens of PyTorch's own encoder."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.rows = nn.Linear(16, width)
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.rows(x.squeeze(1))).mean(1))


def plain(act: Callable[[], nn.Module] = nn.ReLU, depth: int = 4, width: int = 16, norm: bool = False) -> nn.Module:
    """A plain stack of convolutions on 16 × 16 digits."""
    layers: list[nn.Module] = []
    for i in range(depth):
        layers += [nn.Conv2d(1 if i == 0 else width, width, 3, padding=1)]
        layers += [nn.BatchNorm2d(width)] if norm else []
        layers += [act()] + ([nn.MaxPool2d(2)] if i in (0, 1) else [])
    return scaled(nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * 16, 10)))


def dense(act: Callable[[], nn.Module] = nn.ReLU, depth: int = 4, width: int = 48, norm: bool = False) -> nn.Module:
    """A multilayer perceptron on the same."""
    layers: list[nn.Module] = [nn.Flatten()]
    for i in range(depth):
        layers += [nn.Linear(256 if i == 0 else width, width)] + ([nn.BatchNorm1d(width)] if norm else []) + [act()]
    return scaled(nn.Sequential(*layers, nn.Linear(width, 10)))


class Series(nn.Module):
    """Convolutions over the rows of the picture as a series of sixteen features."""

    def __init__(self, act: Callable[[], nn.Module] = nn.ReLU, depth: int = 4, width: int = 24) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(depth):
            layers += [nn.Conv1d(16 if i == 0 else width, width, 3, padding=1), act()]
        self.body, self.head = nn.Sequential(*layers), nn.Linear(width, 10)
        scaled(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x.squeeze(1)).mean(2))


def scaled(model: nn.Module) -> nn.Module:
    """Weights as He for rectifiers, Glorot for all else."""
    rectified = any(isinstance(one, nn.ReLU) for one in model.modules())
    for one in model.modules():
        if isinstance(one, (nn.Linear, nn.Conv1d, nn.Conv2d)):
            (nn.init.kaiming_normal_ if rectified else nn.init.xavier_normal_)(one.weight)
            nn.init.zeros_(one.bias) if one.bias is not None else None
    return model


@cache
def digits() -> tuple[Tensor, Tensor]:
    """Digits of 16 × 16 about zero."""
    from sklearn.datasets import load_digits

    held: Any = load_digits()
    x = torch.tensor(held.images, dtype=torch.float32)[:, None] / 16
    return F.interpolate(x, size=16, mode="bilinear") * 2 - 0.6, torch.tensor(held.target)


MAKERS: dict[str, Callable[[], nn.Module]] = {"plain": plain, "residual": Residual, "transformer": Transformer}


def trained(
    model: nn.Module,
    x: Tensor,
    labels: Tensor,
    *,
    steps: int = 150,
    optimizer: Any = None,
    watched: bool = False,
    seed: int = 0,
) -> tuple[nn.Module, Any]:
    """A short training; the run if it is watched."""
    torch.manual_seed(seed)
    model.train()
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=2e-3)
    run = pl.Lens(model).watch(optimizer, every=2) if watched else None
    order = torch.Generator().manual_seed(seed)

    def loop() -> None:
        for _ in range(steps):
            rows = torch.randint(len(x), (64,), generator=order)
            loss = F.cross_entropy(model(x[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if run is not None:
                run.log(loss=loss)

    if run is None:
        loop()
    else:
        with run:
            loop()
    return model.eval(), run


@cache
def _held(name: str) -> dict[str, Tensor]:
    torch.manual_seed(0)
    model, _ = trained(MAKERS[name](), *digits())
    return {key: value.clone() for key, value in model.state_dict().items()}


def host(name: str) -> nn.Module:
    """One of the three networks, trained on digits."""
    model = MAKERS[name]()
    model.load_state_dict(_held(name))
    return model.eval()


def batch(size: int = 32) -> tuple[Tensor, Tensor]:
    """Examples and labels."""
    x, labels = digits()
    return x[:size], labels[:size]


def photographs(which: int = 0) -> np.ndarray:
    """Eight photographs as bytes `(8, 64, 64, 3)`, cut out of two; other cuts for each number."""
    from sklearn.datasets import load_sample_images

    whole: Any = load_sample_images()
    return np.stack(
        [
            one[y : y + 128 : 2, z : z + 128 : 2]
            for one in whole.images
            for y in (100 + 17 * which, 250 - 23 * which)
            for z in (150 + 31 * which, 350 - 29 * which)
        ]
    )
