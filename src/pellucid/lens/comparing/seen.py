"""An input through several models: their answers, their costs and the same pictures of each."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.core.errors import Cancelled, NotApplicable, PellucidError, UnknownMethod
from pellucid.engine.planner import Progress
from pellucid.lens.comparing.observed import outputs
from pellucid.lens.comparing.pictured import side_by_side
from pellucid.lens.comparing.words import Signed
from pellucid.lens.lens import Lens, is_text
from pellucid.lens.views import Views
from pellucid.registry import View, factory, view
from pellucid.results import Result
from pellucid.results.failure import Failure

OF_PICTURES = ("grad_cam", "saliency")
OF_TEXTS = ("saliency",)
TIMED = 3
Watch = Callable[[Progress], None] | None


class Seeing:
    """Several lenses on one input, which each reads in its own way.

    Args:
        lenses, names: of the models.
        x: the input.
        seed: of the random state that every forward starts from.
        progress: called between passes.
    """

    def __init__(self, lenses: Sequence[Lens], names: Sequence[str], x: Any, seed: int, progress: Watch) -> None:
        self.lenses, self.names, self.x, self.seed, self.progress = lenses, names, x, seed, progress
        self.seconds: dict[str, float] = {}
        self.scores = [self._scores(lens, name) for lens, name in zip(lenses, names, strict=True)]

    def _look(self, lens: Lens, name: str, views: Sequence[View], target: Any = None) -> Views:
        """A look; an error says whose it is.

        Raises:
            PellucidError: this model cannot read or take the input.
            Cancelled: it was stopped.
        """
        try:
            seen = lens.see(self.x, *views, target=target, seed=self.seed, progress=self.progress)
        except PellucidError as error:
            error.asked_by = f"{name}: {error.asked_by}" if error.asked_by else name
            error.hint = error.hint or "x as a path or PIL image, which every lens reads in its own way"
            raise
        for failed in seen.failures:
            if isinstance(failed.error, Cancelled):
                raise failed.error
        return seen

    def _scores(self, lens: Lens, name: str) -> np.ndarray | None:
        """`(example, class)`, None where the output is not that; the fastest of a few looks is timed."""
        seen = [self._look(lens, name, [outputs()]) for _ in range(TIMED)]
        self.seconds[name] = min(one.cost.seconds for one in seen)
        found = seen[0][0]
        scores = None if isinstance(found, Failure) else found.values
        return scores if scores is not None and scores.ndim == 2 and scores.shape[1] > 1 else None

    def costs(self) -> dict[str, dict[str, float | None]]:
        """By name: operations of one example and seconds of a forward of all of x."""
        made: dict[str, dict[str, float | None]] = {}
        for lens, name in zip(self.lenses, self.names, strict=True):
            made[name] = {"flops": self._flops(lens, name), "seconds": self.seconds[name]}
        return made

    def _flops(self, lens: Lens, name: str) -> float | None:
        try:
            graph = self._look(lens, name, [factory("flow_graph")(real=False)])[0]
        except (UnknownMethod, NotApplicable):
            return None
        if isinstance(graph, Failure) or not graph.facts.get("flops"):
            return None
        return float(graph.facts["flops"] / max(1, lens.read(self.x).size))

    def targets(self, target: Any) -> list[Any]:
        """What each model is asked to explain: the answer of the first, where the others have that class."""
        first = self.scores[0]
        if target is not None or first is None:
            return [target] * len(self.lenses)
        answers = [int(one) for one in first.argmax(1)]
        return [
            answers if k == 0 else _in_classes_of(answers, self.lenses[0].labels, lens.labels, first, self.scores[k])
            for k, lens in enumerate(self.lenses)
        ]

    def pictures(self, views: Sequence[View | str] | None, target: Any, sign: Signed) -> dict[str, list[Any]]:
        """By name of the view: what all models gave, on one scale, and the differences."""
        chosen = self._usual() if views is None else [view(one) for one in views]
        if not chosen:
            return {}
        goals = self.targets(target)
        seen = [
            self._look(lens, name, chosen, goal)
            for lens, name, goal in zip(self.lenses, self.names, goals, strict=True)
        ]
        made: dict[str, list[Any]] = {}
        for number, one in enumerate(chosen):
            given = [each[number] for each in seen]
            failed = next((each for each in given if isinstance(each, Failure)), None)
            if failed is not None:
                inapplicable = views is None and isinstance(failed.error, NotApplicable)
                made.setdefault(one.name, []).extend([] if inapplicable else [failed])
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
            made += [] if apart is None else [sign(apart, "differences", method=f"compare_{one.name}_difference")]
        return made

    def _usual(self) -> list[View]:
        x = self.lenses[0].read(self.x)
        found: list[View] = []
        for name in OF_TEXTS if is_text(x) else OF_PICTURES:
            try:
                found.append(factory(name)())
            except UnknownMethod:
                continue
        return found


def _signed(one: View, result: Result, sign: Signed) -> Result:
    """What is one result of several models; what is of one model alone has its own origin."""
    if result.provenance is not None:
        return result
    return sign(result, "pictures", words=one.spec.words, method=f"compare_{one.name}")


def _in_classes_of(
    answers: list[int], one: tuple[str, ...], two: tuple[str, ...], first: np.ndarray, other: np.ndarray | None
) -> Any:
    """The same classes in the numbering of another model; None, for its own answers, where it lacks one."""
    if other is None:
        return None
    if one and two and one != two:
        places = {name.casefold(): place for place, name in reversed(list(enumerate(two)))}
        found = [places.get(one[answer].casefold()) if answer < len(one) else None for answer in answers]
        return None if any(place is None for place in found) else found
    return answers if other.shape[1] == first.shape[1] else None
