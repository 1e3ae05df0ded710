"""Which call made the tensors that a call reads, and which calls of modules they lie in."""

from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import Any
from weakref import ref

import torch
from torch import Tensor

from pellucid.engine.calls import fields
from pellucid.engine.graphs.arguments import attributes
from pellucid.engine.graphs.detail import Detail, ModuleCall, Note
from pellucid.engine.graphs.figures import figures
from pellucid.engine.graphs.flops import flops
from pellucid.engine.graphs.overlap import overlap
from pellucid.engine.storage import storage_of

Read = tuple[int, tuple[int, ...]]


class Links:
    """Filled while a forward runs; keeps no tensor alive.

    A write into a tensor is a new version of it and of every tensor that shows some of the same elements.

    Args:
        detail: what else is noted of each call; None: nothing.

    `reads` holds for every event that is a call the events that made what it reads, with shapes; inputs are numbered
    -1, -2, ... `parameters` holds the ids of what came from elsewhere, `names` what such ids are called.
    """

    def __init__(self, detail: Detail | None = None) -> None:
        self.detail = detail
        self.reads: dict[int, list[Read]] = {}
        self.parameters: dict[int, list[int]] = {}
        self.names: dict[int, str] = {}
        self.inputs: list[tuple[str, tuple[int, ...]]] = []
        self.input_types: list[str] = []
        self.outputs: list[Read] = []
        self.notes: dict[int, Note] = {}
        self.modules: list[ModuleCall] = []
        self._open: list[int] = []
        self._maker: dict[int, tuple[ref[Tensor], int]] = {}
        self._kin: dict[int, list[ref[Tensor]]] = {}

    def know(self, tensors: Mapping[str, Tensor]) -> None:
        """What tensors of the model are called."""
        for name, tensor in tensors.items():
            self.names.setdefault(id(tensor), name)

    def enter(self, tensor: Tensor, name: str) -> None:
        """`tensor` comes from outside."""
        self.inputs.append((name, tuple(tensor.shape)))
        self.input_types.append(_type(tensor))
        self._made(tensor, -len(self.inputs))

    def begin(self, path: str, call: int, kind: str, events: int) -> None:
        """A module is called, after that many events."""
        self.modules.append(ModuleCall(path, call, kind, self._open[-1] if self._open else None, events))
        self._open.append(len(self.modules) - 1)

    def end(self, path: str, events: int) -> None:
        """The call is over."""
        while self._open:
            one = self.modules[self._open.pop()]
            one.stop = events
            if one.path == path:
                return

    def now(self) -> float:
        """When a call begins, in seconds, where that is wanted."""
        if self.detail is None or not self.detail.seconds:
            return 0.0
        _wait()
        return perf_counter()

    def since(self, began: float) -> float | None:
        """How long a call took."""
        if self.detail is None or not self.detail.seconds:
            return None
        _wait()
        return perf_counter() - began

    def add(
        self,
        index: int,
        name: str,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        out: Any,
        written: Any = None,
        seconds: float | None = None,
    ) -> None:
        """Note the tensors that event `index`, a call of `func`, read, wrote and made."""
        reads, parameters = self.reads.setdefault(index, []), self.parameters.setdefault(index, [])
        read = list(_nested((args, kwargs)))
        for value in read:
            maker = self._made_by(value)
            if maker is not None:
                reads.append((maker, tuple(value.shape)))
            else:
                parameters.append(id(value))
        made = list(_nested((out,)))
        if self.detail is not None:
            self.notes[index] = self._note(name, func, args, kwargs, read, made, out, seconds)
        for value in () if written is None else _nested((written,)):
            known = {maker for maker, _ in reads}
            reads += [one for one in self._renewed(value, index) if one[0] not in known]
        for value in made:
            self._made(value, index)

    def close(self, output: Any, events: int) -> None:
        """The forward is over: note what made its output."""
        made = ((self._made_by(one), tuple(one.shape)) for one in _everywhere(output))
        self.outputs = [(maker, shape) for maker, shape in made if maker is not None]
        for at in self._open:
            self.modules[at].stop = events
        self._open.clear()
        self._kin.clear()
        self._maker.clear()

    def _note(
        self,
        name: str,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        read: list[Tensor],
        made: list[Tensor],
        out: Any,
        seconds: float | None,
    ) -> Note:
        held = {storage_of(one) for one in read}
        memory = 0
        for one in made:
            storage = storage_of(one)
            if storage not in held:
                held.add(storage)
                memory += _bytes(one)
        wants = self.detail is not None and self.detail.values
        first = next((one for one in made if one.is_floating_point()), None) if wants else None
        return Note(
            attributes(func, name, args, kwargs),
            tuple((tuple(one.shape), _type(one)) for one in made),
            flops(name, args, kwargs, out),
            memory,
            None if first is None else figures(first, name),
            seconds,
        )

    def _made_by(self, tensor: Tensor) -> int | None:
        known = self._maker.get(id(tensor))
        return known[1] if known is not None and known[0]() is tensor else None

    def _made(self, tensor: Tensor, index: int) -> None:
        if self._made_by(tensor) is None:
            kin = self._kin.setdefault(storage_of(tensor), [])
            kin[:] = [*(one for one in kin if one() is not None), ref(tensor)]
        self._maker[id(tensor)] = (ref(tensor), index)

    def _renewed(self, tensor: Tensor, index: int) -> list[Read]:
        """Other tensors that show what is written belong to this call now; what of them stays is read by it."""
        kept: list[Read] = []
        for one in self._kin.get(storage_of(tensor), ()):
            other = one()
            maker = None if other is None or other is tensor else self._made_by(other)
            if other is None or maker is None:
                continue
            shared, remains = overlap(tensor, other)
            if shared:
                kept += [(maker, tuple(other.shape))] if remains else []
                self._made(other, index)
        return kept


def assigned(args: tuple[Any, ...], written: Tensor) -> Tensor:
    """The part of a tensor that `tensor[index] = value` writes, where it is a view; the whole of it otherwise."""
    if len(args) < 3 or next(_nested((args[1],)), None) is not None:
        return written
    part = written[args[1]]
    return part if storage_of(part) == storage_of(written) else written


def _nested(nest: Any) -> Iterator[Tensor]:
    """Every tensor among the arguments of a call."""
    for one in nest:
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, (tuple, list)):
            yield from _nested(one)
        elif isinstance(one, dict):
            yield from _nested(one.values())


def _everywhere(value: Any) -> Iterator[Tensor]:
    """Every tensor of a nest of tuples, lists, dicts and dataclasses."""
    if isinstance(value, Tensor):
        yield value
    for _, part in fields(value):
        yield from _everywhere(part)


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _bytes(tensor: Tensor) -> int:
    try:
        return int(tensor.untyped_storage().nbytes())
    except (NotImplementedError, RuntimeError):
        return tensor.numel() * tensor.element_size()


def _wait() -> None:
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()
