"""Where non-finite values are born: the forward of this very step once more, looked at call by call."""

import math
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from pellucid.core.sites import Place, address
from pellucid.engine.calls import fields
from pellucid.engine.monitor.activations import Activations
from pellucid.engine.monitor.sample import Birth, Direction, Row
from pellucid.engine.monitor.transfer import Transfer
from pellucid.engine.monitor.walk import Frame, Visitor, Walk

Given = tuple[Any, Any, Tensor | None]  # arguments, keywords and the random state of a forward
MOST_TENSORS = 8
MASKING = frozenset(
    {"masked_fill", "where", "full", "full_like", "new_full", "fill", "triu", "tril", "setitem", "index_fill"}
)


class _Found(BaseException):
    """The place is known; nothing more has to run."""


class _Search:
    """Stops at the first call that makes non-finite values of finite ones."""

    def __init__(self, held: Mapping[int, str]) -> None:
        self.held = held
        self.found: tuple[str, str, Direction] | None = None

    def called(self, frame: Frame, place: Place, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> None:
        self._check(frame, place.op, place, (args, kwargs), out)

    def left(self, frame: Frame, out: Any) -> None:
        if not frame.counts:  # what happens inside cannot be seen: a custom function, a scripted part
            self._check(frame, type(frame.module).__name__, None, (), out)

    def _check(self, frame: Frame, op: str, place: Place | None, given: Any, out: Any) -> None:
        made = _badness(tensors(out))
        if not made or (made == {"-inf"} and op in MASKING):
            return
        spoiled = [one for one in tensors(given) if _badness([one])]
        name = next((self.held[id(one)] for one in spoiled if id(one) in self.held), None)
        if name is None and made <= _badness(spoiled):
            return
        inside = Place(frame.path, frame.call) if frame.path or not place else place
        where = address(inside, called_once=frame.call == 0)
        self.found = (name.rpartition(".")[0], "", "update") if name is not None else (where, op, "forward")
        raise _Found


def first_birth(
    model: nn.Module, paths: Mapping[str, nn.Module], given: Given, step: int, clean: int | None = None, part: str = ""
) -> Birth | None:
    """Run the model once more on the same input from the same random state; None if nothing bad comes of it.

    Args:
        part: path of what was called, if not the model itself.
    """
    if any(_is_bad(one) for one in tensors(given[:2])):
        return Birth(step, "input", "", "input")
    search = _Search({id(one): name for name, one in model.named_parameters()})
    with suppress(_Found):
        _rerun(model, paths, given, part, search, gradients=False)
    if search.found is None:
        return None
    layer, operation, direction = search.found
    return Birth(step, layer, operation, direction, clean if direction == "update" else None)


def first_birth_back(
    model: nn.Module, paths: Mapping[str, nn.Module], given: Given, step: int, part: str = ""
) -> Birth | None:
    """Run it once more and go back from the sum of what it gives; None if every gradient is finite then.

    Args:
        part: path of what was called, if not the model itself.
    """
    rows: list[Row] = []
    numbers: dict[Any, int] = {}

    def number_of(row: Row, key: Any) -> int:
        if key not in numbers:
            rows.append(row)
        return numbers.setdefault(key, len(numbers))

    activations = Activations(Transfer(), number_of, lambda work: work())
    output = _rerun(model, paths, given, part, activations, gradients=True)
    totals = [one.sum() for one in tensors(output) if one.requires_grad]
    weights = [one for one in model.parameters() if one.requires_grad]
    if totals and weights:
        torch.autograd.grad(totals, weights, allow_unused=True)
    number, before = activations.broken(activations.transfer.start().read()) or (0, None)
    return (
        None if before is None else Birth(step, rows[before].address, activations.between(number, before), "backward")
    )


def _rerun(
    model: nn.Module, paths: Mapping[str, nn.Module], given: Given, part: str, visitor: Visitor, *, gradients: bool
) -> Any:
    """The output again. Buffers are copies, the random state is put back: the training does not notice."""
    args, kwargs, random = given
    called = paths[part] if part else model
    buffers = {name: one.detach().clone() for name, one in called.named_buffers()}
    walk = Walk(paths, visitor)
    devices = sorted({one.device.index for one in model.parameters() if one.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices), torch.set_grad_enabled(gradients):
        if random is not None:
            torch.set_rng_state(random)
        try:
            walk.open()
            if not part:
                walk.begin(model)
            return functional_call(called, buffers, args, kwargs)
        finally:
            walk.close()


class Again:
    """Looks again at a forward that something bad has come of; `running` while it does.

    Args:
        model: as it is called.
        paths: its modules.
    """

    def __init__(self, model: nn.Module, paths: Mapping[str, nn.Module]) -> None:
        self.model, self.paths, self.running = model, paths, False

    def forward(self, given: Given, step: int, clean: int | None, part: str = "") -> Birth:
        """Where what it gave was born; the output itself where running again gives nothing bad.

        Args:
            clean: the last step at which everything was finite.
            part: path of what was called, if not the model itself.
        """
        found = None
        with self._looking():
            found = first_birth(self.model, self.paths, given, step, clean, part)
        return found or Birth(step, part or "output")

    def backward(self, given: Given, step: int, part: str = "") -> Birth | None:
        """Where its gradients went wrong; None where going back again finds nothing. Arguments as of `forward`."""
        with self._looking():
            return first_birth_back(self.model, self.paths, given, step, part)
        return None

    @contextmanager
    def _looking(self) -> Generator[None]:
        """What cannot run again finds nothing: Lightning exchanges `forward` for the time of a call, for one."""
        self.running = True
        try:
            with suppress(Exception):
                yield
        finally:
            self.running = False


def born_behind(loss: Tensor, since: int, most: int = 64) -> str:
    """The functions between the output of the model and the loss, first to last, as far as the graph tells.

    Args:
        since: the sequence number of the graph's node that gave the output.
    """
    names: list[str] = []
    node: Any = loss.grad_fn
    while node is not None and node._sequence_nr() > since and len(names) < most:
        names.append(_plain(type(node).__name__))
        node = next((one for one, _ in node.next_functions if one is not None), None)
    return ", ".join(name for name in reversed(names) if name != "accumulategrad")


def is_bad(values: Iterable[Tensor]) -> bool:
    """Whether any of some tensors holds anything that is not finite."""
    return any(map(_is_bad, values))


def tensors(value: Any) -> list[Tensor]:
    """The first floating tensors of a nest."""
    if isinstance(value, Tensor):
        return [value] if value.is_floating_point() else []
    found: list[Tensor] = []
    for _, one in fields(value):
        found += tensors(one)
        if len(found) >= MOST_TENSORS:
            break
    return found[:MOST_TENSORS]


def _is_bad(value: Tensor) -> bool:
    """Whether the sum is not finite, and then an element."""
    plain = value.detach()
    if plain.is_meta or plain.layout != torch.strided or not plain.numel():
        return False
    if math.isfinite(plain.sum(dtype=torch.float64 if plain.dtype == torch.float64 else torch.float32).item()):
        return False
    return not bool(plain.isfinite().all())


def _badness(values: list[Tensor]) -> set[str]:
    """Which of "nan", "inf" and "-inf" occur."""
    bad = [one.detach() for one in values if _is_bad(one)]
    kinds = {"nan": torch.isnan, "inf": torch.isposinf, "-inf": torch.isneginf}
    return {name for name, occurs in kinds.items() if any(bool(occurs(one).any()) for one in bad)}


def _plain(node: str) -> str:
    """`LogBackward0`: log."""
    return node.rstrip("0123456789").removesuffix("Backward").lower()
