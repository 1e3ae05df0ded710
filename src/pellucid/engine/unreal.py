"""A forward without values: parameters and inputs are replaced by tensors that have a shape and a type only.

The model's own tensors are neither read nor copied, so it may lie on the meta device, and be larger than memory.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
)

from pellucid.core.errors import NotApplicable, PellucidError
from pellucid.core.text import Text
from pellucid.engine.graphs.detail import Detail
from pellucid.engine.group import run_group
from pellucid.engine.looker import Session, can_run, enter, refuse_no_values
from pellucid.engine.passes import Pass, Seen
from pellucid.engine.recording import Recording
from pellucid.engine.roles import Reader
from pellucid.engine.taps import Taps
from pellucid.inputs.inputs import Inputs

_NEEDS_VALUES = (
    DataDependentOutputException,
    DynamicOutputShapeException,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
)
_RUN_INSTEAD = Text(
    "Shapes alone do not say how this model goes on ({why}), so it was run on the input.",
    "仅凭形状无法确定此模型的后续计算（{why}），因此用该输入实际运行了一次。",
)


def run_unreal(session: Session, group: list[Pass]) -> list[Seen | PellucidError]:
    """One forward without values for all passes, which must be equal in input; a real one where that is not possible.

    Raises:
        ModelFailed: the model raised.
        NotApplicable: it is scripted, or asks for values that neither it nor the input has.
    """
    looker, x = session.looker, group[0].x
    if looker.scripted:
        raise NotApplicable(
            Text(
                "the model is scripted (torch.jit): its operations cannot be seen",
                "模型是脚本化的（torch.jit）：看不到其中的运算",
            ),
            hint=Text("look at the original nn.Module", "请查看原来的 nn.Module"),
        )
    recording = Recording(Taps([], []), grad_mode=False, graph=Detail() if any(one.graph for one in group) else False)
    why = "scripted parts" if looker.unseen else _traced(session, x, recording)
    if not why:
        recording.trace.complete = True
        if looker.hollow:
            looker.remember(x.signature, Reader(recording.trace, looker.modules))
        return [Seen({}, recording.trace) for _ in group]
    refuse_no_values(looker, x, Text(f"its forward asks for values ({why})", f"它的前向需要数值（{why}）"))
    note = Text(_RUN_INSTEAD.en.format(why=why), _RUN_INSTEAD.zh.format(why=why))
    return [
        replace(one, notes=(*one.notes, note)) if isinstance(one, Seen) else one
        for one in run_group(session, [replace(one, real=True) for one in group])
    ]


def _traced(session: Session, x: Inputs, recording: Recording) -> str:
    """Run the model; returns why that is not possible without values, `""` if it was.

    What goes wrong here need not go wrong with values: some kernels refuse more than the ones that compute. So a model
    that can run is run to find out.

    Raises:
        ModelFailed: the model raised, and has no values to run it with.
    """
    model, links = session.looker.model, recording.graph
    empty = _Empty()
    output: Any = None
    try:
        with quiet(), tensors_kept(model):
            for module in model.modules():
                empty.out(module)
            if links is not None:
                links.know({name: empty.of(one) for name, one in session.looker.held.items()})
            with empty.mode, torch.no_grad():
                entered = enter(x.mapped(lambda _, value: empty.of(value)), recording)
                with session.intercept.watching(recording):
                    output = model(*entered.args, **entered.kwargs)
    except Exception as error:
        if isinstance(error, _NEEDS_VALUES) or can_run(session.looker, x):
            return _said(error)
        raise session.failed(error, recording) from error
    finally:
        recording.stack.clear()
        if links is not None:
            links.close(output, len(recording.trace.events))
    return ""


class _Empty:
    """Tensors without values, one for each of the model's and the input's."""

    def __init__(self) -> None:
        self.mode = FakeTensorMode(allow_non_fake_inputs=True)
        self._made: dict[int, tuple[Tensor, Tensor]] = {}

    def of(self, tensor: Any) -> Any:
        """The one that stands for a tensor; what lies on the meta device becomes one of the processor's."""
        if not isinstance(tensor, Tensor):
            return tensor
        if id(tensor) not in self._made:
            self._made[id(tensor)] = (tensor, self._new(tensor))
        return self._made[id(tensor)][1]

    def out(self, module: nn.Module) -> None:
        """Put them in the place of every tensor that a module itself holds."""
        for held in _containers(module):
            if isinstance(held, dict):
                held.update({name: self.of(one) for name, one in held.items() if isinstance(one, Tensor)})
            else:
                held[:] = map(self.of, held)

    def _new(self, tensor: Tensor) -> Tensor:
        if not tensor.is_meta:
            return self.mode.from_tensor(tensor, static_shapes=True)
        with self.mode:
            empty = torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device="cpu")
        return nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty


def _said(error: Exception) -> str:
    func = getattr(error, "func", None)
    return str(func).removeprefix("aten.") if func is not None else type(error).__name__


@contextmanager
def quiet() -> Generator[None]:
    """Without torch's own report of what cannot be followed, which is told as a note."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


@contextmanager
def tensors_kept(model: nn.Module) -> Generator[None]:
    """What modules hold is put back: parameters, buffers, and attributes, as tables made at the first call."""
    before = [(held, held.copy()) for module in model.modules() for held in _containers(module)]
    try:
        yield
    finally:
        for held, inside in before:
            _put_back(held, inside)


def _containers(module: nn.Module) -> list[Any]:
    """Everything that a module keeps something in."""
    own = (one for name, one in module.__dict__.items() if name not in _TORCHS and type(one) in (dict, list))
    return [module.__dict__, module._parameters, module._buffers, *own]


def _put_back(held: Any, inside: Any) -> None:
    now, then = (one.values() if isinstance(one, dict) else one for one in (held, inside))
    named = not isinstance(held, dict) or list(held) == list(inside)
    if named and len(now) == len(then) and all(one is two for one, two in zip(now, then, strict=True)):
        return
    held.clear()
    held.update(inside) if isinstance(held, dict) else held.extend(inside)


_TORCHS = frozenset(nn.Module().__dict__)
