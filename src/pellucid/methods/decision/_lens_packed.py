"""Every level of the residual stream read at one position in one pass, side by side in the positions of a text."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import ceil

import torch
from torch import Tensor

from pellucid.engine.edits import Edit
from pellucid.engine.passes import Keep, Layer, Looking, Pass, Seen
from pellucid.engine.rows import variants_per_pass
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._lens_reading import Reading, answered, distance, gate, scored, tolerated
from pellucid.methods.decision._residual_stream import Stream

LEAST = 3
BESIDE = 2  # passes that variants take beside their own: the values themselves, and a check


def packs(stream: Stream, seen: Seen, size: int, count: int) -> bool:
    """Whether `count` levels of each of `size` examples fit into the positions that the readout reads, in few passes."""
    shape, output = stream.event(gate(stream, size)).shape, seen.output
    if output is None or stream.start < 0 or len(shape) != 3 or output.ndim != 3 or shape[:2] != output.shape[:2]:
        return False
    passes = ceil(count / variants_per_pass(output, None)) + BESIDE
    return shape[1] >= LEAST and ceil((count - 1) / (shape[1] - 2)) <= passes


def read_packed(
    x: Inputs,
    target: Target,
    stream: Stream,
    seen: Seen,
    levels: Sequence[int],
    wanted: Mapping[int, tuple[int, tuple[int, ...]]],
) -> Looking[dict[int, Reading] | None]:
    """The readout of every level at one position of some examples; None if the readout mixes the positions.

    The last level stands in its own place and in one other in every pass: both must be read as the model's output is.

    Args:
        levels: as `Stream.levels` gives them, the last one of the stream at the end.
        wanted: of each example the position and the classes whose score (of two: the difference) is the target.
    """
    final, at = answered(seen), gate(stream, x.size)
    count = final.shape[1]
    places = {one: _places(count, where) for one, (where, _) in wanted.items()}
    own = {one: final[one, where][None].detach().cpu() for one, (where, _) in wanted.items()}
    parts: dict[int, list[Tensor]] = {one: [] for one in wanted}
    gaps = dict.fromkeys(wanted, 0.0)
    earlier = list(levels)[:-1]
    shape = (x.size, *stream.event(at).shape[1:])
    wheres = [where for where, _ in wanted.values()]
    for start in range(0, len(earlier), count - 2):
        some = earlier[start : start + count - 2]
        held: dict[int, Tensor] = {}
        keep: list[Layer | Keep] = [
            Keep(stream.site(one), partial(_take, held, one, shape, [*wanted], wheres)) for one in some
        ]

        def change(value: Tensor, some: list[int] = some, held: dict[int, Tensor] = held) -> Tensor:
            made = value.clone()
            for row, (example, (second, spare)) in enumerate(places.items()) if len(held) == len(some) else ():
                made[example, second] = value[example, wheres[row]]
                made[example, spare[: len(some)]] = torch.stack([held[level][row] for level in some])
            return made

        step = (start, len(earlier))
        known = yield from Pass(x, keep=keep, target=target, edits=(Edit(stream.site(at), change),), step=step)
        for example, (where, _) in wanted.items():
            output, (second, spare) = answered(known)[example].detach(), places[example]
            if len(held) < len(some) or distance(output[[where, second]].cpu(), own[example]) > tolerated(own[example]):
                return None
            parts[example].append(output[spare[: len(some)]].cpu())
            gaps[example] = max(gaps[example], distance(output[where].cpu(), own[example][0]))
    found = {one: torch.cat([*parts[one], own[one]]) for one in wanted}
    return {one: Reading(found[one], scored(found[one], wanted[one][1]), gaps[one]) for one in wanted}


def _places(count: int, where: int) -> tuple[int, list[int]]:
    """Where the last level stands a second time, and the positions for the others."""
    second = 0 if where else count - 1
    return second, [place for place in range(count) if place not in (where, second)]


def _take(
    held: dict[int, Tensor], level: int, shape: tuple[int, ...], examples: list[int], wheres: list[int], value: Tensor
) -> Tensor:
    """What flows at a level as it is now, in the shape of the last, at one position of some examples."""
    whole = value.expand(shape) if value.ndim == len(shape) else value.reshape(shape)
    held[level] = whole[examples, wheres].clone()
    return held[level]
