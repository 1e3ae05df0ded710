"""Which call made the tensors that a call reads, and which calls of modules they lie in."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from pellucid.core.sites import Place
from pellucid.engine.calls import fields
from pellucid.engine.graphs.arguments import attributes
from pellucid.engine.graphs.broken import Broken, unfinished
from pellucid.engine.graphs.detail import Detail, ModuleCall, Note
from pellucid.engine.graphs.figures import figures
from pellucid.engine.graphs.flops import flops
from pellucid.engine.graphs.makers import Makers
from pellucid.engine.storage import storage_of
from pellucid.engine.trace import Event
from pellucid.engine.transforms import beneath, unwrapped

Read = tuple[int, tuple[int, ...]]


class Links:
    """Filled while a forward runs; keeps no tensor alive.

    A write into a tensor is a new version of it and of every tensor that shows some of the same elements.

    Args:
        detail: what else is noted of each call; None: nothing.

    `reads` holds for every event that is a call the events that made what it reads, with shapes; inputs are numbered
    -1, -2, ... `parameters` holds the ids of what came from elsewhere, `names` what such ids are called. Where the
    model raised, `broken` is what would have been the next event, and `reads` holds it under that number.
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
        self.makers = Makers()
        self.broken: Event | None = None
        self._open: list[tuple[int, list[Read]]] = []
        self._raised: tuple[Exception, Broken] | None = None

    def know(self, tensors: Mapping[str, Tensor]) -> None:
        """What tensors of the model are called."""
        for name, tensor in tensors.items():
            self.names.setdefault(id(tensor), name)

    def enter(self, tensor: Tensor, name: str) -> None:
        """`tensor` comes from outside."""
        self.inputs.append((name, tuple(tensor.shape)))
        self.input_types.append(_type(tensor))
        self.makers.made(tensor, -len(self.inputs))

    def begin(self, path: str, call: int, kind: str, events: int, given: Any = ()) -> None:
        """A module is called with `given`, after that many events."""
        parent = self._open[-1][0] if self._open else None
        self.modules.append(ModuleCall(path, call, kind, parent, events))
        self._open.append((len(self.modules) - 1, [] if self.detail is None else self._read(_nested(given))))
        self.makers.enter()

    def end(self, path: str, events: int, output: Any = None) -> None:
        """The call is over, and gave `output`."""
        while self._open:
            one = self.modules[self._open.pop()[0]]
            one.stop = events
            self.makers.leave(_everywhere(output) if one.path == path else ())
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
        reads += self._read(read)
        parameters += [id(value) for value in read if self.makers.of(value) is None]
        made = list(_nested((out,)))
        if self.detail is not None:
            self.notes[index] = self._note(name, func, args, kwargs, read, made, out, seconds)
        for value in () if written is None else _nested((written,)):
            known = {maker for maker, _ in reads}
            reads += [one for one in self.makers.renewed(value, index) if one[0] not in known]
        given = set() if written is not None else set(map(id, read))
        for value in made:
            if id(value) in given:
                self.makers.passed(value, index)
            else:
                self.makers.made(value, index)

    def raised(
        self, error: Exception, place: Place, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """A call raised; that ends the forward unless the model goes on."""
        read = list(_nested((args, kwargs)))
        unknown = [id(value) for value in read if self.makers.of(value) is None]
        given = tuple(tuple(one.shape) for one in read if id(one) not in self.names)
        note = Note({**attributes(func, place.op, args, kwargs), "inputs": given})
        self._raised = error, Broken(place, self._read(read), unknown, note)

    def fail(self, error: Exception, events: int) -> None:
        """The forward ended with `error`, after that many events: note where, in a call or in a module's own code."""
        if self._raised is not None and self._raised[0] is error:
            found = self._raised[1]
        elif self._open:
            at, given = self._open[-1]
            found = unfinished(self.modules[at], given, self.reads, self.notes)
        else:
            return
        place = found.place
        self.broken = Event(place.path, place.call, place.op, place.n, place.op, (), None)
        self.reads[events], self.parameters[events], self.notes[events] = found.reads, found.parameters, found.note

    def close(self, output: Any, events: int) -> None:
        """The forward is over: note what made its output."""
        self.outputs = self._read(_everywhere(output))
        for at, _ in self._open:
            self.modules[at].stop = events + (self.broken is not None)
        self._open.clear()
        self._raised = None
        self.makers = Makers()

    def _read(self, tensors: Iterable[Tensor]) -> list[Read]:
        """Makers of those that have one."""
        known = ((self.makers.of(one), tuple(one.shape)) for one in tensors)
        return [(maker, shape) for maker, shape in known if maker is not None]

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
            beneath(partial(flops, name), args, kwargs, out),
            memory,
            None if first is None else beneath(partial(figures, name=name), first),
            seconds,
        )


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
            yield unwrapped(one)
        elif isinstance(one, (tuple, list)):
            yield from _nested(one)
        elif isinstance(one, dict):
            yield from _nested(one.values())


def _everywhere(value: Any) -> Iterator[Tensor]:
    """Every tensor of a nest of tuples, lists, dicts and dataclasses."""
    if isinstance(value, Tensor):
        yield unwrapped(value)
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
