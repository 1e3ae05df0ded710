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
from torch.func import functional_call

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
            "the model is scripted (torch.jit): its operations cannot be seen", hint="look at the original nn.Module"
        )
    recording = Recording(Taps([], []), grad_mode=False, graph=Detail() if any(one.graph for one in group) else False)
    why = "scripted parts" if looker.unseen else _traced(session, x, recording)
    if not why:
        recording.trace.complete = True
        if looker.hollow:
            looker.remember(x.signature, Reader(recording.trace, looker.modules))
        return [Seen({}, recording.trace) for _ in group]
    refuse_no_values(looker, x, f"its forward asks for values ({why})")
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
    held = session.looker.held
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    output: Any = None
    try:
        state = {name: _emptied(mode, one) for name, one in held.items()}
        if links is not None:
            links.know(state)
            links.know(held)
        with quiet(), mode, torch.no_grad(), attributes_kept(model):
            entered = enter(x.mapped(lambda _, value: _emptied(mode, value)), recording)
            with session.intercept.watching(recording):
                output = functional_call(model, state, entered.args, entered.kwargs)
    except Exception as error:
        if isinstance(error, _NEEDS_VALUES) or can_run(session.looker, x):
            return _said(error)
        raise session.failed(error, recording) from error
    finally:
        recording.stack.clear()
        if links is not None:
            links.close(output, len(recording.trace.events))
    return ""


def _emptied(mode: FakeTensorMode, tensor: Tensor) -> Tensor:
    """The tensor without its values; what lies on the meta device becomes one of the processor's."""
    if not tensor.is_meta:
        return mode.from_tensor(tensor, static_shapes=True)
    with mode:
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
def attributes_kept(model: nn.Module) -> Generator[None]:
    """What modules keep in attributes of their own, as tables made at the first call, is put back as it was."""
    before = [(module, dict(module.__dict__), _contents(module)) for module in model.modules()]
    try:
        yield
    finally:
        for module, held, contents in before:
            now = module.__dict__
            if now.keys() != held.keys() or any(now[name] is not one for name, one in held.items()):
                now.clear()
                now.update(held)
            for container, inside in contents:
                _put_back(container, inside)


def _contents(module: nn.Module) -> list[tuple[Any, Any]]:
    """Lists and dicts among a module's own attributes, each with a copy."""
    own = (one for name, one in module.__dict__.items() if name not in _TORCHS)
    return [(one, one.copy()) for one in own if type(one) in (dict, list)]


def _put_back(container: Any, inside: Any) -> None:
    same = len(container) == len(inside) and all(
        one is two
        for one, two in zip(
            container.values() if isinstance(container, dict) else container,
            inside.values() if isinstance(inside, dict) else inside,
            strict=True,
        )
    )
    if not same:
        container.clear()
        container.update(inside) if isinstance(container, dict) else container.extend(inside)


_TORCHS = frozenset(nn.Module().__dict__)
