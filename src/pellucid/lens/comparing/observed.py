"""What is gathered of each model: its layers' vectors for the same samples, its outputs and its answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from pellucid.core.errors import Cancelled, NotApplicable, PellucidError
from pellucid.core.text import Text
from pellucid.engine.passes import OUTPUT, Looking
from pellucid.engine.planner import Progress
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.reducers import Sample
from pellucid.engine.sweeps.request import Sweep
from pellucid.lens.comparing.answers import Answers
from pellucid.lens.comparing.examples import rows_of
from pellucid.lens.comparing.explained import INSIDE, explaining, is_part, selected
from pellucid.lens.comparing.form import UNSAID, Form, form
from pellucid.lens.comparing.held import Layer, layers_of
from pellucid.lens.lens import Lens
from pellucid.registry import View, method
from pellucid.results import Matrix
from pellucid.results.array import as_array
from pellucid.results.failure import Failure

Rows = tuple[np.ndarray, np.ndarray]
_READ = Text(
    "x as a path or PIL image, which every lens reads in its own way", "x 用路径或 PIL 图像，各镜头会按自己的方式读取"
)
_WHOLE = Text("its examples share a part of x, or x holds more than tensors", "x 的样本共用其中一部分，或 x 不只含张量")
OUTPUTS = ""  # the name of the whole model, whose vectors are its outputs


@method(title=Text("Vectors of a layer", "层的向量"), paper="", **UNSAID)
def vectors(data: Source, layer: str = "", samples: Annotated[int, Ge(4)] = 512) -> Looking[Matrix]:  # noqa: ARG001
    """A layer's mean over positions, for a random choice of samples that is the same for every layer and model.

    Without a name, the explained output.
    """
    swept = yield from Sweep([one := Sample(layer or OUTPUT, samples, whole=True)])
    found = swept.at(one)[0]
    ordinals, values = as_array(found.state["ordinals"]), as_array(found.state["vectors"])
    whole = np.isfinite(values).all(1)
    kept = np.flatnonzero((ordinals >= 0) & whole)
    kept = kept[np.argsort(ordinals[kept])]
    lost = int(((ordinals >= 0) & ~whole).sum())
    return Matrix(values=values[kept], layer=layer, facts={**swept.facts, "ordinals": ordinals[kept], "lost": lost})


@method(title=Text("Answers", "答案"), paper="", **UNSAID)
def answers(data: Source) -> Looking[Matrix]:
    """What the model answers every sample with."""
    swept = yield from Sweep([one := Answers()])
    state = {name: as_array(value) for name, value in swept.at(one)[0].state.items()}
    return Matrix(values=np.zeros((0, 0)), facts={**swept.facts, **state, "source": data})


@dataclass(frozen=True, eq=False)
class Observed:
    """One model.

    Args:
        lens: as it was given.
        name: what it is called here, unlike all others.
        layers: those that hold numbers, in execution order where that is known.
        vectors: of the outputs and of the layers that mix channels: path → ordinals of samples `(n,)` and
            `(n, channel)`.
        answers: the state of `Answers`, with "source" and "form"; None where the output holds no decisions.
        why: it holds none.
        lost: path → of how many samples a number there is not finite, where it is of any.
        facts: of the sweep.
        notes: of the sweep.
    """

    lens: Lens
    name: str
    layers: Sequence[Layer]
    vectors: dict[str, Rows] = field(default_factory=dict)
    answers: dict[str, Any] | None = None
    why: Text | None = None
    lost: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[Text, ...] = ()


def observed(
    lens: Lens,
    name: str,
    data: Any,
    *,
    samples: int,
    batch_size: int | None = None,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> Observed:
    """The data once through the model; without data, what the model holds."""
    layers = layers_of(lens)
    if data is None:
        return Observed(lens, name, layers)
    how: dict[str, Any] = {"batch_size": batch_size, "seed": seed, "progress": progress}
    looked, known = _form(lens, data, seed)
    paths = [one.path for one in layers if one.is_map]
    asked = [OUTPUTS, *(path for path in paths if path)] if known.has_rows else paths
    told, found = _swept(looked, data, asked, known, samples, how)
    known = Form("none") if told is None and known.has_rows else known
    why = known.undecided(lens, labelled=told is not None and bool((told.facts["labels"] >= 0).any()))
    first = next((one for one in (told, *found.values()) if one is not None), None)
    return Observed(
        lens,
        name,
        layers_of(lens),  # in the order of the forward that was seen
        {path: (one.facts["ordinals"], one.values) for path, one in found.items()},
        {**told.facts, "form": known} if told is not None and why is None else None,
        why,
        {path: one.facts["lost"] for path, one in found.items() if one.facts["lost"]},
        {} if first is None else {name: first.facts[name] for name in ("samples", "left out", "data")},
        () if first is None else first.notes,
    )


def say_whose(error: PellucidError, name: str) -> None:
    """Let an error say which model it is of, and how all models can read an input."""
    error.asked_by = f"{name}: {error.asked_by}" if error.asked_by else name
    if not error.hint and not isinstance(error, Cancelled):
        error.hint = _READ


def observed_input(lens: Lens, name: str, x: Any, **how: Any) -> Observed:
    """The examples of an input through the model, which reads it in its own way; `how` as of `observed`.

    Raises:
        PellucidError: this model cannot read or take the input; it says whose input it was.
    """
    try:
        rows = rows_of(lens.read(x))
        found = replace(observed(lens, name, rows, **how), facts={})  # there are no data to tell of
    except PellucidError as error:
        say_whose(error, name)
        raise
    return replace(found, why=_WHOLE) if rows is None else found


def _form(lens: Lens, data: Any, seed: int) -> tuple[Lens, Form]:
    """What the output is; and a lens for which the explained tensor is the whole output.

    Raises:
        PellucidError: the model does not run on the first sample.
    """
    seen = lens.sweep(data, form(), seed=seed)[0]
    if isinstance(seen, Failure):
        raise seen.error or NotApplicable(seen.reason)
    known: Form = seen.facts["form"]
    if known.kind == "detections" or not (known.part or selected(lens)):
        return lens, known
    looked = explaining(lens)
    again = looked.sweep(data, form(), seed=seed)[0]
    if isinstance(again, Failure):  # there is no floating tensor among what it returns
        return lens, Form("none")
    return looked, replace(again.facts["form"], scores=known.scores and selected(lens) is None)


def _swept(
    lens: Lens, data: Any, paths: Sequence[str], known: Form, samples: int, how: Mapping[str, Any]
) -> tuple[Matrix | None, dict[str, Matrix]]:
    """The answers, and the vectors of each layer; without those that have no row for each sample."""
    at = {path: f"{INSIDE}{path}" if path and is_part(lens) else path for path in paths}
    views: list[View] = [answers()] if known.has_rows else []
    views += [vectors(layer=place, samples=samples) for place in at.values()]
    if not views:
        return None, {}
    try:
        seen = lens.sweep(data, *views, **how)
    except NotApplicable as error:  # the first batch tells what has no row for each sample
        if known.has_rows and error.what.startswith("'output'"):
            return _swept(lens, data, [path for path in paths if path], Form("none"), samples, how)
        lacking = [path for path, place in at.items() if error.what.startswith((f"'{place}'", f"'{place}#"))]
        if not lacking:
            raise
        return _swept(lens, data, [path for path in paths if path not in lacking], known, samples, how)
    stopped = next((one.error for one in seen.failures if isinstance(one.error, Cancelled)), None)
    if stopped is not None:
        raise stopped
    given = [None if isinstance(one, Failure) else one for one in seen]
    told = given.pop(0) if known.has_rows else None
    return told, {path: one for path, one in zip(paths, given, strict=True) if one is not None}


def together(one: Observed, two: Observed) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The vectors of two models, of the samples that their layers share; layers that lack most of them are left out."""
    every = [ordinals for ordinals, _ in (*one.vectors.values(), *two.vectors.values())]
    if not one.vectors or not two.vectors:
        return {}, {}
    most = max(map(len, every))
    common = reduce(np.intersect1d, (ordinals for ordinals in every if len(ordinals) > most / 2))
    first, second = (
        {
            path: values[np.searchsorted(ordinals, common)]
            for path, (ordinals, values) in each.vectors.items()
            if len(ordinals) > most / 2
        }
        for each in (one, two)
    )
    return first, second
