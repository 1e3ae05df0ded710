"""Weights, their gradients and their updates, measured around an optimizer's step."""

import math
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from pellucid.core.text import Text
from pellucid.engine.monitor.norms import MOST, Norms, dense, not_finite, piece
from pellucid.engine.monitor.sample import Row
from pellucid.engine.monitor.transfer import Transfer

SHARDED = Text(
    "Weights that are sharded over processes are not measured, nor are their gradients and updates; activations are.",
    "分片在多个进程上的权重及其梯度与更新量不做测量，激活照常测量。",
)


class Parameters:
    """The floating parameters of one model by name; keys of what is measured are (statistic, name)."""

    def __init__(self, model: nn.Module) -> None:
        every = dict(model.named_parameters())
        self.named: dict[str, Tensor] = {
            name: one
            for name, one in every.items()
            if (one.is_floating_point() or one.is_complex()) and not one.is_meta and type(one).__name__ != "DTensor"
        }
        self.sharded = any(type(one).__name__ == "DTensor" for one in every.values())
        self.names = {id(one): name for name, one in self.named.items()}
        self.known = {id(one) for one in every.values()}
        self.kinds = {path: type(module).__name__ for path, module in model.named_modules()}
        self.norms = Norms()
        self._held: dict[str, tuple[Tensor, float]] = {}
        self._closure = False
        self._of: WeakKeyDictionary[Optimizer, tuple[int, list[str], bool]] = WeakKeyDictionary()

    @property
    def rows(self) -> dict[str, Row]:
        """The place of every parameter's owner, by its path."""
        made: dict[str, Row] = {}
        for path in dict.fromkeys(map(owner, self.named)):
            own = [one for name, one in self.named.items() if owner(name) == path]
            frozen = not any(one.requires_grad for one in own)
            name = ".".join(part for part in path.split(".") if part != "_orig_mod")  # what torch.compile puts between
            made[path] = Row(name or "output", self.kinds.get(path, ""), sum(one.numel() for one in own), frozen)
        return made

    def of(self, optimizer: Optimizer) -> list[str]:
        """Names of the parameters that an optimizer moves, as far as they are measured."""
        return self._met(optimizer)[1]

    def moved_by(self, optimizer: Optimizer) -> bool:
        """Whether an optimizer moves any parameter of the model, also one that is not measured."""
        return self._met(optimizer)[2]

    def _met(self, optimizer: Optimizer) -> tuple[int, list[str], bool]:
        count = sum(len(group["params"]) for group in optimizer.param_groups)
        known = self._of.get(optimizer)
        if known is None or known[0] != count:
            every = [id(one) for group in optimizer.param_groups for one in group["params"]]
            known = count, [self.names[one] for one in every if one in self.names], not self.known.isdisjoint(every)
            self._of[optimizer] = known
        return known

    def others(self) -> list[str]:
        """Names of those that no optimizer met so far moves."""
        moved = {name for _, names, _ in self._of.values() for name in names}
        return [name for name in self.named if name not in moved]

    def spoiled(self, optimizer: Optimizer) -> bool:
        """Whether the first small gradient holds anything that is not finite: on the way back such values spread."""
        gradients = (self.named[name].grad for name in self.of(optimizer))
        first = next((one for one in gradients if one is not None and one.numel() <= MOST), None)
        return first is not None and not math.isfinite(dense(first).sum().item())

    def before(self, optimizer: Optimizer, transfer: Transfer, *, first: bool, dear: bool, closure: bool) -> None:
        """Right before a step: gradients as the optimizer gets them, weights, and copies to find the update with.

        Args:
            first: of this training step; then weights that no optimizer moves are measured too.
            dear: whether updates and non-finite elements are measured.
            closure: the optimizer computes gradients itself, so they are read after its step.
        """
        names = self.of(optimizer)
        every = [*names, *(self.others() if first else ())]
        self._closure = closure
        self._weights(every, transfer, dear=dear)
        if not closure:
            self._gradients(every, optimizer, transfer, dear=dear)
        if dear:
            for name in names:
                self._held[name] = piece(self.named[name])

    def after(self, optimizer: Optimizer, transfer: Transfer) -> None:
        """Right after a step: by how much the weights moved."""
        names = self.of(optimizer)
        if self._closure:
            self._gradients(names, optimizer, transfer, dear=bool(self._held))
        moved = [name for name in names if name in self._held]
        if not moved:
            return
        differences = [piece(self.named[name])[0].sub_(self._held[name][0]) for name in moved]
        for name, norm in zip(moved, self.norms(differences), strict=True):
            transfer.add(("update", name), norm * self._held.pop(name)[1])

    def forget(self) -> None:
        """Let go of copies: the step never came to its end."""
        self._held.clear()

    def _gradients(self, names: list[str], optimizer: Optimizer, transfer: Transfer, *, dear: bool) -> None:
        gradients: Mapping[str, Tensor] = {
            name: gradient for name in names if (gradient := self.named[name].grad) is not None
        }
        scale = getattr(optimizer, "grad_scale", None)
        norms = self.norms(list(gradients.values()))
        if isinstance(scale, Tensor):
            norms = [norm / scale.to(norm.device) for norm in norms]
        for (name, gradient), norm in zip(gradients.items(), norms, strict=True):
            transfer.add(("gradient", name), norm)
            if _suspect(norm, dear=dear):
                transfer.add(("bad_gradient", name), not_finite(gradient))

    def _weights(self, names: list[str], transfer: Transfer, *, dear: bool) -> None:
        with torch.no_grad():
            for name, norm in zip(names, self.norms([self.named[name] for name in names]), strict=True):
                transfer.add(("weight", name), norm)
                if _suspect(norm, dear=dear):
                    transfer.add(("bad_weight", name), not_finite(self.named[name]))


def step_hooks(optimizers: Sequence[Optimizer], before: Any, after: Any) -> list[Any]:
    """Handles of hooks around the steps of some optimizers; of every one where none is named."""
    if not optimizers:
        return [register_optimizer_step_pre_hook(before), register_optimizer_step_post_hook(after)]
    both = [(one.register_step_pre_hook(before), one.register_step_post_hook(after)) for one in optimizers]
    return [handle for pair in both for handle in pair]


def owner(name: str) -> str:
    """Path of the module that a parameter belongs to; of a parametrized one the module that has the weight."""
    path = name.rpartition(".")[0]
    return path.partition(".parametrizations")[0] if "parametrizations" in path else path


def _suspect(norm: Tensor, *, dear: bool) -> bool:
    """Whether to count: where the norm tells that something is wrong, or where looking at it would wait."""
    return not math.isfinite(norm.item()) if norm.device.type == "cpu" else dear
