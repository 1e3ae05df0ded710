"""The samples of one class: those that the network predicts to be of it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.passes import Layer
from pellucid.engine.sweeps.reducers import Sample, Samples, State
from pellucid.engine.sweeps.request import Gathered
from pellucid.engine.targets.aims import class_index

_TOLD = 4


@dataclass(frozen=True)
class Answers:
    """State: that of a `Sample` that is `whole`, with `vectors (k, 1)`: the class that scores best; 0 if there is one.

    Args:
        site: the output.
        k: how many samples are kept.
        seed: of the choice.
    """

    site: Layer
    k: int = 16384
    seed: int = 0

    def update(self, state: State | None, cells: Tensor, samples: Samples) -> State:
        best = cells.mean(2, dtype=torch.promote_types(cells.dtype, torch.float32)).argmax(1)
        return self._sample.update(state, best.double()[:, None, None], samples)

    def merge(self, a: State, b: State) -> State:
        return self._sample.merge(a, b)

    @property
    def _sample(self) -> Sample:
        return Sample(self.site, self.k, whole=True, seed=self.seed)


@dataclass(frozen=True, eq=False)
class Chosen:
    """Samples of one class.

    Args:
        number: the class; None of a network with one output.
        ordinals: of the samples, in the order of the data set.
        predicted: how many samples are predicted to be of the class.
        read: of how many.
        asked: whether the class was asked for.
        alike: how many classes are predicted as often as this one, which is the first of them.
    """

    number: int | None
    ordinals: tuple[int, ...]
    predicted: int
    read: int
    asked: bool
    alike: int = 1


def chosen(one: Gathered, of: int | str | None, labels: tuple[str, ...], most: int) -> Chosen:
    """At most so many samples of a class, by default of the one that is predicted most; of all if there are no classes.

    Args:
        one: what `Answers` gathered.
    Raises:
        BadTarget: there is no such class.
        NotApplicable: no sample is predicted to be of it.
    """
    there = one.state["ordinals"] >= 0
    ordinals, best = one.state["ordinals"][there].cpu(), one.state["vectors"][there, 0].long().cpu()
    first = one.layout is not None and one.layout.kind == "channels_first"
    classes = one.shape[1] if first else one.shape[-1]
    if classes == 1 and of is None:
        return Chosen(None, tuple(sorted(ordinals[:most].tolist())), len(ordinals), len(ordinals), asked=False)
    counts = torch.bincount(best, minlength=classes)
    number = int(counts.argmax()) if of is None else class_index(labels, of, classes)
    mine = ordinals[best == number]
    if not len(mine):
        others = counts.argsort(descending=True, stable=True)[:_TOLD].tolist()
        said = ", ".join(f"{_name(labels, i)} ({int(counts[i])})" for i in others if counts[i])
        raise NotApplicable(
            Text(
                f"none of {len(ordinals)} samples is predicted to be {_name(labels, number)}",
                f"{len(ordinals)} 个样本中没有一个被预测为 {_name(labels, number)}",
            ),
            nearest=said,
            hint=Text("of=None takes the class that is predicted most", "of=None 取预测最多的类别"),
        )
    picked = tuple(sorted(mine[:most].tolist()))
    return Chosen(number, picked, len(mine), len(ordinals), of is not None, int((counts == len(mine)).sum()))


def _name(labels: tuple[str, ...], number: int) -> str:
    return labels[number] if number < len(labels) else f"class {number}"
