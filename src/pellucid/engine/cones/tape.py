"""One forward written down call by call, so that it can be played again on other values."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_iter, tree_map

from pellucid.engine.calls import Call, known
from pellucid.engine.cones.operations import POINTWISE
from pellucid.engine.recording import storage_of

_VALUES_READ = frozenset(
    {
        *("item", "tolist", "numpy", "__bool__", "__int__", "__float__", "__index__", "__array__", "__contains__"),
        *("__reduce_ex__", "__deepcopy__", "data_ptr", "untyped_storage"),
    }
)
_OF_NO_TENSOR = frozenset({"_set_grad_enabled", "manual_seed"})


class CannotReplay(Exception):
    """The forward does something that playing it again would not repeat."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Stands in the arguments of a call for the value with this number."""

    value: int


@dataclass(slots=True)
class Value:
    """A tensor that depends on the input.

    Args:
        shape: for one example.
        clean: what it is for the recorded input; None where no replay needs it.
        needed: whether a replay may need `clean`.
    """

    shape: tuple[int, ...]
    clean: Tensor | None
    needed: bool = False

    @property
    def rowed(self) -> bool:
        """Whether its first axis counts the examples."""
        return len(self.shape) > 0 and self.shape[0] == 1


@dataclass(slots=True)
class Step:
    """One function call: arguments with `Ref` for what depends on the input, and what it gave.

    Args:
        out: the nest that it returned, with `Ref` for tensors.
        writes: whether it changes its first argument.
    """

    name: str
    func: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    out: Any
    writes: bool = False

    @property
    def inputs(self) -> list[int]:
        """Numbers of the values that it reads, in order."""
        return [one.value for one in tree_iter((self.args, self.kwargs)) if isinstance(one, Ref)]

    @property
    def outputs(self) -> list[int]:
        """Numbers of the values that it makes."""
        return [one.value for one in tree_iter(self.out) if isinstance(one, Ref)]


@dataclass
class Tape:
    """A forward of one example.

    Args:
        values: by number; the input is number 0.
        steps: in order.
        output: what the model returned, with `Ref` for tensors that depend on the input.
    """

    values: list[Value] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    output: Any = None

    def prune(self) -> None:
        """Let go of what no replay needs."""
        for one in tree_iter(self.output):
            if isinstance(one, Ref):
                self.values[one.value].needed = True
        for value in self.values:
            if not value.needed:
                value.clean = None


class _Recorder(TorchFunctionMode):
    def __init__(self, entered: Tensor) -> None:
        super().__init__()
        self.tape = Tape([Value(tuple(entered.shape), entered.detach().clone(), needed=True)])
        self.numbers: dict[int, int] = {id(entered): 0}
        self.sharing: dict[int, list[int]] = {storage_of(entered): [id(entered)]}
        self.stale: set[int] = set()
        self.held: list[Tensor] = [entered]
        self.calls: dict[Any, Call] = {}

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        call = self.calls.get(func)
        if call is None:
            call = self.calls[func] = known(func)
        if name in _OF_NO_TENSOR or (call.silent and name not in _VALUES_READ):
            return func(*args, **kwargs)
        read = [one for one in tree_iter((args, kwargs)) if isinstance(one, Tensor)]
        written = call.written(args, kwargs)
        if any(id(one) in self.stale for one in read):
            raise CannotReplay("a view of a tensor that was written")
        if not any(id(one) in self.numbers for one in read):
            if written is not None:
                raise CannotReplay("a write into a tensor of the model")
            return func(*args, **kwargs)
        if name in _VALUES_READ:
            raise CannotReplay("the forward reads values")
        return self._take(call, func, args, kwargs, written)

    def _take(self, call: Call, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], written: Any) -> Any:
        args_, kwargs_ = tree_map(self._ref, (args, kwargs))
        refs = {one.value for one in tree_iter((args_, kwargs_)) if isinstance(one, Ref)}
        if call.name not in POINTWISE or len(refs) > 1:
            for number in refs:
                self.tape.values[number].needed = True
        if written is not None:
            self._save(written, args)
        out = func(*args, **kwargs)
        if written is not None and out is not written:
            raise CannotReplay("a write that returns something else")
        out_ = tree_map(self._made, out)
        self.tape.steps.append(Step(call.name, func, args_, kwargs_, out_, written is not None))
        return out

    def _ref(self, one: Any) -> Any:
        number = self.numbers.get(id(one)) if isinstance(one, Tensor) else None
        return one if number is None else Ref(number)

    def _made(self, one: Any) -> Any:
        if not isinstance(one, Tensor):
            if isinstance(one, (nn.Module, Iterator)):
                raise CannotReplay("a call that returns no tensors")
            return one
        kin = self.sharing.setdefault(storage_of(one), [])
        if id(one) not in self.numbers:
            kin.append(id(one))
            self.held.append(one)
        self.numbers[id(one)] = len(self.tape.values)
        self.tape.values.append(Value(tuple(one.shape), one))
        return Ref(self.numbers[id(one)])

    def _save(self, written: Any, args: tuple[Any, ...]) -> None:
        """Copy the values that are about to be overwritten, where a replay needs them."""
        if not isinstance(written, Tensor) or not args or written is not args[0] or id(written) not in self.numbers:
            raise CannotReplay("a write elsewhere than into the first argument")
        storage = storage_of(written)
        for value in self.tape.values:
            if value.clean is not None and storage_of(value.clean) == storage:
                value.clean = value.clean.detach().clone() if value.needed else None
        self.stale |= {one for one in self.sharing[storage] if one != id(written)}


def recorded(entered: Tensor, run: Callable[[], Any]) -> Tape:
    """The tape of `run()`, a forward that `entered`, `(1, ...)`, enters.

    Raises:
        CannotReplay: the forward draws random numbers, reads values, or writes where a replay could not follow.
    """
    recorder = _Recorder(entered)
    before = torch.get_rng_state()
    with torch.no_grad(), recorder:
        output = run()
    if not torch.equal(before, torch.get_rng_state()):
        raise CannotReplay("the forward draws random numbers")
    tape = recorder.tape
    tape.output = tree_map(recorder._ref, output)
    tape.prune()
    return tape
