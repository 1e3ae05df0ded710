"""Pictures of coloured squares and a network in which the colours are concepts, of which one decides."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

SIDE, CELLS = 32, 2
COLOURS = torch.tensor([[1.0, 0.1, 0.1], [0.1, 1.0, 0.1], [0.1, 0.1, 1.0]])
RED, GREEN, BLUE = 0, 1, 2
PARTS = torch.tensor([[1.0, 0.6, 0.0, 0.0, 0.2, 0.0], [0.0, 0.0, 0.9, 0.5, 0.0, 0.0], [0.0, 0.3, 0.0, 0.0, 0.8, 1.0]])
"""What the layer makes of each colour `(colour, channel)`, never negative."""


def painted(cells: Sequence[Sequence[int]]) -> Tensor:
    """Pictures `(sample, 3, 32, 32)` of two by two squares, row by row."""
    which = torch.tensor(cells).reshape(-1, CELLS, CELLS)
    return COLOURS[which].movedim(-1, 1).repeat_interleave(SIDE // CELLS, 2).repeat_interleave(SIDE // CELLS, 3)


def pictures(samples: int = 8, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Pictures, the even ones with one to three red squares, the odd ones with none; and the colours `(sample, 4)`."""
    draw = torch.Generator().manual_seed(seed)
    which = torch.randint(1, 3, (samples, 4), generator=draw)
    for i in range(0, samples, 2):
        count = int(torch.randint(1, 4, (), generator=draw))
        which[i, torch.randperm(4, generator=draw)[:count]] = RED
    which[0] = torch.tensor([RED, GREEN, BLUE, RED])
    return painted(which.tolist()), which


class Counts(nn.Module):
    """Hands on what it is given, and counts its rows."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.rows.append(len(x))
        return x


class Painter(nn.Module):
    """Scores of two classes.

    Args:
        weights: of red, green and blue in the score of class 0, their mean over the picture.
        bias: what is taken off; class 1 scores the negative.
        together: takes the product of red and green instead.
    """

    def __init__(self, *weights: float, bias: float = 0.22, together: bool = False) -> None:
        super().__init__()
        self.before, self.body, self.pool = Counts(), nn.Conv2d(3, 6, 1, bias=False), nn.AvgPool2d(4)
        self.after, self.bias, self.together = Counts(), bias, together
        colours = torch.linalg.inv(COLOURS)  # of a picture its coefficients
        self.register_buffer("weights", torch.tensor(weights or (1.0, 0.0, 0.2)))
        self.register_buffer("back", torch.linalg.pinv(PARTS))
        with torch.no_grad():
            self.body.weight.copy_((colours @ PARTS).T[:, :, None, None])
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        found = self.after(self.pool(torch.relu(self.body(self.before(x)))))
        return self.head(found)

    def head(self, found: Tensor) -> Tensor:
        """Scores of what the layer gives `(sample, 6, 8, 8)`."""
        held = found.mean((2, 3)) @ self.back
        score = held[:, 0] * held[:, 1] if self.together else held @ self.weights
        return torch.stack([score - self.bias, self.bias - score], 1)
