"""One example with each of many parts replaced: all of them in one batch."""

from dataclasses import replace

import torch

from pellucid.core.errors import PellucidError
from pellucid.engine.group import run_group
from pellucid.engine.looker import Session
from pellucid.engine.passes import Covered, Pass, Seen
from pellucid.inputs.inputs import Inputs


def run_covered(session: Session, group: list[Pass]) -> list[Seen | PellucidError]:
    """The group, whose passes have the same input of one example and the same `covered`."""
    covered = group[0].covered
    if covered is None:
        return run_group(session, group)
    rows = _rows(group[0].x, covered)
    return run_group(session, [replace(one, x=rows, covered=None, expand=len(covered.boxes)) for one in group])


def _rows(x: Inputs, covered: Covered) -> Inputs:
    many = x.repeated(len(covered.boxes))
    (name,) = x.explained
    values = many.tensors[name].clone()
    for row, box in enumerate(covered.boxes.tolist()):
        part = tuple(slice(start, stop) for start, stop in box)
        values[(row, ..., *part)] = covered.fill[(0, ..., *part)].to(values)
    return many.replaced({name: torch.as_tensor(values)})
