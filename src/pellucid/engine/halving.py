"""Out of memory: cut a pass in two where everything it wants has a known batch axis."""

from collections.abc import Callable
from dataclasses import replace
from gc import collect

import torch
from torch import Tensor

from pellucid.core.errors import PellucidError
from pellucid.core.sites import Site
from pellucid.engine.looker import Session
from pellucid.engine.memory import out_of_memory
from pellucid.engine.passes import Keep, Pass, Seen, Spot, layer_key
from pellucid.engine.recording import is_input
from pellucid.engine.targets.units import Unit
from pellucid.engine.variants import makes_variants

Run = Callable[[Session, list[Pass]], list[Seen | PellucidError]]


def run_halved(session: Session, group: list[Pass], run: Run, chunks: list[int]) -> list[Seen | PellucidError] | None:
    """The group on halves of the batch, halves of halves where needed.

    Returns:
        The answers, joined along the batch; None where a pass wants something whose batch axis is not known (inner
        sites, the graph), or where one example alone does not fit.
    """
    _free()
    size = group[0].expand if makes_variants(group[0]) else group[0].x.size
    if size < 2 or not all(cuttable(session, one) for one in group):
        return None
    middle = (size + 1) // 2
    halves: list[list[Seen | PellucidError]] = []
    for start, stop in ((0, middle), (middle, size)):
        parts = [part_of(one, start, stop) for one in group]
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
    shares = (middle / size, 1 - middle / size)
    return [joined(one, a, b, shares) for one, a, b in zip(group, *halves, strict=True)]


def _free() -> None:
    collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def part_of(one: Pass, start: int, stop: int) -> Pass:
    """Some examples; of many variants of one example, some variants."""
    if makes_variants(one):
        edits = tuple(edit.part(start, stop) if edit.grows else edit for edit in one.edits)
        return replace(one, edits=edits, expand=stop - start)
    if one.expand > 1:
        return replace(one, x=one.x.rows(start, stop), expand=stop - start)
    return replace(one, x=one.x.rows(start, stop), start=one.start + start)


def cuttable(session: Session, one: Pass) -> bool:
    """Whether everything that a pass wants has a known batch axis."""
    if makes_variants(one):
        return not (one.looks_inside or one.state)
    if one.graph or one.edits or one.state or one.constants or one.attention:
        return False
    if one.target is not None and (one.target.resolved is None or isinstance(one.target.asked, Unit)):
        return False
    if any(isinstance(layer, Keep) for layer in one.keep):
        return False
    layers = [part for layer in (*one.keep, *one.grads) for part in (layer if isinstance(layer, tuple) else (layer,))]
    return all(_has_batch_axis(session.looker.site(layer)) for layer in layers if not isinstance(layer, Keep))


def _has_batch_axis(site: Site) -> bool:
    """Inputs and the output do; gradients of parameters are added up."""
    whole = site.path == "" and not site.op and not site.role and site.side == "out"
    return is_input(site) or whole or site.side.startswith(":")


def joined(
    ask: Pass, a: Seen | PellucidError, b: Seen | PellucidError, shares: tuple[float, float]
) -> Seen | PellucidError:
    """What two parts of a batch showed, as the batch; `shares` say how much of it each part is."""
    if not isinstance(a, Seen):
        return a
    if not isinstance(b, Seen):
        return b
    resolved = ask.target.resolved if ask.target is not None else None
    weights = shares if resolved is not None and resolved.mean else (1.0, 1.0)
    spots = {
        key: tuple(_joined_spot(one, two, weights) for one, two in zip(a.spots[key], b.spots[key], strict=True))
        for key in dict.fromkeys(layer_key(layer) for layer in (*ask.keep, *ask.grads))
    }
    infos = resolved.infos if resolved is not None else ()
    return Seen(spots, a.trace, _cat(a.output, b.output), _cat(a.score, b.score), infos, a.notes, met=a.met)


def _joined_spot(one: Spot, two: Spot, weights: tuple[float, float]) -> Spot:
    """Rows side by side; gradients of parameters added. A mean over the batch counts each half by its share."""
    first = None if one.grad is None else one.grad * weights[0]
    second = None if two.grad is None else two.grad * weights[1]
    if one.place.side.startswith(":"):
        return replace(one, grad=None if first is None or second is None else first + second)
    return replace(one, value=_cat(one.value, two.value), grad=_cat(first, second))


def _cat(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    return None if a is None or b is None else torch.cat([a, b])
