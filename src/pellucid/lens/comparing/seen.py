"""An input through several models: their answers, their costs and the same pictures of each."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.core.errors import Cancelled, NotApplicable, PellucidError, UnknownMethod
from pellucid.core.provenance import Words
from pellucid.core.text import Text
from pellucid.engine.passes import OUTPUT, Looking, Pass
from pellucid.engine.planner import Progress
from pellucid.inputs.inputs import Inputs
from pellucid.lens.comparing.decided import Answered, answered
from pellucid.lens.comparing.form import UNSAID
from pellucid.lens.comparing.observed import Observed, say_whose
from pellucid.lens.comparing.pictured import side_by_side
from pellucid.lens.comparing.words import PARTS, Signed
from pellucid.lens.lens import is_text
from pellucid.lens.views import Views
from pellucid.registry import View, factory, method, view
from pellucid.results import Matrix, Result
from pellucid.results.failure import Failure

OF_PICTURES = ("grad_cam", "saliency")
OF_TEXTS = ("saliency",)
TIMED = 3
Watch = Callable[[Progress], None] | None


@method(title=Text("One forward", "一次前向"), paper="", **UNSAID)
def forward(x: Inputs) -> Looking[Matrix]:
    """Nothing but a run of the model."""
    yield from Pass(x, keep=[OUTPUT])
    return Matrix(values=np.zeros((0, 0)))


class Seeing:
    """Several lenses on one input, which each reads in its own way.

    Args:
        models: what was gathered of them with `x`.
        x: the input.
        seed: of the random state that every forward starts from.
        progress: called between passes.
    """

    def __init__(self, models: Sequence[Observed], x: Any, seed: int, progress: Watch) -> None:
        self.models, self.x, self.seed, self.progress = models, x, seed, progress
        self.names = [one.name for one in models]

    def _look(self, one: Observed, views: Sequence[View], target: Any = None) -> Views:
        """A look; an error says whose it is.

        Raises:
            PellucidError: this model cannot read or take the input.
            Cancelled: it was stopped.
        """
        try:
            seen = one.lens.see(self.x, *views, target=target, seed=self.seed, progress=self.progress)
        except PellucidError as error:
            say_whose(error, one.name)
            raise
        for failed in seen.failures:
            if isinstance(failed.error, Cancelled):
                raise failed.error
        return seen

    def costs(self) -> dict[str, dict[str, float | None]]:
        """By name: operations of one example and seconds of a forward of all of x, the fastest of a few."""
        return {
            one.name: {
                "flops": self._flops(one),
                "seconds": min(self._look(one, [forward()]).cost.seconds for _ in range(TIMED)),
            }
            for one in self.models
        }

    def _flops(self, one: Observed) -> float | None:
        try:
            graph = self._look(one, [factory("flow_graph")(real=False)])[0]
        except (UnknownMethod, NotApplicable):
            return None
        if isinstance(graph, Failure) or not graph.facts.get("flops"):
            return None
        return float(graph.facts["flops"] / max(1, one.lens.read(self.x).size))

    def targets(self, target: Any) -> list[Any]:
        """What each model is asked to explain: the answer of the first, where the others have that class."""
        answers, _ = answered(self.models)
        if target is not None or not answers or answers[0].name != self.names[0] or answers[0].unit is not None:
            return [target] * len(self.models)
        by, first = {one.name: one for one in answers}, answers[0]
        return [None if name not in by else _in_classes_of(first, by[name]) for name in self.names]

    def pictures(self, views: Sequence[View | str] | None, target: Any, sign: Signed) -> dict[str, list[Any]]:
        """By name of the view: what all models gave, on one scale, and the differences."""
        chosen = self._usual() if views is None else [view(one) for one in views]
        if not chosen:
            return {}
        goals = self.targets(target)
        seen = [self._look(one, chosen, goal) for one, goal in zip(self.models, goals, strict=True)]
        made: dict[str, list[Any]] = {}
        for number, one in enumerate(chosen):
            given = [each[number] for each in seen]
            failed = next((each for each in given if isinstance(each, Failure)), None)
            if failed is not None:
                made.setdefault(one.name, []).append(failed)
                continue
            made.setdefault(one.name, []).extend(self._beside(one, given, sign))
        return made

    def _beside(self, one: View, given: Sequence[Any], sign: Signed) -> list[Result]:
        """The results of one view, place by place."""
        every = [each if isinstance(each, tuple) else (each,) for each in given]
        if len({len(each) for each in every}) > 1:
            every = [each[-1:] for each in every]
        made: list[Result] = []
        for place in zip(*every, strict=True):
            shown, apart = side_by_side(place, self.names)
            made += [_signed(one, each, sign) for each in shown]
            if apart is not None:
                made.append(sign(apart, "differences", words=_of(one), method=f"compare_{one.name}_difference"))
        return made

    def _usual(self) -> list[View]:
        x = self.models[0].lens.read(self.x)
        found: list[View] = []
        for name in OF_TEXTS if is_text(x) else OF_PICTURES:
            try:
                found.append(factory(name)())
            except UnknownMethod:
                continue
        return found


def _of(one: View) -> Words:
    """What differences say of themselves, with the name of the method."""
    title = one.spec.words.title
    return replace(PARTS["differences"], title=Text(f"{title.en}: differences", f"{title.zh}：差异"))


def _signed(one: View, result: Result, sign: Signed) -> Result:
    """What is one result of several models; what is of one model alone has its own origin."""
    if result.provenance is not None:
        return result
    return sign(result, "pictures", words=one.spec.words, method=f"compare_{one.name}")


def _in_classes_of(first: Answered, other: Answered) -> list[int] | None:
    """The answers of the first in the numbering of another model; None, for its own answers, where it lacks one."""
    answers = first.answers[:, 0].tolist()
    if first.labels and other.labels and first.labels != other.labels:
        places = {name.casefold(): place for place, name in reversed(list(enumerate(other.labels)))}
        found = [places.get(first.labels[one].casefold()) for one in answers]
        return None if None in found else found  # type: ignore[return-value]
    return answers if first.classes == other.classes else None
