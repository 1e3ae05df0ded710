"""Compare models, checkpoints or runs: what differs, where, and which to choose."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from pellucid.core.errors import BadRequest
from pellucid.core.text import Text
from pellucid.engine.planner import Progress
from pellucid.inputs.data.open import open_data
from pellucid.lens.comparing import alike, changed, decided, runs
from pellucid.lens.comparing.comparison import Comparison
from pellucid.lens.comparing.matching import matching
from pellucid.lens.comparing.observed import Observed, observed, together
from pellucid.lens.comparing.seen import Seeing
from pellucid.lens.comparing.summary import summary
from pellucid.lens.comparing.words import Signed
from pellucid.lens.lens import Lens
from pellucid.lens.run import Run
from pellucid.ops.alignment import FEWEST
from pellucid.registry import View
from pellucid.results import Result

_HOW = "pl.compare(lens_a, lens_b, x=x, data=data), or pl.compare(run_a, run_b)"


def compare(
    *lenses_or_runs: Lens | nn.Module | Run,
    x: Any = None,
    data: Any = None,
    views: Sequence[View | str] | None = None,
    target: Any = None,
    names: Sequence[str] | None = None,
    samples: int = 512,
    batch_size: int | None = None,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> Comparison:
    """Put models, checkpoints or trainings side by side; the others are compared with the first.

    Without `x` and `data` names, shapes and weights are compared. All models stay as they are.

    Args:
        lenses_or_runs: at least two lenses (or modules), or at least two runs.
        x: an input that every lens reads in its own way: a path or PIL image where their sizes differ. Draws the same
            pictures of each on one scale, and says what they answer. Four examples or more tell which layers compute
            alike, where `data` does not.
        data: as in `Lens.sweep`; goes once through every model. Tells where their decisions part, and which layers
            compute alike.
        views: what is drawn of `x`; None for Grad-CAM and saliency.
        target: what is explained; None for the answer of the first.
        names: what they are called, one for each.
        samples: of the data, a random choice of which layers are compared.
        batch_size: samples in a batch.
        seed: of the random state that every forward starts from.
        progress: called between passes; may raise `Cancelled`, which ends the comparison.
    Raises:
        BadRequest: fewer than two, lenses and runs together, or an input that one of them cannot read.
    """
    called = _names(lenses_or_runs, names)
    held = [one for one in lenses_or_runs if isinstance(one, Run)]
    if held:
        if len(held) < len(lenses_or_runs) or x is not None or data is not None:
            raise BadRequest("runs are compared with runs, and without x and data", hint=_HOW)
        return _of_runs(held, called)
    lenses = [
        one if isinstance(one, Lens) else Lens(one) for one in lenses_or_runs if isinstance(one, (Lens, nn.Module))
    ]
    source = None if data is None else open_data(data)
    asked: dict[str, Any] = {"batch_size": batch_size, "seed": seed, "progress": progress}
    seeing = None if x is None else Seeing(lenses, called, x, seed, progress)
    shown = source if source is not None else _several(x)
    models = [observed(lens, name, shown, samples=samples, **asked) for lens, name in zip(lenses, called, strict=True)]
    sign = Signed(called, code=_code(x, data), seed=seed, notes=_notes(models))
    return _Made(models, sign).all(seeing, views, target, over_data=source is not None)


class _Made:
    """The parts of a comparison of models, one after another.

    Args:
        models: what was gathered of them.
        sign: puts their origin on results.
    """

    def __init__(self, models: Sequence[Observed], sign: Signed) -> None:
        self.models, self.sign = models, sign
        self.names = [one.name for one in models]
        self.parts: dict[str, list[Any]] = {}
        self.chapters: dict[str, str] = {}
        self.said: list[Text] = []

    def all(
        self, seeing: Seeing | None, views: Sequence[View | str] | None, target: Any, *, over_data: bool
    ) -> Comparison:
        """Everything there is to tell."""
        answers, ordinals = decided.answered(self.models) if over_data else ([], np.zeros(0, np.int64))
        costs = {} if seeing is None else seeing.costs()
        chosen = summary(self.models, answers, costs)
        self.add("summary", "summary", [chosen.with_(facts={**chosen.facts, **self.models[0].facts})])
        if seeing is not None:
            labels = [one.lens.labels for one in self.models]
            found = decided.of_input(list(zip(self.names, labels, seeing.scores, strict=True)))
            self.add("decisions", "decisions", [found])
        if len(answers) > 1 and len(ordinals):
            self.add("agreement", "decisions", [decided.agreement(answers)])
            first = next(one for one in self.models if one.answers is not None)
            source = (first.answers or {})["source"]
            parted = decided.parting(answers, ordinals, source)
            self.add("parting", "decisions", [parted], told=False, part="parting")
        if seeing is not None:
            for name, held in seeing.pictures(views, target, self.sign).items():
                self.parts[name], self.chapters[name] = held, "pictures"
                self.said += _differing(held)
        self._layers()
        return Comparison(self.names, self.parts, self.chapters, self.said)

    def _layers(self) -> None:
        first, layers = self.models[0], [one.layers for one in self.models]
        if not layers[0]:
            return
        founds = [matching(first.layers, other.layers, *together(first, other)) for other in self.models[1:]]
        both = [(first.name, other.name) for other in self.models[1:]]
        series, tables = changed.changed(founds, layers, self.names)
        pairs = [alike.pairs(found, layers[0], layers[k], both[k - 1]) for k, found in enumerate(founds, 1)]
        matrices = [alike.matrix(found, name) for found, name in zip(founds, both, strict=True)]
        self.add("depth", "layers", [alike.depth(founds, layers, self.names)])
        self.add("alignment", "layers", matrices, told=False)
        self.add("matching", "layers", pairs)
        self.add("weights", "weights", [series], told=series is not None)
        self.add("changes", "weights", tables, told=series is None, part="weights", method="compare_weights")

    def add(
        self, name: str, chapter: str, results: Sequence[Any], *, told: bool = True, part: str = "", method: str = ""
    ) -> None:
        """A part of what was found; what could not be made is left out."""
        made = [self.sign(one, part or name, method=method or f"compare_{name}") for one in results if one is not None]
        if made:
            self.parts[name], self.chapters[name] = made, chapter
            self.said += [note for one in results if told and one is not None for note in one.notes if not note.aside]


def _differing(held: Sequence[Any]) -> list[Text]:
    """What is said of differences, after the name of the method."""
    made: list[Text] = []
    title = Text("")
    for one in held:
        if not isinstance(one, Result) or one.provenance is None or one.provenance.words is None:
            continue
        if not one.provenance.method.endswith("_difference"):
            title = one.provenance.words.title
            continue
        made += [Text(f"{title.en}, {note.en}", f"{title.zh}，{note.zh}") for note in one.notes if not note.aside]
    return made


def _of_runs(held: Sequence[Run], names: Sequence[str]) -> Comparison:
    histories = [one.history for one in held]
    sign = Signed(names, code="pl.compare(run_a, run_b)")
    shown, apart = runs.updates(histories, names)
    made: dict[str, list[Any]] = {
        "final": [sign(runs.ends(histories, names), "final")],
        "curves": [sign(one, "curves") for one in runs.curves(histories, names)],
        "updates": [sign(one, "updates") for one in (shown, apart) if one is not None],
    }
    said = [note for held in made.values() for one in held for note in one.notes]
    chapters = {"final": "summary", "curves": "runs", "updates": "runs"}
    return Comparison(names, made, chapters, said)


def _names(given: Sequence[Any], names: Sequence[str] | None) -> list[str]:
    """What each is called, no two alike.

    Raises:
        BadRequest: fewer than two, one that cannot be compared, or names of another number.
    """
    if len(given) < 2:
        raise BadRequest(f"a comparison needs at least two, not {len(given)}", hint=_HOW)
    for one in given:
        if not isinstance(one, (Lens, nn.Module, Run)):
            known = "pl.open(...) makes a lens of it" if isinstance(one, str) else _HOW
            raise BadRequest(f"a {type(one).__name__} is neither a lens, a model nor a run", hint=known)
    if names is not None and (len(names) != len(given) or len(set(names)) < len(given)):
        raise BadRequest(f"names= must be {len(given)} different names, one for each", nearest=str(list(names)))
    own = list(names) if names is not None else [_own(one) for one in given]
    return [name if own.count(name) == 1 else f"{name} {own[: k + 1].count(name)}" for k, name in enumerate(own)]


def _own(one: Any) -> str:
    if isinstance(one, Run):
        return str(one.history.about.get("model") or "run")
    return one.name if isinstance(one, Lens) else type(one).__name__


def _notes(models: Sequence[Observed]) -> tuple[Text, ...]:
    """What every result of a lens must say, with the name of the model."""
    return tuple(
        Text(f"{one.name}: {note.en}", f"{one.name}：{note.say('zh')}", aside=note.aside)
        for one in models
        for note in one.lens.notes
    )


def _several(x: Any) -> Any:
    """The input as a data set, where it is enough examples to compare layers by; else None."""
    return x if isinstance(x, (Tensor, np.ndarray)) and x.ndim > 1 and len(x) >= FEWEST else None


def _code(x: Any, data: Any) -> str:
    given = [f"{name}={name}" for name, one in (("x", x), ("data", data)) if one is not None]
    return f"pl.compare({', '.join(['*lenses', *given])})"
