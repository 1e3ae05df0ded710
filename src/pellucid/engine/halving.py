"""Out of memory: cut a pass in two where everything it wants has a known batch axis."""

from collections.abc import Callable
from dataclasses import replace
from gc import collect
from typing import Any

import torch
from torch import Tensor

from pellucid.core.errors import PellucidError
from pellucid.engine.looker import Session, out_of_memory
from pellucid.engine.passes import Keep, Pass, Seen, Spot, layer_key
from pellucid.engine.recording import is_input
from pellucid.engine.units import Unit

Run = Callable[[Session, list[Pass]], list[Seen | PellucidError]]


def run_halved(session: Session, group: list[Pass], run: Run, chunks: list[int]) -> list[Seen | PellucidError] | None:
    """The group on halves of the batch, halves of halves where needed.

    Returns:
        The answers, joined along the batch; None where a pass wants something whose batch axis is not known (inner
        sites, parameters, losses averaged over the batch, the graph), or where one example alone does not fit.
    """
    _free()
    size = group[0].x.size
    if size < 2 or not all(_cuttable(session, one) for one in group):
        return None
    middle = (size + 1) // 2
    halves: list[list[Seen | PellucidError]] = []
    for start, stop in ((0, middle), (middle, size)):
        parts = [replace(one, x=one.x.rows(start, stop), start=one.start + start) for one in group]
        try:
            half: list[Seen | PellucidError] | None = run(session, parts)
            chunks.append(stop - start)
        except Exception as error:
            if not out_of_memory(error):
                raise
            half = None
        half = half or run_halved(session, parts, run, chunks)
        if half is None:
            return None
        halves.append(half)
    return [_joined(one, a, b) for one, a, b in zip(group, *halves, strict=True)]


def _free() -> None:
    collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _cuttable(session: Session, one: Pass) -> bool:
    if one.graph or one.edits or one.state or (one.target is not None and one.target.loss is not None):
        return False
    if one.target is not None and (one.target.resolved is None or isinstance(one.target.asked, Unit)):
        return False
    sites = [session.looker.site(layer) for layer in (*one.keep, *one.grads) if not isinstance(layer, (Keep, tuple))]
    known = all(
        is_input(site) or (site.path == "" and not site.op and not site.role and site.side == "out") for site in sites
    )
    return known and len(sites) == len(one.keep) + len(one.grads)


def _joined(ask: Pass, a: Seen | PellucidError, b: Seen | PellucidError) -> Seen | PellucidError:
    if not isinstance(a, Seen):
        return a
    if not isinstance(b, Seen):
        return b
    spots: dict[Any, tuple[Spot, ...]] = {}
    for layer in (*ask.keep, *ask.grads):
        key = layer_key(layer)
        spots[key] = tuple(
            replace(one, value=_cat(one.value, two.value), grad=_cat(one.grad, two.grad))
            for one, two in zip(a.spots[key], b.spots[key], strict=True)
        )
    infos = ask.target.resolved.infos if ask.target is not None and ask.target.resolved is not None else ()
    return Seen(spots, a.trace, _cat(a.output, b.output), _cat(a.score, b.score), infos, a.notes)


def _cat(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    return None if a is None or b is None else torch.cat([a, b])
