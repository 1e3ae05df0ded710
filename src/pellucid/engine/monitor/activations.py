"""What is measured of the activations of one forward, and of the gradients that come back to them."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.core.sites import Place, address
from pellucid.engine.calls import first_tensor
from pellucid.engine.monitor.norms import moments, not_finite
from pellucid.engine.monitor.sample import Row
from pellucid.engine.monitor.transfer import Transfer
from pellucid.engine.monitor.walk import Frame
from pellucid.ops.statistics import at_limits

MOST_CALLS = 16
RECTIFIERS = frozenset({"relu", "relu6", "threshold"})
FUNCTIONS = RECTIFIERS | {
    "leaky_relu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish", "sigmoid", "tanh", "hardswish",
    "hardsigmoid", "hardtanh", "softplus", "softsign", "logsigmoid",
}  # fmt: skip
_LOW = (torch.float16, torch.bfloat16)


class Activations:
    """Visits one forward; what it measures goes to `transfer`, by (statistic, row).

    Args:
        row: the number of a place, which is made known if it is new; None: not watched.
        guard: runs what must never raise, and counts its time.
        trace: whether every function's output is checked too (where a look would wait for the device).
    """

    def __init__(
        self,
        transfer: Transfer,
        row: Callable[[Row, Any], int],
        guard: Callable[[Callable[[], None]], None],
        *,
        trace: bool = False,
    ) -> None:
        self.transfer, self.row, self.guard, self.trace = transfer, row, guard, trace
        self.order: list[int] = []
        self.arrived: list[int] = []
        self.handles: list[Any] = []
        self.traced: list[tuple[str, str]] = []
        self.axis, self.live, self.left_out = 1, True, 0
        self.called_so_far: list[str] = []
        self.at: dict[int, int] = {}

    def called(self, frame: Frame, place: Place, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> None:
        """A function call: an activation that belongs to no module of its own is a place."""
        self.guard(lambda: self._called(frame, place, out))

    def left(self, frame: Frame, out: Any) -> None:
        """A module's output: of those that hold parameters, and of activation modules."""
        self.guard(lambda: self._left(frame, out))

    def close(self) -> None:
        """Take the hooks off the tensors; gradients that come later are not looked at."""
        self.live = False
        for handle in self.handles:
            handle.remove()
        self.handles = []

    def between(self, first: int, then: int) -> str:
        """The functions that were called after one place up to another."""
        names = self.called_so_far[self.at.get(first, 0) : self.at.get(then, 0)]
        return ", ".join(dict.fromkeys(names)) if len(names) <= MOST_CALLS else ""

    def broken(self, values: Mapping[Any, float]) -> tuple[int, int | None] | None:
        """The first place on the way back whose gradient is not finite, and the one before it, if there is one.

        Args:
            values: what was measured, by (statistic, row).
        """
        before: int | None = None
        for number in self.arrived:
            if values.get(("bad_backward", number), 0.0) > 0:
                return number, before
            before = number
        return None

    def _called(self, frame: Frame, place: Place, out: Any) -> None:
        op = place.op
        self.called_so_far.append(op)
        if op.startswith("conv"):
            self.axis = 1
        elif op in ("linear", "matmul", "bmm", "addmm"):
            self.axis = -1
        if self.trace:
            tensor = first_tensor(out)
            if tensor is not None:
                self.transfer.add(("trace", len(self.traced)), tensor.detach().sum(dtype=torch.float32))
                self.traced.append((frame.path or address(place, called_once=True), op))
        if op not in FUNCTIONS or _is_activation(frame.module) or place.n >= MOST_CALLS or frame.call >= MOST_CALLS:
            return
        name = address(place, called_once=frame.call == 0)
        self._measure(Row(name, op), (frame.path, frame.call, op, place.n), op, out)

    def _left(self, frame: Frame, out: Any) -> None:
        own = list(frame.module.parameters(recurse=False))
        if not own and not _is_activation(frame.module):
            return
        if frame.call >= MOST_CALLS:
            self.left_out += 1
            return
        place = Place(frame.path, frame.call)
        row = Row(address(place, called_once=frame.call == 0), type(frame.module).__name__)
        self._measure(row, (frame.path, frame.call), frame.last if not own else "", out)

    def _measure(self, row: Row, key: Any, op: str, out: Any) -> None:
        value = first_tensor(out)
        if value is None or not value.is_floating_point() or value.layout != torch.strided or not value.numel():
            return
        number = self.row(row, key)
        if number not in self.order:
            self.order.append(number)
        self.at[number] = len(self.called_so_far)
        plain = value.detach()
        wide = plain.float() if plain.dtype in _LOW else plain
        std, mean = moments(wide)
        self.transfer.add(("std", number), std)
        self.transfer.add(("mean", number), mean)
        if plain.device.type != "cpu" or not math.isfinite(std.item()):
            self.transfer.add(("bad_forward", number), not_finite(plain))
        if op in RECTIFIERS and plain.ndim > 1:
            axis = self.axis % plain.ndim
            highest = plain.amax(tuple(i for i in range(plain.ndim) if i != axis))
            self.transfer.add(("dead", number), (highest <= 0).float().mean())
        limits = at_limits(op, plain)
        if limits is not None:
            near = limits[0] if len(limits) == 1 else limits[0] | limits[1]
            self.transfer.add(("saturated", number), near.float().mean())
        if value.requires_grad and value.grad_fn is not None:
            self.handles.append(value.register_hook(lambda gradient: self.guard(lambda: self._back(number, gradient))))

    def _back(self, number: int, gradient: Tensor) -> None:
        if not self.live:
            return
        plain = gradient.detach()
        plain = plain.to_dense() if plain.layout != torch.strided else plain
        norm = torch.linalg.vector_norm(plain, dtype=torch.float32 if plain.dtype in _LOW else None)
        self.transfer.add(("flow", number), norm)
        if plain.device.type != "cpu" or not math.isfinite(norm.item()):
            self.transfer.add(("bad_backward", number), not_finite(plain))
        self.arrived.append(number)


def _is_activation(module: nn.Module) -> bool:
    """Whether the module only holds one activation function."""
    own = type(module).__module__ == "torch.nn.modules.activation" and not isinstance(module, nn.MultiheadAttention)
    return own and not isinstance(module, (nn.Softmax, nn.LogSoftmax, nn.Softmin, nn.Softmax2d))
