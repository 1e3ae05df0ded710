"""Logit lens: what the model would answer if it stopped after each of its layers."""

from typing import Annotated, Literal

from annotated_types import Ge
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Layer, Looking, Pass, Seen
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._lens_packed import packs, read_packed
from pellucid.methods.decision._lens_picture import Told, along, at_one, over_all
from pellucid.methods.decision._lens_reading import (
    Picked,
    Reading,
    answered,
    asked_of,
    names_of,
    picked,
    position_of,
    read_out,
    values_of,
    words_of,
)
from pellucid.methods.decision._residual_stream import RESIDUAL, Stream, shortened, stream_of
from pellucid.registry import method
from pellucid.results import Matrix, Series


@method(
    title=Text("Logit lens", "Logit 透镜"),
    question=Text("After which layer is the answer there?", "答案在哪一层之后已经形成？"),
    shows=Text(
        "Each row is a layer: what the model's own final norm and classifier make of the residual stream there. The last row is the model's answer.",
        "每一行是一层：用模型自己的最终归一化和分类头读取该层残差流所得的答案。最后一行就是模型的输出。",
    ),
    cannot=Text(
        "What early layers compute: they may write in a form that only later layers, not the classifier, can read.",
        "较早的层在计算什么：它们写入的形式可能只有后面的层读得懂，而分类头读不懂。",
    ),
    check=Text(
        "facts['gap'] compares the last level, put back in its place, with the model's output; facts['kl'] ends at 0.",
        "facts['gap'] 将放回原位的最后一层读数与模型输出比较；facts['kl'] 以 0 结束。",
    ),
    needs=RESIDUAL,
    formula="logits_l = W_U · norm(h_l)",
    paper="nostalgebraist 2020, interpreting GPT: the logit lens; Belrose et al. 2023, arXiv:2303.08112",
    steps=Text(
        "1. Find the residual stream in the graph of the forward. 2. Keep it after every block. 3. Put these values in the place of the last one. 4. Let the model read it: final norm, classifier, soft cap and all.",
        "1. 在前向计算图中找到残差流。2. 保存每个块之后的残差流。3. 用各层的值替换最后一层的值。4. 由模型自己读出：最终归一化、分类头、软上限等一应俱全。",
    ),
    quick={"top": 2},
)
def logit_lens(
    x: Inputs,
    target: Target,
    lens: Looker,
    position: int | Literal["target", "all"] = "target",
    top: Annotated[int, Ge(1)] = 8,
    values: Literal["probability", "logit"] = "probability",
    layer: Layer = "every block",
    examples: Annotated[int, Ge(1)] = 1,
) -> Looking[tuple[Matrix | Series, ...]]:
    """The model's readout of its residual stream after every block.

    Args:
        position: which position of the output: that of the target, a number (negative from the end), or all of them; then
            each is shown the target's class, both sides' difference of a contrast, or, without a target, what the model
            itself answers at that position in the end.
        top: most classes or tokens in the columns at one position: the target's, then those that rank highest anywhere.
        values: what a cell holds.
        layer: after which modules the stream is read; its start and its end always are.
        examples: how many examples of the batch are drawn.
    Returns:  for each drawn example, at one position: a Matrix `(level, token)`, and a Series of the target's score
        with a mark from where on it wins; over all positions: a Matrix `(level, position)`. `facts` hold per level the
        best class, the score and rank of the target there, the entropy and the divergence from the final answer (nats).
    Raises:   NotApplicable if there is no residual stream, or blocks end in a norm (post-norm).
    Source:   nostalgebraist 2020; Belrose et al. 2023, section 2.
    """
    seen = yield from Pass(x, target=target, graph=True)
    stream = stream_of(seen, x)
    output = answered(seen)
    picks = [picked(target, output, example) for example in range(min(examples, x.size))]
    if position != "target" and output.ndim < 3:
        raise NotApplicable(
            Text(
                "the output has one position: position= has nothing to choose", "输出只有一个位置：position= 无可选择"
            ),
            hint=Text("leave position= out", "请省去 position="),
        )
    levels = stream.levels(lens, layer)
    first, *others = levels.values()
    rows, called = (first, *shortened(others)), names_of(x, target, output.shape[-1])
    places = [_place(position, pick, output) for pick in picks]
    readings = yield from _readings(x, target, stream, seen, list(levels), picks, places)
    results: list[Matrix | Series] = []
    for example, (pick, read) in enumerate(zip(picks, readings, strict=True)):
        told = Told(*read, pick, rows, called, seen.targets[example], (*seen.notes, *stream.notes))
        if position == "all":
            results.append(over_all(told, values, words_of(x, stream, example, output), target.asked is None))
        else:
            results += [at_one(told, values, top), *([along(told)] if position == "target" else [])]
    return tuple(results)


def _place(position: int | str, pick: Picked, output: Tensor) -> int | None:
    """Which position of the output is drawn; None for all of them, or where it has one."""
    if isinstance(position, str):
        return pick.position if position == "target" else None
    return position_of(position, output)


def _readings(
    x: Inputs,
    target: Target,
    stream: Stream,
    seen: Seen,
    levels: list[int],
    picks: list[Picked],
    places: list[int | None],
) -> Looking[list[Reading]]:
    """Of every drawn example: side by side in one pass where that can be, else each level as a variant."""
    wanted = {
        example: (place, pick.classes)
        for example, (pick, place) in enumerate(zip(picks, places, strict=True))
        if place is not None and pick.classes
    }
    if len(wanted) == len(picks) and packs(stream, seen, x.size, len(levels)):
        packed = yield from read_packed(x, target, stream, seen, levels, wanted)
        if packed is not None:
            return [packed[example] for example in wanted]
    known = yield from Pass(x, keep=[asked_of(stream, level) for level in levels])
    values = values_of(known, stream, levels)
    found: list[Reading] = []
    for example, (pick, place) in enumerate(zip(picks, places, strict=True)):
        found.append((yield from read_out(x, target, stream, seen, values, example, place, pick.classes)))
    return found
