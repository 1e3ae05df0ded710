"""Networks with a state or a habit that a look must not disturb."""

import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm, weight_norm
from torch.utils.checkpoint import checkpoint


def small() -> nn.Sequential:
    """Two convolutions with ReLU, pooled; the plain network that others wrap."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.ReLU(),
        nn.Conv2d(6, 6, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 4),
    )


def bfloat16() -> nn.Module:
    """Half precision."""
    return small().to(torch.bfloat16)


def float64() -> nn.Module:
    """Double precision."""
    return small().double()


def frozen() -> nn.Module:
    """No parameter asks for a gradient."""
    return small().requires_grad_(False)


def half_trained() -> nn.Module:
    """Some modules train, some do not; random and batch-dependent parts among them; one `.grad` is there already."""
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Dropout2d(0.5),
        nn.Conv2d(6, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(6, 4),
    )
    model[0].weight.grad = torch.ones_like(model[0].weight)
    model[4].bias.requires_grad_(False)
    return model


def set_half_training(model: nn.Module) -> nn.Module:
    """Train mode for all but the first batch norm."""
    model.train()
    model[1].eval()
    return model


def compiled_wrapper() -> nn.Module:
    """`torch.compile` around the module."""
    return torch.compile(small(), backend="eager")


def compiled_module() -> nn.Module:
    """The module's own call compiled."""
    model = small()
    model.compile(backend="eager")
    return model


def scripted() -> nn.Module:
    """TorchScript: nothing inside can be seen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(small())


def parametrized() -> nn.Module:
    """Weights that are computed at each use."""
    model = small()
    spectral_norm(model[0])
    weight_norm(model[2])
    return model


class CountsCalls(nn.Module):
    """Its answer depends on how often it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.net = small()
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.register_buffer("trail", torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        out = self.net(x) * self.calls
        self.trail = self.trail + out.detach().sum(0)
        return out


class WritesIntoInput(nn.Module):
    """Normalises the caller's tensor in place."""

    def __init__(self) -> None:
        super().__init__()
        self.net = small()

    def forward(self, x: Tensor) -> Tensor:
        x.sub_(0.1).div_(1.5)
        return self.net(x)


class AlwaysDrops(nn.Module):
    """Dropout that does not ask for the mode."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.fc = small(), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.dropout(F.relu(self.net(x)), 0.3, training=True))


class UnusedBranch(nn.Module):
    """Parameters that no forward reads."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.spare = small(), nn.Conv2d(3, 5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class NoGradient(nn.Module):
    """Its output hangs on nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.net = small()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x).detach()


class Checkpointed(nn.Module):
    """Recomputes a part of itself in the backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3), nn.Sequential(nn.ReLU(), nn.Conv2d(6, 6, 3), nn.ReLU())
        self.fc = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = checkpoint(self.second, self.first(x), use_reentrant=False)
        return self.fc(h.mean((2, 3)))


def with_own_hooks() -> nn.Module:
    """The user's own hooks, one of which changes what flows."""
    model = small()
    model[0].register_forward_hook(lambda module, args, output: output * 2)
    model[2].register_forward_pre_hook(lambda module, args: (args[0] + 0.1,))
    model[2].register_full_backward_hook(lambda module, before, after: None)
    return model
