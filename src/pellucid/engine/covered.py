"""One example with each of many parts replaced: only what a part can change is computed, where that pays."""

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pellucid.core.errors import PellucidError
from pellucid.engine.cones.cone import Refused, replayed
from pellucid.engine.group import run_group
from pellucid.engine.looker import Session
from pellucid.engine.memory import out_of_memory
from pellucid.engine.passes import Covered, Pass, Seen
from pellucid.engine.targets.units import Unit
from pellucid.engine.trace import Trace
from pellucid.inputs.inputs import Inputs

NEAR = 1e-5
"""Of the output's scale: how far a replay may be from the whole."""


def run_covered(session: Session, group: list[Pass]) -> list[Seen | PellucidError]:
    """The group, whose passes have the same input of one example and the same `covered`."""
    covered = group[0].covered
    if covered is None:
        return run_group(session, group)
    try:
        try:
            return _again(session, group, covered)
        except Refused:
            return _whole(session, group, covered)
    except Exception as error:
        if not out_of_memory(error) or len(covered.boxes) < 2:
            raise
    return _halved(session, group, covered)


def _whole(session: Session, group: list[Pass], covered: Covered) -> list[Seen | PellucidError]:
    """Every part a row of one ordinary pass."""
    rows = covered_rows(group[0].x, covered)
    return run_group(session, [replace(one, x=rows, covered=None, expand=len(covered.boxes)) for one in group])


def covered_rows(x: Inputs, covered: Covered) -> Inputs:
    """The example once for each part, with that part replaced."""
    many = x.repeated(len(covered.boxes))
    (name,) = x.explained
    values = many.tensors[name].clone()
    for row, box in enumerate(covered.boxes.tolist()):
        part = tuple(slice(start, stop) for start, stop in box)
        values[(row, ..., *part)] = covered.fill[(0, ..., *part)].to(values)
    return many.replaced({name: torch.as_tensor(values)})


def _halved(session: Session, group: list[Pass], covered: Covered) -> list[Seen | PellucidError]:
    middle = (len(covered.boxes) + 1) // 2
    halves = [Covered(part, covered.fill) for part in (covered.boxes[:middle], covered.boxes[middle:])]
    answers = [run_covered(session, [replace(one, covered=half) for one in group]) for half in halves]
    return [_joined(a, b) for a, b in zip(*answers, strict=True)]


def _joined(a: Seen | PellucidError, b: Seen | PellucidError) -> Seen | PellucidError:
    if not isinstance(a, Seen) or not isinstance(b, Seen):
        return a if not isinstance(a, Seen) else b
    output = None if a.output is None or b.output is None else torch.cat([a.output, b.output])
    score = None if a.score is None or b.score is None else torch.cat([a.score, b.score])
    return replace(a, output=output, score=score)


def _again(session: Session, group: list[Pass], covered: Covered) -> list[Seen | PellucidError]:
    """The group by a replay of the clean forward.

    Raises:
        Refused: this cannot be done here, would not pay, or does not give the same.
    """
    if not all(map(_plain, group)):
        raise Refused("more is asked for than scores")
    raw = replayed(session, group[0].x, covered, partial(_agrees, session, group))
    try:
        answers: list[Seen | PellucidError] = [_seen(session, one, raw) for one in group]
    except PellucidError as error:
        raise Refused("the output is not as it was") from error
    if any(len(one.scores) != len(covered.boxes) for one in answers if isinstance(one, Seen)):
        raise Refused("a target does not tell the rows apart")
    return answers


def _plain(one: Pass) -> bool:
    target = one.target
    if one.looks_inside or one.rules or one.edits or one.state:
        return False
    return target is not None and target.resolved is not None and not isinstance(target.asked, Unit)


def _seen(session: Session, ask: Pass, raw: Any) -> Seen:
    resolved = ask.target.resolved if ask.target is not None else None
    if resolved is None:
        raise Refused("the target is still open")
    try:
        output: Tensor | None = session.explained(raw)
    except PellucidError:
        output = None
    reader = session.looker.traces.get(ask.x.signature)
    trace = reader.trace if reader is not None else Trace()
    if resolved.raw:
        score = resolved.scores(raw, ask.start, variants=True)
    elif output is None:
        raise Refused("the output holds no scores")
    else:
        score = torch.cat([resolved.pick(output[row : row + 1], ask.start).reshape(-1) for row in range(len(output))])
    return Seen({}, trace, output, score, resolved.infos)


def _agrees(session: Session, group: list[Pass], covered: Covered, raw: Any) -> bool:
    """Whether what a replay returned is what an ordinary pass returns; it is not known where memory runs out."""
    try:
        answers = _whole(session, group, covered)
    except Exception as error:
        if not out_of_memory(error):
            raise
        return False
    for one, whole in zip(group, answers, strict=True):
        if not isinstance(whole, Seen):
            return False
        try:
            again = _seen(session, one, raw)
        except PellucidError:
            return False
        by_function = one.target is not None and one.target.resolved is not None and one.target.resolved.raw
        if whole.output is not None and not _near(again.output, whole.output):
            return False
        if (by_function or whole.output is None) and not _near(again.score, whole.score):
            return False
    return True


def _near(again: Tensor | None, whole: Tensor | None) -> bool:
    if again is None or whole is None or again.shape != whole.shape or not whole.numel():
        return False
    return float((again - whole).abs().max()) <= NEAR * float(whole.abs().max())
