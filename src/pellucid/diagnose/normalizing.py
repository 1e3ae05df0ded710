"""Batch normalisations of a forward, and what their outputs tell of the examples."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pellucid.core.sites import Site
from pellucid.core.text import Text
from pellucid.diagnose.check import DoesNotApply
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Seen

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class Norm(NamedTuple):
    """One batch normalisation that ran once, with its running statistics.

    Its site is the function, not the module: that may go on behind it, as timm's does with the activation.
    """

    site: Site
    module: nn.Module
    values: int  # of each channel, in this batch

    @property
    def trained(self) -> bool:
        """Whether it has seen data: fresh statistics are mean 0 and variance 1."""
        mean, variance = self.module.running_mean, self.module.running_var
        return not (bool((mean == 0).all()) and bool((variance == 1).all()))  # type: ignore[union-attr]

    def affine(self) -> tuple[Tensor, Tensor]:
        """Scale and shift of each channel."""
        mean = self.module.running_mean
        scale, shift = getattr(self.module, "weight", None), getattr(self.module, "bias", None)
        scale = torch.ones_like(mean) if scale is None else scale.detach()  # type: ignore[arg-type]
        return scale, torch.zeros_like(scale) if shift is None else shift.detach()


def norms(lens: Looker, seen: Seen) -> list[Norm]:
    """Every batch normalisation with running statistics that this forward called once.

    Raises:
        DoesNotApply: there is none.
    """
    found: list[Norm] = []
    for event in seen.trace.events:
        module = lens.modules.get(event.path)
        known = event.op == "batch_norm" and isinstance(module, NORMS) and module.running_mean is not None
        if known and module is not None and seen.trace.calls.get(event.path, 1) == 1 and len(event.shape) > 1:
            values = math.prod((event.shape[0], *event.shape[2:]))
            found.append(Norm(Site(event.path, op=event.op), module, values))
    if not found:
        raise DoesNotApply(
            Text("the network has no batch normalisation with running statistics", "网络没有带运行统计量的批归一化")
        )
    return found


def refuse_fresh(lens: Looker, seen: Seen) -> None:
    """Refuse a network whose batch norms never saw data: in evaluation it is not what training sees.

    Raises:
        DoesNotApply: it is one.
    """
    ran = (lens.modules.get(one.path) for one in seen.trace.modules())
    every = [one for one in ran if isinstance(one, NORMS) and one.running_mean is not None]
    if every and not any(Norm(Site(""), one, 0).trained for one in every):
        raise DoesNotApply(
            Text(
                "the batch normalisations never saw data, so this is not what training would see",
                "批归一化层从未见过数据，所见并非训练时的情形",
            )
        )


def moments(value: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of every channel, in double precision."""
    wide = value.detach().double().transpose(0, 1).flatten(1)
    return wide.mean(1), wide.var(1, unbiased=False)
