"""Targets on their way into a look: what they need of the lens before a pass, and their part of a block of examples."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import Tensor

from pellucid.core.errors import BadTarget, NotApplicable, PellucidError
from pellucid.core.text import Text
from pellucid.engine.group import run_group
from pellucid.engine.looker import Looker
from pellucid.engine.passes import OUTPUT, Pass
from pellucid.engine.planner import Cost
from pellucid.engine.targets.areas import Box, Region
from pellucid.engine.targets.similarity import Similarity
from pellucid.engine.targets.target import Contrast, Rival
from pellucid.engine.targets.tokens import Generated
from pellucid.engine.targets.vocabulary import texts_of
from pellucid.inputs.inputs import Inputs


@dataclass(eq=False)
class Asking:
    """Makes targets ready: areas learn the grid of the input, references are run through the model.

    Args:
        looker: the model.
        read: makes an input of whatever a user passes.
        x: the input that is looked at.
        seed: of the random state that the forwards of references start from.
        cost: of those forwards.
    """

    looker: Looker
    read: Callable[[Any], Inputs]
    x: Inputs | None
    seed: int = 0
    cost: Cost = field(default_factory=Cost)

    def ready(self, asked: Any) -> Any:
        """The target as passes take it."""
        if isinstance(asked, Generated):
            raise BadTarget(
                Text(f"{asked!r} makes a table of its own", f"{asked!r} 自成一张表"),
                hint=Text("ask for it alone, as target=", "请单独以 target= 给出"),
            )
        if isinstance(asked, Contrast):
            return Contrast(self.ready(asked.a), self.ready(asked.b))
        if isinstance(asked, Rival):
            return Rival(self.ready(asked.of))
        if isinstance(asked, (Region, Box)):
            return replace(asked, frame=_frame(self.x))
        if isinstance(asked, Similarity) and asked.embedding is None:
            return replace(asked, embedding=self._embedding(asked))
        return asked

    def _embedding(self, asked: Similarity) -> Tensor:
        reference = asked.reference
        if isinstance(reference, Tensor) or hasattr(reference, "__array__"):
            shape = tuple(np.shape(reference))
            alike = self.x is not None and shape[1:] in {
                tuple(self.x.tensors[name].shape[1:]) for name in self.x.explained
            }
            if not alike and shape and not hasattr(reference, "getbands"):
                return reference.detach() if isinstance(reference, Tensor) else Tensor(np.array(reference, np.float64))
        x = self.read(reference)
        made = self.output(x)
        return asked.vectors(made, texts_of(x)) if made.ndim > 1 else made

    def output(self, x: Inputs) -> Tensor:
        """The explained output of an input: one forward without gradients."""
        with self.looker.looking(self.seed) as session:
            (seen,) = run_group(session, [Pass(x, keep=[OUTPUT])])
        self.cost = replace(
            self.cost,
            forwards=self.cost.forwards + session.forwards,
            samples=self.cost.samples + session.samples,
        )
        if isinstance(seen, PellucidError):
            raise seen
        if seen.output is None:
            raise NotApplicable(
                Text("the model's output holds no floating tensor to compare", "模型的输出中没有可比较的浮点张量"),
                hint=Text("give output=", "请给出 output="),
            )
        return seen.output


def _frame(x: Inputs | None) -> tuple[int, ...]:
    """The grid of the explained input: height and width, time, positions of tokens; `()` for features."""
    if x is None:
        return ()
    shape = tuple(x.tensors[x.explained[0]].shape)
    return shape[1:] if x.is_discrete else shape[2:]


def cut(asked: Any, block: tuple[int, int], size: int) -> Any:
    """The target for examples `block` of a batch of `size`.

    Raises:
        BadTarget: a list that has not one target for each example.
    """
    if isinstance(asked, Contrast):
        return Contrast(cut(asked.a, block, size), cut(asked.b, block, size))
    if isinstance(asked, Rival):
        return Rival(cut(asked.of, block, size))
    if isinstance(asked, (Region, Box)):
        return replace(asked.cut(block, size), target=cut(asked.target, block, size))
    if isinstance(asked, Similarity):
        return asked.cut(block, size)
    if isinstance(asked, (Tensor, np.ndarray)) and asked.ndim:
        asked = asked.tolist()
    if not isinstance(asked, list):
        return asked
    if len(asked) != size:
        raise BadTarget(
            Text(f"{len(asked)} targets for {size} examples", f"样本有 {size} 个，目标却有 {len(asked)} 个"),
            hint=Text("one per example, or one for all", "每个样本一个，或全部共用一个"),
        )
    return asked[slice(*block)]
