"""What is noted of the operations of a graph from further runs: how long they take, how large their gradients are."""

from statistics import median
from typing import Literal

from pellucid.core.errors import NotApplicable
from pellucid.core.sites import Place, Site
from pellucid.core.text import Text
from pellucid.engine.graphs.detail import Detail
from pellucid.engine.passes import Looking, Pass
from pellucid.engine.targets.target import Target
from pellucid.engine.trace import Trace
from pellucid.inputs.inputs import Inputs

_GRADIENTS, _TIMES = Text("gradients", "梯度"), Text("times", "耗时")


def timed(x: Inputs, runs: int) -> Looking[dict[int, float]]:
    """The median time of every call in seconds, by event."""
    seconds: dict[int, list[float]] = {}
    for i in range(runs):
        seen = yield from Pass(x, graph=Detail(seconds=True), step=(i, runs))
        for index, note in seen.trace.links.notes.items():
            seconds.setdefault(index, []).append(note.seconds)
    return {index: median(each) for index, each in seconds.items()}


def graded(
    x: Inputs, trace: Trace, asked: int | Literal["predicted"]
) -> Looking[tuple[dict[int, float], tuple[Text, ...]]]:
    """The root mean square of the gradient of a class's score at what every call gave, by event; and notes.

    Args:
        trace: of the same input.
        asked: the class.
    """
    floating = [event for event in trace.events if event.dtype.is_floating_point]
    sites = tuple(Site("*", op=op) for op in dict.fromkeys(one.op for one in floating) if op not in ("", "attention"))
    try:
        seen = yield from Pass(x, grads=(sites,), target=Target(None if asked == "predicted" else asked))
    except NotApplicable as error:
        return {}, (no_gradients(error),)
    found: dict[Place, float] = {}
    for spot in seen.at(sites):
        gradient = spot.gradient
        gradient = gradient.abs() if gradient.is_complex() else gradient
        found[spot.place] = float(gradient.double().pow(2).mean().sqrt())
    places = {event.place: i for i, event in enumerate(trace.events)}
    target = seen.targets[0]
    label = target.label or str(target.index)
    return {places[place]: rms for place, rms in found.items() if place in places}, (
        Text(f"Gradients are those of the score of {label}.", f"梯度为 {label} 得分的梯度。", aside=True),
    )


def not_measured(*, gradient: bool, time: bool) -> tuple[Text, ...]:
    """What was asked for, where nothing was computed or the model raised."""
    asked = [name for name, wanted in ((_GRADIENTS, gradient), (_TIMES, time)) if wanted]
    if not asked:
        return ()
    english, chinese = " and ".join(one.en for one in asked), "和".join(one.zh for one in asked)
    note = Text(
        f"Not measured: {english}, which take a forward with values from beginning to end.",
        f"未测量{chinese}：需要一次带数值且完整的前向传播。",
    )
    return (note,)


def no_gradients(error: NotApplicable) -> Text:
    """Why there are none."""
    return Text(f"No gradients: {error.what}.", f"没有梯度：{error.words.say('zh')}。")
