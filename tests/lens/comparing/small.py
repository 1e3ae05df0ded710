"""A small network of named blocks, a copy of it with other names, and one with a block that was changed."""

import copy
from collections import OrderedDict

import torch
from torch import Tensor, nn

import pellucid as pl

CLASSES = ("ant", "bee", "cow", "dog")


def block(width: int, out: int) -> nn.Module:
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(width, out, 3, padding=1), norm=nn.BatchNorm2d(out), act=nn.ReLU()))


def net(seed: int = 0, names: tuple[str, ...] = ("stem", "middle", "last"), classes: int = 4) -> nn.Module:
    torch.manual_seed(seed)
    widths = (3, 6, 8, 8)
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for name, width, out in zip(names, widths, widths[1:], strict=False):
        parts[name] = block(width, out)
    parts["pool"], parts["flat"] = nn.AdaptiveAvgPool2d(1), nn.Flatten()
    parts["head" if names[0] == "stem" else "classes"] = nn.Linear(8, classes)
    made = nn.Sequential(parts)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.running_mean)
    return made.eval()


def renamed() -> nn.Module:
    made = net(1, names=("a0", "b1", "c2"))
    made.load_state_dict(dict(zip(made.state_dict(), net().state_dict().values(), strict=True)))
    return made


def tuned(part: str = "middle", by: float = 0.3) -> nn.Module:
    made = copy.deepcopy(net())
    torch.manual_seed(7)
    for one in getattr(made, part).parameters():
        one.data += by * one.data.abs().mean() * torch.randn_like(one)
    return made


def lens(model: nn.Module | None = None, name: str = "first") -> pl.Lens:
    return pl.Lens(net() if model is None else model, name=name, labels=CLASSES)


def rows(count: int = 24) -> Tensor:
    return torch.randn(count, 3, 10, 10, generator=torch.Generator().manual_seed(3))


def data(count: int = 24) -> list[tuple[Tensor, int]]:
    return [(row, i % 4) for i, row in enumerate(rows(count))]
