"""Changes of the forward at any site: ablate, patch, mask, or any function."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.core.errors import BadSetting, PellucidError
from pellucid.core.sites import Site
from pellucid.core.text import Text
from pellucid.engine.memory import out_of_memory


@dataclass(frozen=True, eq=False)
class Edit:
    """`change(tensor) -> tensor` replaces what flows at `site`; the model's own tensor is not written."""

    site: str | nn.Module | Site
    change: Callable[[Tensor], Tensor]
    name: str = "edit"
    key: Any = None
    grows: bool = False
    spread: Any = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Edit) and self.site == other.site and self._same_as(other)

    def __hash__(self) -> int:
        return hash((str(self.site), self.name))

    def _same_as(self, other: "Edit") -> bool:
        if self.name != other.name or self.name in ("edit", "variants"):
            return self.change is other.change
        mine, theirs = self.key, other.key
        if isinstance(mine, Tensor) and isinstance(theirs, Tensor):
            return mine is theirs or (
                mine.shape == theirs.shape and mine.dtype == theirs.dtype and torch.equal(mine, theirs)
            )
        return type(mine) is type(theirs) and not isinstance(mine, Tensor) and mine == theirs

    def __call__(self, value: Tensor) -> Tensor:
        """The edited tensor.

        Raises:
            BadSetting: the change raises, or gives another shape.
        """
        try:
            changed = self.change(value)
        except Exception as error:
            if isinstance(error, PellucidError) or out_of_memory(error):
                raise
            raise BadSetting(
                Text(
                    f"{self.name} at '{self.site}' raised {type(error).__name__}: {error}",
                    f"'{self.site}' 处的 {self.name} 引发 {type(error).__name__}：{error}",
                ),
                hint=Text(f"the network has {tuple(value.shape)} there", f"网络在此处的形状为 {tuple(value.shape)}"),
            ) from error
        if not self.grows and changed.shape != value.shape:
            raise BadSetting(
                Text(
                    f"{self.name} at '{self.site}' gives shape {tuple(changed.shape)}, "
                    f"the network has {tuple(value.shape)} there",
                    f"'{self.site}' 处的 {self.name} 给出形状 {tuple(changed.shape)}，"
                    f"而网络在此处为 {tuple(value.shape)}",
                )
            )
        return changed.to(value.dtype)

    def part(self, start: int, stop: int) -> "Edit":
        """Only some of the variants that this edit makes."""
        return replace(self, change=lambda value: self.change(value)[start:stop])


def ablate(site: str | nn.Module | Site, value: float = 0.0) -> Edit:
    """Everything at `site` becomes `value`."""
    return Edit(site, lambda tensor: torch.full_like(tensor, value), "ablate", value)


def patch(site: str | nn.Module | Site, value: Tensor) -> Edit:
    """What flows at `site` becomes `value`, broadcast to its shape; a copy, which the model may write into."""
    return Edit(site, lambda tensor: value.to(tensor).expand_as(tensor).clone(), "patch", value)


def mask(site: str | nn.Module | Site, keep: Tensor) -> Edit:
    """What flows at `site` is multiplied by `keep`, broadcast to its shape."""
    return Edit(site, lambda tensor: tensor * keep.to(tensor), "mask", keep)


def edit(site: str | nn.Module | Site, change: Callable[[Tensor], Tensor]) -> Edit:
    """Any function of what flows at `site`."""
    return Edit(site, change)


def variants(site: str | nn.Module | Site, change: Callable[[Tensor], Tensor]) -> Edit:
    """What flows at `site`, `(1, ...)`, becomes `(n, ...)`: as many variants as `Pass(expand=n)` says.

    Args:
        site: one place whose first axis is the batch; of a module that is called again, one call: `"relu#1"`.
        change: makes all variants at once, the same ones whenever it is called.
    """
    return Edit(site, change, "variants", grows=True)
