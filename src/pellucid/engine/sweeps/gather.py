"""One shard: its samples go through the network once, and every reducer takes what it needs on the way."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from pellucid.core.errors import LayerNotFound, ModelFailed, NotApplicable, PellucidError
from pellucid.core.sites import Place, Site
from pellucid.core.text import Text
from pellucid.engine.group import run_group
from pellucid.engine.looker import Session, out_of_memory
from pellucid.engine.passes import Keep, Pass, Seen
from pellucid.engine.roles import Layout
from pellucid.engine.sweeps.cells import cells
from pellucid.engine.sweeps.part import Left, Part
from pellucid.engine.sweeps.reducers import Reducer, Samples, State
from pellucid.inputs.data.data import told
from pellucid.inputs.inputs import Inputs

_LONGEST_REASON = 300


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples on their way into the network.

    Args:
        x: those that could be read; None if none of them could.
        ordinals, labels: of these; a label is -1 where there is none.
        left_out: number and reason of the others.
    """

    x: Inputs | None
    ordinals: tuple[int, ...]
    labels: tuple[int, ...]
    left_out: tuple[Left, ...] = ()


class Source(Protocol):
    """A data set as the network takes it."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels; empty if there are none."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the network's own classes; empty if they are not known."""
        ...

    @property
    def white(self) -> float | None:
        """Standard deviation of samples that are white noise by construction; None for all other data."""
        ...

    def __len__(self) -> int: ...

    def name(self, ordinal: int) -> str:
        """How a sample is called."""
        ...

    def label(self, ordinal: int) -> int | None:
        """Its class, as far as it is known."""
        ...

    def batches(self, span: range, size: int) -> Iterator[Batch]:
        """The samples of `span` in batches of at most `size`, the same ones each time."""
        ...

    def inputs(self, ordinals: list[int]) -> Inputs:
        """Some samples again."""
        ...


@dataclass(frozen=True, eq=False)
class Item:
    """One reducer at one place.

    Args:
        channels: how many there are.
    """

    reducer: Reducer
    place: Place
    address: str
    layout: Layout | None
    channels: int


Items = Mapping[str, Item]


def gather(
    session: Session,
    source: Source,
    items: Items,
    span: range,
    batch_size: int,
    *,
    begun: tuple[Part, int] | None = None,
    each: Callable[[Part, int], None] | None = None,
) -> Part:
    """What a range of samples amounts to.

    Args:
        begun: what its first batches amounted to, and how many they were.
        each: told after every batch what there is so far, and of how many batches; may raise to stop.
    Raises:
        NotApplicable: a place has another form than before.
    """
    part, done = begun or (Part(), 0)
    for i, batch in enumerate(source.batches(span, batch_size)):
        if i < done:
            continue
        part = replace(part, left_out=(*part.left_out, *batch.left_out))
        if batch.x is not None:
            more = _through(session, items, part, batch, batch.x)
            part = replace(more, halved=min(more.halved, part.halved + 1))
        if each is not None:
            each(part, i + 1)
    return replace(part, left_out=tuple(sorted(part.left_out)))


def _through(session: Session, items: Items, part: Part, batch: Batch, x: Inputs) -> Part:
    """With one more batch; in halves where it does not fit, or where the model raises for one of its samples."""
    alone = len(batch.ordinals) == 1
    try:
        return _with(session, items, part, batch, x)
    except ModelFailed as error:
        if isinstance(error.__cause__, torch.AcceleratorError):  # no later sample would go through either
            raise
        if alone:
            return replace(part, left_out=(*part.left_out, (batch.ordinals[0], told(error)[:_LONGEST_REASON])))
    except Exception as error:
        if alone or not out_of_memory(error):
            raise
        part = replace(part, halved=part.halved + 1)
    middle = len(batch.ordinals) // 2
    for start, stop in ((0, middle), (middle, len(batch.ordinals))):
        half = Batch(x.rows(start, stop), batch.ordinals[start:stop], batch.labels[start:stop])
        part = _through(session, items, part, half, x.rows(start, stop))
    return part


def _with(session: Session, items: Items, part: Part, batch: Batch, x: Inputs) -> Part:
    device = next(iter(x.tensors.values())).device
    samples = Samples(torch.tensor(batch.ordinals, device=device), torch.tensor(batch.labels, device=device), x)
    lengths = _lengths(x)
    states = dict(part.states)
    missed: dict[str, int] = {}

    def tap(name: str, item: Item) -> Callable[[Tensor], int]:
        def reduce(value: Tensor) -> int:
            found = cells(value, item.layout, item.address, x.size)
            if found.shape[1] != item.channels:
                raise NotApplicable(
                    Text(
                        f"'{item.address}' has {found.shape[1]} channels here and {item.channels} in the first sample",
                        f"'{item.address}' 在此有 {found.shape[1]} 个通道，而第一个样本有 {item.channels} 个",
                    )
                )
            state, missing = _updated(item.reducer, part.states.get(name), found, samples, lengths)
            if state is not None:
                states[name] = state
            missed[name] = part.missed.get(name, 0) + missing
            return 0

        return reduce

    asked = [Pass(x, keep=(Keep(_site(item.place), tap(name, item)),)) for name, item in items.items()]
    known = session.looker.branches
    given = run_group(session, asked)
    if session.looker.branches and not known:  # it may have stopped before a place that lies elsewhere on this way
        return _with(session, items, part, batch, x)
    for (name, item), wish, one in zip(items.items(), asked, given, strict=True):
        if name not in missed and isinstance(one, Seen):  # inputs are shown, not tapped
            (value,) = (spot.value for spot in one.at(wish.keep[0]) if spot.address == item.address)
            tap(name, item)(value)
        elif name not in missed and isinstance(one, (LayerNotFound, NotApplicable)):
            missed[name] = part.missed.get(name, 0) + x.size
        elif isinstance(one, PellucidError):
            raise one
    return replace(part, states=states, read=part.read + x.size, missed=missed)


def _updated(
    reducer: Reducer, state: Any, found: Tensor, samples: Samples, lengths: Tensor | None
) -> tuple[State | None, int]:
    """The state with the cells of a batch, and how many of its samples have none."""
    if lengths is None or lengths.shape[1] != found.shape[2]:
        return (reducer.update(state, found, samples), 0) if found.shape[2] else (state, len(found))
    missing = 0
    for i, mine in enumerate(lengths):
        if not bool(mine.any()):
            missing += 1
            continue
        x = None if samples.x is None else samples.x.rows(i, i + 1)
        one = Samples(samples.ordinals[i : i + 1], samples.labels[i : i + 1], x)
        state = reducer.update(state, found[i : i + 1, :, mine], one)
    return state, missing


def _lengths(x: Inputs) -> Tensor | None:
    """Which tokens of each text are no padding, `(batch, token)`; None if all of them are."""
    mask = x.tensors.get("attention_mask")
    if mask is None or mask.ndim != 2 or bool(mask.all()):
        return None
    return mask.bool()


def _site(place: Place) -> Site:
    return Site(place.path, place.call, place.op, place.n, place.side)
