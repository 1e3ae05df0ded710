"""One run through the data for everything that waits for it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from torch import Tensor

from pellucid.core.errors import BadInput, BadSetting, ModelFailed, NotApplicable, PellucidError
from pellucid.core.text import Text
from pellucid.engine.group import run_group
from pellucid.engine.looker import Session, out_of_memory
from pellucid.engine.passes import Keep, Pass, Spot
from pellucid.engine.sweeps.cells import cells
from pellucid.engine.sweeps.gather import Item, Items, Source, gather
from pellucid.engine.sweeps.part import Part
from pellucid.engine.sweeps.plan import Plan, shard_size
from pellucid.engine.sweeps.reducers import Reducer
from pellucid.engine.sweeps.request import Gathered, Sweep, Swept
from pellucid.engine.sweeps.store import Folder, Memory, Store, locked

Watch = Callable[[tuple[int, int]], None]
_Found = Mapping[Reducer, tuple[Spot, ...] | PellucidError]
KEPT_EVERY = 30.0  # seconds
_TOLD = 3
_TRIED = 8  # samples on which the model raises, before it is taken to raise on all
_ROUNDS = 2  # what a disk damages while it is written is gathered once more


@dataclass(frozen=True, eq=False)
class Course:
    """How sweeps are run.

    Args:
        source: the data.
        facts: what of data and model the result depends on, plain values.
        batch_size: samples in a batch.
        shard: samples in a shard; None: whole batches, at most about a thousand.
        folder: where parts are stored; None: in memory.
        resume: go on with what the folder holds.
    """

    source: Source
    facts: Mapping[str, Any]
    batch_size: int = 32
    shard: int | None = None
    folder: Path | None = None
    resume: bool = False

    def numbered(self, number: int) -> "Course":
        """The same for the so-many-th run, which has a folder of its own."""
        return self if self.folder is None else replace(self, folder=self.folder / f"sweep_{number}")


def answers_to(
    session: Session, sweeps: Sequence[Sweep], course: Course | None, watch: Watch
) -> Sequence[Swept | PellucidError]:
    """What each of `sweeps` asked for, of one run through the data; what the network cannot give stands in its place.

    Args:
        course: None if there is no data set.
        watch: told of samples done and all samples, after every batch; may raise to stop.
    Raises:
        BadInput: no sample can be read.
        BadRequest: the folder holds something else.
    """
    if course is None:
        return [NotApplicable(Text("this needs a data set", "这需要数据集"), hint="lens.sweep(data, ...)")] * len(
            sweeps
        )
    try:
        return _run(session, sweeps, course, watch)
    except Exception as error:
        if not out_of_memory(error):
            raise
        failed = NotApplicable(
            Text("memory ran out on a single sample", "单个样本就用尽了内存"),
            hint=Text("smaller input, or another device", "请缩小输入，或换用其他设备"),
        )
        return [failed] * len(sweeps)


def _run(session: Session, sweeps: Sequence[Sweep], course: Course, watch: Watch) -> list[Swept | PellucidError]:
    items, found = items_of(session, course, {reducer for one in sweeps for reducer in one.keep})
    part, damaged = _gathered(session, course, items, watch) if items else (Part(), ())
    return [_answer(one, found, part, course, damaged) for one in sweeps]


def items_of(session: Session, course: Course, reducers: set[Reducer]) -> tuple[Items, _Found]:
    """What is gathered, the same in every process, and the places of each reducer.

    Raises:
        BadInput: no sample can be read.
        ModelFailed: the model raises on the first samples.
    """
    found = _places(session, course, reducers)
    good = {reducer: spots for reducer, spots in found.items() if not isinstance(spots, PellucidError)}
    items = {
        f"{_said(reducer)}|{spot.address}": Item(reducer, spot.place, spot.address, spot.layout, _channels(spot))
        for reducer, spots in good.items()
        for spot in spots
    }
    return dict(sorted(items.items())), found


def plan_of(course: Course, items: Items) -> Plan:
    """The plan of a run."""
    size = len(course.source)
    if course.batch_size < 1 or (course.shard is not None and course.shard < 1):
        raise BadSetting(Text("batch_size and shard are at least 1", "batch_size 与 shard 至少为 1"))
    shard = course.shard or shard_size(size, course.batch_size)
    facts = {
        **course.facts,
        "batch size": course.batch_size,
        "gathered": list(items),
        "torch": torch.__version__,
    }
    return Plan(size, shard, facts)


def merged(items: Items) -> Callable[[str, Any, Any], Any]:
    """How states are merged, by name."""
    return lambda name, a, b: items[name].reducer.merge(a, b)


def _gathered(session: Session, course: Course, items: Items, watch: Watch) -> tuple[Part, tuple[str, ...]]:
    """Everything, and the names of files that were damaged, whose samples were gathered once more."""
    plan = plan_of(course, items)
    folder = course.folder
    with nullcontext() if folder is None else locked(folder):
        nodes = Memory() if folder is None else Folder(folder, plan, resume=course.resume)
        store = Store(plan.shards, merged(items), nodes)
        for _ in range(_ROUNDS):
            missing = store.missing()
            done = plan.samples - sum(len(plan.range(shard)) for shard in missing)
            watch((done, plan.samples))
            for shard in missing:
                span = plan.range(shard)
                each = _Kept(nodes, shard, watch, done, plan.samples)
                part = gather(
                    session, course.source, items, span, course.batch_size, begun=nodes.begun(shard), each=each.batch
                )
                store.commit(shard, part)
                done += len(span)
            if not store.missing():
                break
        return store.whole(), nodes.damaged


class _Kept:
    """Keeps what there is of a shard now and then, and when it is stopped."""

    def __init__(self, nodes: Memory | Folder, shard: int, watch: Watch, before: int, samples: int) -> None:
        self.nodes, self.shard, self.watch, self.before, self.samples = nodes, shard, watch, before, samples
        self.last = monotonic()

    def batch(self, part: Part, batches: int) -> None:
        if monotonic() - self.last > KEPT_EVERY:
            self.nodes.begin(self.shard, part, batches)
            self.last = monotonic()
        try:
            self.watch((self.before + part.read + len(part.left_out), self.samples))
        except BaseException:
            self.nodes.begin(self.shard, part, batches)
            raise


def _places(session: Session, course: Course, reducers: set[Reducer]) -> _Found:
    """Where each reducer gathers, read from the first sample that goes through the network."""
    reasons: list[str] = []
    failed: list[ModelFailed] = []
    ordered = sorted(reducers, key=_said)
    for batch in course.source.batches(range(len(course.source)), 1):
        reasons += [why for _, why in batch.left_out]
        if batch.x is None:
            continue
        passes = [Pass(batch.x, keep=[Keep(one.site, _form)]) for one in ordered]
        try:
            seen = run_group(session, passes)
        except ModelFailed as error:
            failed.append(error)
            if len(failed) == _TRIED:
                break
            continue
        return {
            one: shown if isinstance(shown, PellucidError) else _usable(shown.at(wish.keep[0]))
            for one, wish, shown in zip(ordered, passes, seen, strict=True)
        }
    if failed:
        raise failed[0]
    raise BadInput(
        Text(
            f"none of the {len(course.source)} samples can be read: {'; '.join(reasons[:_TOLD])}",
            f"{len(course.source)} 个样本都无法读取：{'；'.join(reasons[:_TOLD])}",
        ),
        hint=Text("check the data set", "请检查数据集"),
    )


def _form(value: Tensor) -> tuple[tuple[int, ...], torch.dtype]:
    return tuple(value.shape), value.dtype


def _formed(spot: Spot) -> tuple[tuple[int, ...], torch.dtype]:
    """The form of what is there; an input is shown as it is."""
    return _form(spot.value) if isinstance(spot.value, Tensor) else spot.value


def _usable(spots: tuple[Spot, ...]) -> tuple[Spot, ...] | PellucidError:
    try:
        for spot in spots:
            _channels(spot)
    except NotApplicable as error:
        return error
    return spots


def _channels(spot: Spot) -> int:
    shape, dtype = _formed(spot)
    return cells(torch.empty(shape, dtype=dtype, device="meta"), spot.layout, spot.address, 1).shape[1]


def _answer(sweep: Sweep, found: _Found, part: Part, course: Course, damaged: tuple[str, ...]) -> Swept | PellucidError:
    gathered: dict[Reducer, tuple[Gathered, ...]] = {}
    missed: dict[str, int] = {}
    for reducer in sweep.keep:
        spots = found[reducer]
        if isinstance(spots, PellucidError):
            return spots
        for spot in spots:
            name = f"{_said(reducer)}|{spot.address}"
            if name not in part.states:
                return NotApplicable(
                    Text(
                        f"no sample has a value at '{spot.address}': {_reasons(part)}",
                        f"没有样本在 '{spot.address}' 处有值：{_reasons(part).zh}",
                    )
                )
            missed |= {spot.address: part.missed.get(name, 0)}
        gathered[reducer] = tuple(
            Gathered(
                spot.place,
                spot.address,
                dict(part.states[f"{_said(reducer)}|{spot.address}"]),
                _formed(spot)[0],
                spot.layout,
                spot.event,
            )
            for spot in spots
        )
    notes = [*_notes(part, course.source), *(_missed(at, count, part.read) for at, count in missed.items() if count)]
    if damaged:
        notes.append(_damaged(damaged))
    return Swept(gathered, course.source, part.read, part.left_out, tuple(notes))


def _reasons(part: Part) -> Text:
    told = [why for _, why in part.left_out[:_TOLD]]
    return Text("; ".join(told), "；".join(told)) if told else Text("the model goes other ways", "模型走了别的路径")


def _missed(where: str, count: int, samples: int) -> Text:
    return Text(
        f"{count} of {samples} samples have no value at '{where}': the model goes another way for them.",
        f"{samples} 个样本中有 {count} 个在“{where}”处没有值：模型对它们走了别的路径。",
    )


def _damaged(names: tuple[str, ...]) -> Text:
    named = ", ".join(names[:_TOLD]) + (", …" if len(names) > _TOLD else "")
    one, were = ("part", "was") if len(names) == 1 else ("parts", "were")
    return Text(
        f"{len(names)} stored {one} of the sweep {were} damaged and set aside ({named}); their samples went through "
        "again.",
        f"遍历所存的内容中有 {len(names)} 份已损坏，已移到一旁（{named}）；其中的样本重新通过了网络。",
    )


def _notes(part: Part, source: Source) -> tuple[Text, ...]:
    found: list[Text] = []
    if part.left_out:
        named = [f"{source.name(ordinal)} ({why.rstrip('.')})" for ordinal, why in part.left_out[:_TOLD]]
        more = ", …" if len(part.left_out) > _TOLD else ""
        were = "was" if len(part.left_out) == 1 else "were"
        found.append(
            Text(
                f"{len(part.left_out)} of {len(source)} samples {were} left out: {'; '.join(named)}{more}.",
                f"{len(source)} 个样本中有 {len(part.left_out)} 个被略去：{'；'.join(named)}{more}。",
            )
        )
    if part.halved:
        found.append(
            Text(
                f"{part.halved} batches did not fit into memory and went through in pieces.",
                f"{part.halved} 个批次内存不足，分成几份处理。",
                aside=True,
            )
        )
    return tuple(found)


def _said(reducer: Reducer) -> str:
    """A reducer without its site: equal ones at one place share a state."""
    settings = [f"{one.name}={getattr(reducer, one.name)!r}" for one in fields(reducer) if one.name != "site"]  # type: ignore[arg-type]
    return f"{type(reducer).__name__}({', '.join(settings)})"
