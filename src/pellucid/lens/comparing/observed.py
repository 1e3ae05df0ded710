"""What is gathered of each model: its layers' vectors for the same samples, and its answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from pellucid.core.errors import Cancelled, NotApplicable
from pellucid.core.text import Text
from pellucid.engine.passes import OUTPUT, Looking, Pass
from pellucid.engine.planner import Progress
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.reducers import Sample
from pellucid.engine.sweeps.request import Sweep
from pellucid.inputs.inputs import Inputs
from pellucid.lens.comparing.answers import Answers
from pellucid.lens.comparing.held import Layer, layers_of
from pellucid.lens.lens import Lens
from pellucid.registry import View, method
from pellucid.results import Matrix
from pellucid.results.array import as_array
from pellucid.results.failure import Failure

_NOTHING = Text("")
_WORDS: dict[str, Any] = dict.fromkeys(("question", "shows", "cannot", "check", "needs"), _NOTHING)


@method(title=Text("Vectors of a layer", "层的向量"), paper="", **_WORDS)
def vectors(data: Source, layer: str = "", samples: Annotated[int, Ge(4)] = 512) -> Looking[Matrix]:  # noqa: ARG001
    """A layer's mean over positions, for a random choice of samples that is the same for every layer and model."""
    swept = yield from Sweep([one := Sample(layer, samples, whole=True)])
    found = swept.at(one)[0]
    ordinals, values = as_array(found.state["ordinals"]), as_array(found.state["vectors"])
    kept = np.flatnonzero((ordinals >= 0) & np.isfinite(values).all(1))
    kept = kept[np.argsort(ordinals[kept])]
    return Matrix(values=values[kept], layer=layer, facts={**swept.facts, "ordinals": ordinals[kept]})


@method(title=Text("Answers", "答案"), paper="", **_WORDS)
def answers(data: Source) -> Looking[Matrix]:
    """What the model answers every sample with."""
    swept = yield from Sweep([one := Answers()])
    state = {name: as_array(value) for name, value in swept.at(one)[0].state.items()}
    if state["several"]:
        raise NotApplicable("the output is not one score for each of several classes")
    return Matrix(values=np.zeros((0, 0)), facts={**swept.facts, **state, "source": data}, notes=swept.notes)


@method(title=Text("Output", "输出"), paper="", **_WORDS)
def outputs(x: Inputs) -> Looking[Matrix]:
    """The explained output."""
    seen = yield from Pass(x, keep=[OUTPUT])
    return Matrix(values=as_array(seen.at(OUTPUT)[0].value))


@dataclass(frozen=True, eq=False)
class Observed:
    """One model.

    Args:
        lens: as it was given.
        name: what it is called here, unlike all others.
        layers: those that hold numbers, in execution order where that is known.
        vectors: of the layers that mix channels: path → ordinals of samples `(n,)` and `(n, channel)`.
        answers: over data: ordinals, labels, answers, confidences, margins.
        why: there are no answers, where that is so.
        facts: of the sweep.
        notes: of the sweep.
    """

    lens: Lens
    name: str
    layers: Sequence[Layer]
    vectors: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    answers: dict[str, Any] | None = None
    why: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[Text, ...] = ()


def observed(
    lens: Lens,
    name: str,
    data: Any,
    *,
    samples: int,
    batch_size: int | None,
    seed: int,
    progress: Callable[[Progress], None] | None,
) -> Observed:
    """One run of the data through the model; without data, what the model holds."""
    layers = layers_of(lens)
    if data is None:
        return Observed(lens, name, layers)
    paths = [one.path for one in layers if one.is_map and one.path]
    how: dict[str, Any] = {"batch_size": batch_size, "seed": seed, "progress": progress}
    seen = None
    while seen is None:
        asked: list[View] = [answers(), *(vectors(layer=path, samples=samples) for path in paths)]
        try:
            seen = lens.sweep(data, *asked, **how)
        except NotApplicable as error:  # the first batch tells what has no row for each sample
            lacking = [path for path in paths if error.what.startswith((f"'{path}'", f"'{path}#"))]
            if not lacking:
                raise
            paths = [path for path in paths if path not in lacking]
    stopped = next((one.error for one in seen.failures if isinstance(one.error, Cancelled)), None)
    if stopped is not None:
        raise stopped
    told, given = seen[0], list(seen)[1:]
    found = {
        path: (one.facts["ordinals"], one.values)
        for path, one in zip(paths, given, strict=True)
        if not isinstance(one, Failure)
    }
    first = next((one for one in seen if not isinstance(one, Failure)), None)
    if first is None:
        raise told.error or NotApplicable(told.reason)
    return Observed(
        lens,
        name,
        layers_of(lens),
        found,
        None if isinstance(told, Failure) else told.facts,
        told.reason if isinstance(told, Failure) else "",
        {"samples": first.facts["samples"], "left out": first.facts["left out"], "data": first.facts["data"]},
        first.notes,
    )


def together(one: Observed, two: Observed) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The vectors of two models, of the samples that their layers share; layers that lack most of them are left out."""
    every = [ordinals for ordinals, _ in (*one.vectors.values(), *two.vectors.values())]
    if not every or not one.vectors or not two.vectors:
        return {}, {}
    most = max(map(len, every))
    full = [ordinals for ordinals in every if len(ordinals) > most / 2]
    common = full[0]
    for ordinals in full[1:]:
        common = np.intersect1d(common, ordinals)
    made = [
        {
            path: values[np.searchsorted(ordinals, common)]
            for path, (ordinals, values) in each.vectors.items()
            if len(ordinals) > most / 2
        }
        for each in (one, two)
    ]
    return made[0], made[1]
