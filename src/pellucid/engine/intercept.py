"""The one place that watches a forward: module hooks and a function mode, installed together, always removed.

Nothing that flows is changed or cloned unless an edit asks. A value that is about to be overwritten in place is copied
just before; gradients are taken at graph edges, which later writes cannot move.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from pellucid.core.sites import Place
from pellucid.engine.attention.attending import Found
from pellucid.engine.attention.attention import kept
from pellucid.engine.calls import Call, first_tensor, known, part, with_part
from pellucid.engine.compiled import as_written, opened
from pellucid.engine.graphs.links import assigned
from pellucid.engine.mixing import READS, may_mix
from pellucid.engine.recording import Frame, Recording
from pellucid.engine.taps import Point


class Stop(BaseException):
    """Raised inside the model when everything that was wanted has been seen."""


class Intercept:
    """Watches one model, in one thread, while `recording` is set."""

    def __init__(self, paths: dict[str, nn.Module]) -> None:
        self.paths = paths
        self.recording: Recording | None = None
        self.thread = 0
        self.mode = _Mode(self)

    @contextmanager
    def installed(self) -> Generator["Intercept"]:
        """Hooks on every module until the context closes, whatever happens inside."""
        self.thread = get_ident()
        handles: list[Any] = []
        try:
            for path, module in self.paths.items():
                handles.append(module.register_forward_pre_hook(partial(self._enter, path), with_kwargs=True))
                handles.append(module.register_forward_hook(partial(self._leave, path)))
            yield self
        finally:
            for handle in handles:
                handle.remove()
            self.recording = None

    @contextmanager
    def watching(self, recording: Recording) -> Generator[None]:
        """One forward."""
        self.recording = recording
        try:
            with as_written(), self.mode:
                yield
        finally:
            self.recording = None

    def whole(self, model: nn.Module, output: Any) -> Any:
        """The output of a model that cannot have hooks, seen and edited as they would."""
        self._enter("", model, (), {})
        changed = self._leave("", model, (), output)
        return output if changed is None else changed

    def _enter(self, path: str, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        run = self.recording
        if torch.compiler.is_compiling() or run is None or run.aside or get_ident() != self.thread:
            return None
        call = run.calls.get(path, 0)
        run.calls[path] = call + 1
        run.stack.append(Frame(path, call))
        if run.graph is not None:
            run.graph.begin(path, call, type(module).__name__, len(run.trace.events), (args, kwargs))
        if path == "" or (run.taps.at(path, call, "", 0, "in") is None and not run.taps.candidates):
            return None
        with torch._C.DisableTorchFunction():
            nest = (*args, *kwargs.values())
            changed = _observe(run, path, call, "", 0, "in", nest)
        if changed is nest:
            return None
        return tuple(changed[: len(args)]), dict(zip(kwargs, changed[len(args) :], strict=True))

    def _leave(self, path: str, module: nn.Module, args: Any, output: Any) -> Any:
        run = self.recording
        if torch.compiler.is_compiling() or run is None or run.aside or get_ident() != self.thread:
            return None
        frame = run.stack.pop()
        while frame.path != path and run.stack:
            frame = run.stack.pop()
        if run.graph is not None:
            run.graph.end(path, len(run.trace.events), output)
        with torch._C.DisableTorchFunction():
            tensor = output if isinstance(output, Tensor) else first_tensor(output)
            if tensor is None:
                return None
            run.event(path, frame.call, "", 0, type(module).__name__, tensor)
            changed = _observe(run, path, frame.call, "", 0, "out", output)
            if run.finished():
                raise Stop
        return None if changed is output else changed


def _observe(run: Recording, path: str, call: int, op: str, n: int, side: str, nest: Any) -> Any:
    """Edit and capture whatever is wanted at this place; returns `nest` itself unless an edit changed it."""
    point = run.taps.at(path, call, op, n, side)
    if point is None and not run.taps.candidates:
        return nest
    run.aside = True
    try:
        return _touch(run, point, Place(path, call, op, n, side), nest)
    finally:
        run.aside = False


def _touch(run: Recording, point: Point | None, place: Place, nest: Any) -> Any:
    if point is not None:
        nest = _apply(run, point, place, nest)
    if run.taps.candidates:
        tensor = first_tensor(nest)
        tap = run.taps.candidate(place, tensor) if tensor is not None else None
        if tap is not None and tensor is not None:
            run.take(tap if point is None or "" not in point.taps else tap.joined(point.taps[""]), place, "", tensor)
    return nest


def _apply(run: Recording, point: Point, place: Place, nest: Any) -> Any:
    for name, edit in point.edits:
        tensor = part(nest, name)
        if tensor is not None:
            with torch.set_grad_enabled(run.grad_mode):
                nest = with_part(nest, name, edit(tensor))
            run.edited.add(id(edit))
    for name, tap in point.taps.items():
        tensor = part(nest, name)
        if tensor is not None:
            run.take(tap, place, name, tensor)
    return nest


class _Mode(TorchFunctionMode):
    def __init__(self, owner: Intercept) -> None:
        super().__init__()
        self.owner = owner

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if torch.compiler.is_compiling():
            return func(*args, **kwargs)
        call = known(func)
        run = self.owner.recording
        if call.name in READS and run is not None and not run.aside:
            run.trace.mixes = True
        if call.silent or run is None or run.aside or not run.stack:
            return func(*args, **kwargs)
        inner = call.inner or opened(func, args)
        if inner is not None:
            with self:
                return inner(*args, **kwargs)
        try:
            return _call(run, call, func, args, kwargs)
        except Exception as error:
            if run.graph is not None:
                frame = run.stack[-1]
                place = Place(frame.path, frame.call, call.name, frame.counts.get(call.name, 0))
                run.graph.raised(error, place, func, args, kwargs)
            raise


def _call(run: Recording, call: Call, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    frame = run.stack[-1]
    name, n = call.name, frame.counts.get(call.name, 0)
    args = _observe(run, frame.path, frame.call, name, n, "in", args)
    draft, found, place = None, None, Place(frame.path, frame.call, name, n)
    if run.following is not None:
        draft = run.following.enter(place, func, args, kwargs)
    written = call.written(args, kwargs)
    if written is not None and run.live:
        run.save(written)
    began = 0.0 if run.graph is None else run.graph.now()
    if call.recurrent and not run.grad_mode:
        with torch.enable_grad():
            out = _detached(func(*args, **kwargs))
    elif (found := run.attending.meet(name, args, kwargs)) is not None and _edits(run, frame) is not None:
        found, out = _edited(run, frame, found)
    elif run.spread is not None:
        out = run.spread.called(call, func, args, kwargs)
    else:
        out = func(*args, **kwargs)
    seconds = None if run.graph is None else run.graph.since(began)
    if run.entering and name == "embedding":
        out = run.embedded(args, kwargs, out)
    if run.following is not None and draft is not None:
        run.following.leave(draft, out, written)
    tensor = out if isinstance(out, Tensor) else (written if out is None else first_tensor(out, floating=False))
    if not isinstance(tensor, Tensor):
        return out
    frame.counts[name] = n + 1
    run.event(frame.path, frame.call, name, n, name, tensor)
    run.trace.mixes = run.trace.mixes or may_mix(name, args, kwargs, tensor)
    if run.graph is not None:
        changed = assigned(args, tensor) if name == "setitem" else written
        given = tensor if out is None else out
        run.graph.add(len(run.trace.events) - 1, name, func, args, kwargs, given, changed, seconds)
    product = out
    if out is not None:
        out = _observe(run, frame.path, frame.call, name, n, "out", out)
    run.attending.trails.leave(name, args, kwargs, written if out is None else out)
    _noted(run, place, func, args, kwargs, out)
    if run.finished():
        raise Stop
    if found is not None and isinstance(product, Tensor):
        run.attend(frame, found, product)
        if run.finished():
            raise Stop
    return out


def _noted(run: Recording, place: Place, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
    if run.routes is not None:
        run.routes.met(func, args, kwargs, out, place, partial(kept, hold=run.hold))
    if run.nodes is not None:
        run.nodes.add(place.op, args, kwargs, out, place)


def _edits(run: Recording, frame: Frame) -> Point | None:
    """What is to be changed of the probabilities of the attention that is about to run."""
    point = run.taps.at(frame.path, frame.call, "attention", frame.counts.get("attention", 0), "out")
    return point if point is not None and point.edits else None


def _edited(run: Recording, frame: Frame, found: Found) -> tuple[Found, Any]:
    """The attention with other probabilities: only here the model's own kernel is replaced."""
    point = _edits(run, frame)
    run.aside = True
    try:
        with torch.set_grad_enabled(run.grad_mode):
            weights = found.make(*found.held)
            for _, edit in point.edits if point is not None else ():
                weights = edit(weights)
                run.edited.add(id(edit))
            out = found.run(weights)
    finally:
        run.aside = False
    return replace(found, make=lambda one: one, held=(weights,)), out


def _detached(out: Any) -> Any:
    if isinstance(out, Tensor):
        return out.detach()
    return type(out)(map(_detached, out)) if isinstance(out, (tuple, list)) else out
