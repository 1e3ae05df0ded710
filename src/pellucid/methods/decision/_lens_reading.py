"""What the model's own readout makes of inner values of its residual stream."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.core.errors import BadSetting, NotApplicable
from pellucid.core.sites import Site
from pellucid.core.text import Text
from pellucid.engine.edits import variants
from pellucid.engine.passes import INPUT, Looking, Pass, Seen
from pellucid.engine.rows import variants_per_pass
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._residual_stream import FOLDS, SAME, Stream

ROUGH = {torch.float64: 1e-9, torch.float32: 1e-3}
HALF = 0.05


@dataclass(frozen=True)
class Picked:
    """What a target picks of one example's scores.

    Args:
        classes: its class, both classes of a contrast, or none for a function of the output.
        position: which position, None where the output has none.
    """

    classes: tuple[int, ...]
    position: int | None


def picked(target: Target, output: Tensor, example: int) -> Picked:
    """What the resolved target means for one example of the scores `(batch, class)` or `(batch, position, class)`.

    Raises:
        NotApplicable: the output is not such scores.
    """
    if output.ndim not in (2, 3) or output.shape[-1] < 2:
        raise NotApplicable(
            Text(
                f"the output {tuple(output.shape)} is no row of scores over classes or tokens, at one or more positions",
                f"输出 {tuple(output.shape)} 不是一个或多个位置上对各类别或词元的得分",
            ),
            hint=Text("hierarchy() follows any score", "hierarchy() 可追踪任何得分"),
        )
    last = output.shape[1] - 1 if output.ndim == 3 else None
    key: Any = target.resolved.key if target.resolved is not None else ()
    sides = key[1:] if key[:1] == ("contrast",) else (key,)
    indices = [side[1][example] for side in sides if side[:1] == ("index",)]
    if len(indices) < len(sides):
        return Picked((), last)
    places = {index[0] for index in indices if len(index) > 1}
    return Picked(tuple(index[-1] for index in indices), max(places, default=last) if last is not None else None)


def values_of(seen: Seen, stream: Stream, levels: Sequence[int]) -> list[Tensor]:
    """What flows at each level, in the shape of the last."""
    shape = stream.event(stream.last).shape
    found: list[Tensor] = []
    for level in levels:
        spots = seen.at(asked_of(stream, level))
        name = stream.trace.links.inputs[-1 - level][0] if level < 0 else ""
        value: Tensor = next(spot.value for spot in spots if spot.input == name or level >= 0)
        found.append(value.expand(shape) if value.ndim == len(shape) else value.reshape(shape))
    return found


def asked_of(stream: Stream, level: int) -> Site:
    """Where the value of a level is kept; that of an input, where the stream begins with one."""
    return INPUT if level < 0 else stream.site(level)


def gate(stream: Stream, size: int) -> int:
    """Where the stream, batch axis first, can be replaced before it is read."""
    at = stream.last
    for index in stream.tail:
        event = stream.event(at)
        if event.shape[0] == size and (len(event.shape) > 2 or size > 1 or len(stream.event(index).shape) < 3):
            return at
        if at in stream.reads[index] and stream.event(index).op in FOLDS | SAME:
            at = index
    return at


class Reading(NamedTuple):
    """What the readout says at each level of one example.

    Args:
        output: `(level, ...)`, rows of the model's output; the last is the output itself.
        scores: `(level,)` the target.
        gap: largest difference between the model's output and what it made of the last level when that was put in its
            own place.
    """

    output: Tensor
    scores: Tensor
    gap: float


def answered(seen: Seen) -> Tensor:
    """The explained output.

    Raises:
        NotApplicable: there is none.
    """
    if seen.output is None:
        raise NotApplicable(
            Text("the model's output holds no row of scores for each example", "模型的输出中没有每个样本一行的得分")
        )
    return seen.output


def read_out(
    x: Inputs,
    target: Target,
    stream: Stream,
    seen: Seen,
    values: Sequence[Tensor],
    example: int,
    where: int | None,
    classes: tuple[int, ...] = (),
) -> Looking[Reading]:
    """Put every level's value in the place of the last, and let the model read it.

    Args:
        values: of every level, `(batch, ...)`, the last one of the stream at the end.
        where: the position of the output that is wanted; None for all, or where it has one.
        classes: those whose score (of two: whose difference) is the target at one position; none: another function.
    Raises:
        NotApplicable: what the model makes of the last level is not its output.
    """
    at = gate(stream, x.size)
    shape = (x.size, *stream.event(at).shape[1:])
    rows = torch.stack([value.reshape(shape)[example] for value in values])
    final, alone = answered(seen), x.rows(example, example + 1)
    own = _at(final[example : example + 1], where)
    each = variants_per_pass(final, None)
    parts: list[Tensor] = []
    scores: list[Tensor] = []
    for start in range(0, len(rows), each):
        some = rows[start : start + each]
        change = variants(stream.site(at), lambda value, some=some: some.to(value))
        step = (start, len(rows))
        known = yield from Pass(alone, target=target, start=example, edits=(change,), expand=len(some), step=step)
        if known.output is None or len(known.output) != len(some):
            raise NotApplicable(
                Text("the model does not answer a row for each example", "模型没有为每个样本给出一行答案")
            )
        parts.append(_at(known.output, where))
        scores.append(known.scores.detach().cpu())
    found = torch.cat(parts)
    gap = distance(found[-1:], own)
    if gap > tolerated(own):
        raise NotApplicable(
            Text(
                f"the model reads its last level otherwise when it is put back in its place (by {gap:.3g}): the output "
                "depends on more than the residual stream",
                f"把最后一层放回原处后，模型的读数有所不同（相差 {gap:.3g}）：输出不只取决于残差流",
            )
        )
    output = torch.cat([found[:-1], own])
    if classes and output.ndim == 2:
        return Reading(output, scored(output, classes), gap)
    return Reading(output, torch.cat([*scores[:-1], scores[-1][:-1], seen.scores[example : example + 1].cpu()]), gap)


def scored(output: Tensor, classes: tuple[int, ...]) -> Tensor:
    """The score of a class, or the difference of two, in every row of `(level, class)`."""
    first, *others = (output[:, one] for one in classes)
    return first - others[0] if others else first


def distance(found: Tensor, own: Tensor) -> float:
    """The largest difference."""
    return float((found.double() - own.double()).abs().max())


def tolerated(own: Tensor) -> float:
    """What may be rounding."""
    return ROUGH.get(own.dtype, HALF) * max(float(own.double().abs().max()), 1e-12)


def _at(output: Tensor, where: int | None) -> Tensor:
    """The wanted part of an output, on the CPU."""
    return (output if where is None or output.ndim < 3 else output[:, where]).detach().cpu().clone()


def position_of(asked: int, output: Tensor) -> int:
    """A position of the output, counted from the end where it is negative.

    Raises:
        BadSetting: there is none.
    """
    count = output.shape[1] if output.ndim == 3 else 1
    if not -count <= asked < count:
        raise BadSetting(
            Text(
                f"position={asked} is not among the {count} positions of the output",
                f"position={asked} 不在输出的 {count} 个位置之中",
            )
        )
    return asked % count


def names_of(x: Inputs, target: Target, count: int) -> Callable[[int], str]:
    """What classes or tokens are called: by the labels of the lens, by its tokenizer, as the input itself names them.

    Args:
        count: how many classes there are.
    """
    if len(target.labels) == count:
        return lambda number: target.labels[number]
    vocabulary = target.texts.vocabulary if target.texts is not None else None
    if vocabulary is not None and vocabulary.fits(count):
        return cache(vocabulary.name)
    name = x.explained[0] if x.is_discrete and x.explained else ""
    base = x.base.get(name)
    if base is None or base.kind != "tokens":
        return "#{}".format
    numbers = x.tensors[name].detach().cpu().reshape(x.size, -1).tolist()
    known = {
        number: word
        for row, words in zip(numbers, base.names, strict=False)
        for number, word in zip(row, words, strict=False)
    }
    return lambda number: known.get(number, f"#{number}")


def words_of(x: Inputs, stream: Stream, example: int, output: Tensor) -> tuple[str, ...]:
    """A name for each position of the output: the tokens that the stream begins with, where there are as many."""
    count = output.shape[1]
    read = [x.base[name] for name in stream.sources if name in x.base and x.base[name].kind == "tokens"]
    words = [base.names[example] for base in read if len(base.names[example]) == count]
    return words[0] if words else tuple(map(str, range(count)))
