"""Networks whose right picture is known."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Known:
    """A network, an input and where the evidence lies.

    Args:
        model: the network, in evaluation mode.
        x: one example.
        boxes: class → `(top, bottom, left, right)` of the region that decides it.
    """

    model: nn.Module
    x: Tensor
    boxes: dict[int, tuple[int, int, int, int]]

    def share_inside(self, heat: Tensor, target: int) -> float:
        """The share of the positive part of `heat (height, width)` that lies in the box of `target`."""
        top, bottom, left, right = self.boxes[target]
        positive = heat.clamp(min=0)
        return float(positive[top:bottom, left:right].sum() / positive.sum())


def generator(seed: int) -> torch.Generator:
    """A source of random numbers of its own."""
    return torch.Generator().manual_seed(seed)


def linear_scorer(features: int = 6, classes: int = 3, seed: int = 0, dtype: torch.dtype = torch.float64) -> nn.Linear:
    """`f(x) = W x + b` with known `weight` and `bias`."""
    model = nn.Linear(features, classes, dtype=dtype)
    with torch.no_grad():
        model.weight.copy_(torch.randn(classes, features, generator=generator(seed), dtype=torch.float64))
        model.bias.copy_(torch.randn(classes, generator=generator(seed + 1), dtype=torch.float64))
    return model.eval()


def template_detector(row: int = 12, column: int = 5, size: int = 24) -> Known:
    """A filter equal to a patch that is planted in noise; a threshold silences everything else."""
    patch = torch.randn(3, 5, 5, generator=generator(3))
    patch -= patch.mean()
    patch /= patch.norm()
    model = nn.Sequential(
        nn.Conv2d(3, 1, 5, padding=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)
    )
    with torch.no_grad():
        model[0].weight.copy_(patch[None])
        model[0].bias.fill_(-2.0)
        model[4].weight.copy_(torch.tensor([[1.0], [-1.0]]))
        model[4].bias.zero_()
    x = torch.randn(1, 3, size, size, generator=generator(4)) * 0.1
    x[0, :, row : row + 5, column : column + 5] += 4 * patch
    return Known(model.eval(), x, {0: (row, row + 5, column, column + 5)})


def two_objects(size: int = 16) -> Known:
    """Class 0 reads the first channel, class 1 the second; each holds an object elsewhere."""
    model = nn.Sequential(
        nn.Conv2d(2, 2, 1, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2, bias=False)
    )
    with torch.no_grad():
        model[0].weight.copy_(torch.eye(2)[:, :, None, None])
        model[4].weight.copy_(torch.eye(2))
    x = torch.zeros(1, 2, size, size)
    x[0, 0, 2:6, 2:6] = 1.0
    x[0, 1, 9:14, 8:13] = 1.0
    return Known(model.eval(), x, {0: (2, 6, 2, 6), 1: (9, 14, 8, 13)})


def orthogonal_stack(scale: float, depth: int = 6, width: int = 8, seed: int = 0) -> nn.Sequential:
    """`depth` linear layers, each `scale` times an orthogonal matrix: gradients shrink by `scale` per layer."""
    layers = []
    for index in range(depth):
        layer = nn.Linear(width, width, bias=False, dtype=torch.float64)
        matrix = torch.linalg.qr(torch.randn(width, width, generator=generator(seed + index), dtype=torch.float64))[0]
        layer.weight = nn.Parameter(scale * matrix)
        layers.append(layer)
    return nn.Sequential(*layers).eval()


def sigmoid_stack(weight: float, depth: int = 6, width: int = 4) -> nn.Sequential:
    """Sigmoids whose pre-activations are 0 for the input 0: gradients shrink by `weight / 4` per pair."""
    layers: list[nn.Module] = []
    for index in range(depth):
        layer = nn.Linear(width, width, dtype=torch.float64)
        layer.weight = nn.Parameter(weight * torch.eye(width, dtype=torch.float64))
        layer.bias = nn.Parameter(torch.full((width,), 0.0 if index == 0 else -weight / 2, dtype=torch.float64))
        layers += [layer, nn.Sigmoid()]
    return nn.Sequential(*layers).eval()


class Cubic(nn.Module):
    """`f_k(x) = Σ_i a_ki x_i³ + b_ki x_i²`: two Gauss-Legendre nodes integrate its gradient exactly."""

    def __init__(self, features: int = 5, classes: int = 2, seed: int = 0) -> None:
        super().__init__()
        draw = generator(seed)
        self.a = nn.Parameter(torch.randn(classes, features, generator=draw, dtype=torch.float64))
        self.b = nn.Parameter(torch.randn(classes, features, generator=draw, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x**3 @ self.a.T + x**2 @ self.b.T


def homogeneous(seed: int = 0) -> nn.Sequential:
    """ReLU and max-pool without any bias: input times gradient sums to the output."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return (
            nn.Sequential(
                nn.Conv2d(3, 6, 3, bias=False),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Conv2d(6, 6, 3, bias=False),
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(6 * 4 * 4, 4, bias=False),
            )
            .double()
            .eval()
        )


def pooled_head(seed: int = 0) -> nn.Sequential:
    """Convolutions, global average, linear head: the class activation map is known in closed form."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return (
            nn.Sequential(
                nn.Conv2d(3, 6, 3),
                nn.ReLU(),
                nn.Conv2d(6, 8, 3),
                nn.ReLU(),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Linear(8, 4),
            )
            .double()
            .eval()
        )
