"""Networks of which the right picture is known, and networks that must have the same picture."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.networks import seeded
from tests.networks.known import Known, generator


def gates() -> nn.Module:
    """AND, OR and XOR of two bits out of rectifiers, and `1 − relu(1 − a)`, which is flat beyond 1; c is not read."""
    one, two = nn.Linear(3, 3, dtype=torch.float64), nn.Linear(3, 4, dtype=torch.float64)
    with torch.no_grad():
        one.weight.copy_(torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]))
        one.bias.copy_(torch.tensor([0.0, -1.0, 1.0]))
        two.weight.copy_(torch.tensor([[0.0, 1.0, 0.0], [1.0, -1.0, 0.0], [1.0, -2.0, 0.0], [0.0, 0.0, -1.0]]))
        two.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 1.0]))
    return nn.Sequential(one, nn.ReLU(), two).eval()


def two_objects(size: int = 16) -> Known:
    """A picture whose first colour is read by class 0 and whose second by class 1; each holds an object elsewhere."""
    model = nn.Sequential(
        nn.Conv2d(3, 2, 1, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2, bias=False)
    )
    with torch.no_grad():
        model[0].weight.copy_(torch.eye(2, 3)[:, :, None, None])
        model[4].weight.copy_(torch.eye(2))
    x = torch.zeros(1, 3, size, size)
    x[0, 0, 2:6, 2:6] = 1.0
    x[0, 1, 9:14, 8:13] = 1.0
    return Known(model.double().eval(), x.double(), {0: (2, 6, 2, 6), 1: (9, 14, 8, 13)})


class Quadratic(nn.Module):
    """`f(x) = ½ xᵀQx`, Q symmetric: the gradient is Qx, the fair shares from 0 are x ⊙ Qx / 2."""

    def __init__(self, features: int = 6) -> None:
        super().__init__()
        drawn = torch.randn(features, features, generator=generator(5), dtype=torch.float64)
        self.matrix = nn.Parameter((drawn + drawn.T) / 2)

    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * ((x @ self.matrix) * x).sum(1, keepdim=True)


class Windowed(nn.Module):
    """Multiplies its input by 0 in a window; without biases, so that nothing else can speak there."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1, bias=False)
        self.fc = nn.Linear(6, 3, bias=False)
        window = torch.ones(1, 1, 16, 16)
        window[..., 4:12, 4:12] = 0
        self.register_buffer("window", window)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.conv1(x * self.window))
        return self.fc(torch.relu(self.conv2(x)).mean((2, 3)))


def shifted(constant: float) -> nn.Module:
    """The same network for inputs that lie higher by `constant`, which the first bias takes back."""
    model = seeded(lambda: nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 4, 3), nn.ReLU(), *_head(4)))()
    model = model.double()
    with torch.no_grad():
        model[0].bias -= constant * model[0].weight.sum((1, 2, 3))
    return model


def _head(width: int) -> tuple[nn.Module, ...]:
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 3)


def plain() -> nn.Sequential:
    """Two convolutions, pooled."""
    return seeded(
        lambda: nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 4, 3), nn.ReLU(), *_head(4)).double()
    )()


def rescaled() -> nn.Sequential:
    """`plain` with channels of both layers made larger, and read as much less."""
    model = plain()
    factors = torch.tensor([0.25, 8.0, 1.0, 3.0], dtype=torch.float64)
    with torch.no_grad():
        model[0].weight[1] *= 5
        model[0].bias[1] *= 5
        model[2].weight[:, 1] /= 5
        model[2].weight *= factors[:, None, None, None]
        model[2].bias *= factors
        model[6].weight /= factors
    return model


def duplicated() -> nn.Sequential:
    """`plain` with the first channel of its last layer twice, each read half."""
    model = plain()
    wide = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 5, 3), nn.ReLU(), *_head(5)).double()
    order = [0, 1, 2, 3, 0]
    with torch.no_grad():
        wide[0].load_state_dict(model[0].state_dict())
        wide[2].weight.copy_(model[2].weight[order])
        wide[2].bias.copy_(model[2].bias[order])
        wide[6].weight.copy_(model[6].weight[:, order] * torch.tensor([0.5, 1, 1, 1, 0.5], dtype=torch.float64))
        wide[6].bias.copy_(model[6].bias)
    return wide.eval()


class Dense(nn.Module):
    """Strides, dilation, a pool that rounds up, uneven padding and two branches; the output is a map."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, stride=2, padding=(1, 0))
        self.pool = nn.MaxPool2d(2, stride=1, ceil_mode=True)
        self.wide = nn.Conv2d(3, 3, 2, dilation=2)
        self.narrow = nn.Conv2d(3, 3, 1)
        self.head = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(torch.relu(self.conv(x)))
        wide = F.pad(torch.relu(self.wide(x)), (2, 0, 0, 2))
        return self.head(torch.relu(wide + self.narrow(x)))


def reach(model: nn.Module, x: Tensor, target: Callable[[Tensor], Tensor]) -> Tensor:
    """`(height, width)`: pixels that can move the target, found by moving one after another, here and elsewhere."""
    moved = torch.zeros(x.shape[2:], dtype=torch.bool)
    with torch.no_grad():
        for around in (x, x + 3, -x, torch.randn(x.shape, generator=generator(9), dtype=x.dtype) * 3):
            level = target(model(around))
            for row in range(x.shape[2]):
                for column in range(x.shape[3]):
                    other = around.clone()
                    other[:, :, row, column] += 5.0
                    moved[row, column] |= bool(target(model(other)) != level)
                    other[:, :, row, column] -= 10.0
                    moved[row, column] |= bool(target(model(other)) != level)
    return moved


class Modules(nn.Module):
    """One module per operation: what the twins are compared with."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.relu1, self.pool = nn.Conv2d(3, 5, 3), nn.ReLU(), nn.MaxPool2d(2)
        self.conv2, self.relu2 = nn.Conv2d(5, 4, 3), nn.ReLU()
        self.conv3, self.relu3 = nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu1(self.conv1(x)))
        x = self.relu3(self.conv3(self.relu2(self.conv2(x))))
        return self.fc(x.mean((2, 3)))


class Functions(Modules):
    """Activations and pool as functions."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = F.relu(self.conv3(self.conv2(x).relu()))
        return self.fc(x.mean((2, 3)))


class InPlace(Modules):
    """Activations that write over what they read."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu(self.conv1(x), inplace=True))
        x = torch.relu_(self.conv3(self.conv2(x).relu_()))
        return self.fc(x.mean((2, 3)))


class Reused(Modules):
    """One activation module in three places."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu1(self.conv1(x)))
        x = self.relu1(self.conv3(self.relu1(self.conv2(x))))
        return self.fc(x.mean((2, 3)))


def twin(kind: type[Modules]) -> nn.Module:
    """A twin with the weights that all of them have."""
    return seeded(kind)().double()
