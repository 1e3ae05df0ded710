"""Compare models, checkpoints or runs: what differs, where, and which to choose."""

import re
from collections.abc import Callable, Mapping, Sequence
from keyword import iskeyword
from os import PathLike
from pathlib import Path
from typing import Any

from torch import nn

from pellucid.core.errors import BadRequest
from pellucid.core.text import Text
from pellucid.diagnose.findings import Findings
from pellucid.engine.looker import unwrapped
from pellucid.engine.monitor.log import MANIFEST
from pellucid.engine.planner import Progress
from pellucid.inputs.data.open import open_data
from pellucid.lens.comparing import alike, apart, changed, parted, runs
from pellucid.lens.comparing.comparison import Comparison
from pellucid.lens.comparing.decided import agreement, answered
from pellucid.lens.comparing.findings import found_in
from pellucid.lens.comparing.matching import matching
from pellucid.lens.comparing.observed import Observed, observed, observed_input, together
from pellucid.lens.comparing.seen import Seeing
from pellucid.lens.comparing.summary import summary
from pellucid.lens.comparing.words import Signed
from pellucid.lens.lens import Lens
from pellucid.lens.run import Run
from pellucid.registry import View
from pellucid.results import Result

_HOW = "pl.compare(lens_a, lens_b, x=x, data=data), or pl.compare(run_a, run_b)"


def compare(
    *lenses_or_runs: Lens | nn.Module | Run,
    x: Any = None,
    data: Any = None,
    views: View | str | Sequence[View | str] | None = None,
    target: Any = None,
    names: Sequence[str] | None = None,
    samples: int = 512,
    batch_size: int | None = None,
    findings: bool = True,
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
        views: what is drawn of `x`, one or several; None for Grad-CAM and saliency.
        target: what is explained; None for the answer of the first.
        names: what they are called, one for each.
        samples: of the data, a random choice of which layers are compared.
        batch_size: samples in a batch.
        findings: whether each is also diagnosed, on at most sixteen samples (`Lens.diagnose`).
        seed: of the random state that every forward starts from.
        progress: called between passes; may raise `Cancelled`, which ends the comparison.
    Raises:
        BadRequest: fewer than two, lenses and runs together, or an input that one of them cannot read.
    """
    called = _names(lenses_or_runs, names)
    held = [one for one in lenses_or_runs if isinstance(one, Run)]
    if held:
        if len(held) < len(lenses_or_runs) or x is not None or data is not None:
            raise BadRequest(
                Text("runs are compared with runs, and without x and data", "训练只与训练比较，且不带 x 与 data"),
                hint=_HOW,
            )
        return _of_runs(held, called)
    lenses = [one if isinstance(one, Lens) else Lens(one) for one in lenses_or_runs if not isinstance(one, Run)]
    source = None if data is None else open_data(data)
    _check(lenses, called)
    how: dict[str, Any] = {"batch_size": batch_size, "seed": seed, "progress": progress}
    given = list(zip(lenses, called, strict=True))
    wanted = findings and (x is not None or source is not None)
    classes = next((tuple(one.labels) for one in lenses if one.labels), ())  # whose numbers labels are
    wrong = {
        name: found_in(lens, x, source, labelled=tuple(lens.labels) in ((), classes), seed=seed, progress=progress)
        for lens, name in given
        if wanted
    }
    over_x = [] if x is None else [observed_input(lens, name, x, samples=samples, **how) for lens, name in given]
    over_data = [] if source is None and over_x else [observed(*one, source, samples=samples, **how) for one in given]
    sign = Signed(called, code=_code(called, x, data), seed=seed, notes=_notes(lenses, called))
    made = _Made(over_data or over_x, sign)
    seeing = Seeing(over_x, x, seed, progress) if over_x else None
    made.table({} if seeing is None else seeing.costs(), wrong)
    if over_x:
        made.decisions_on_input(over_x, alone=source is None)
    if source is not None:
        made.decisions_over_data(source)
    made.outputs()
    if seeing is not None:
        made.pictures(seeing, [views] if isinstance(views, (View, str)) else views, target)
    made.layers()
    return Comparison(called, made.parts, made.chapters, made.said)


def _check(lenses: Sequence[Lens], called: Sequence[str]) -> None:
    """Refuse a model without values.

    Raises:
        BadRequest: it is on the meta device.
    """
    hollow = next((name for one, name in zip(lenses, called, strict=True) if one.device.type == "meta"), None)
    if hollow is not None:
        raise BadRequest(
            Text(
                f"'{hollow}' is on the meta device: it has no weights to compare",
                f"“{hollow}”在 meta 设备上：没有可比较的权重",
            ),
            hint=Text("load its weights", "先载入权重"),
        )


class _Made:
    """The parts of a comparison of models, one after another.

    Args:
        models: what was gathered of them, over data where there are any.
        sign: puts their origin on results.
    """

    def __init__(self, models: Sequence[Observed], sign: Signed) -> None:
        self.models, self.sign = models, sign
        self.names = [one.name for one in models]
        self.answers, self.ordinals = answered(models)
        self.parts: dict[str, list[Any]] = {}
        self.chapters: dict[str, str] = {}
        self.said: list[Text] = []

    def table(self, costs: Mapping[str, Any], findings: Mapping[str, Findings | None]) -> None:
        """One row for each, to choose by."""
        chosen = summary(self.models, self.answers, costs, findings)
        self.add("summary", "summary", [chosen.with_(facts={**chosen.facts, **self.models[0].facts})])

    def decisions_on_input(self, over_x: Sequence[Observed], *, alone: bool) -> None:
        """What they answer to each example; without data, also how often the answers at its places are alike."""
        answers, _ = answered(over_x)
        self.add("decisions", "decisions", [parted.of_input(answers)])
        if alone and len(answers) > 1 and answers[0].unit is not None:
            self.add("agreement", "decisions", [agreement(answers)])

    def decisions_over_data(self, source: Any) -> None:
        """How often they answer alike, and the samples on which they do not."""
        if len(self.answers) > 1 and len(self.ordinals):
            self.add("agreement", "decisions", [agreement(self.answers)])
            table = parted.parting(self.answers, self.ordinals, source)
            self.add("parting", "decisions", [table], told=False)

    def outputs(self) -> None:
        """By how much their outputs differ."""
        self.add("outputs", "decisions", [apart.outputs(self.models)])

    def pictures(self, seeing: Seeing, views: Sequence[View | str] | None, target: Any) -> None:
        """The same pictures of each."""
        for name, held in seeing.pictures(views, target, self.sign).items():
            self.parts[name], self.chapters[name] = held, "pictures"
            self.said += _differing(held)

    def layers(self) -> None:
        """Which belong together, how alike they compute, and how their weights differ."""
        first, layers = self.models[0], [one.layers for one in self.models]
        if not layers[0]:
            return
        founds = [matching(first.layers, other.layers, *together(first, other)) for other in self.models[1:]]
        both = [(first.name, other.name) for other in self.models[1:]]
        series, tables = changed.changed(founds, layers, self.names)
        pairs = [alike.pairs(found, layers[0], layers[k], both[k - 1]) for k, found in enumerate(founds, 1)]
        matrices = [alike.matrix(found, name) for found, name in zip(founds, both, strict=True)]
        lost = [note for one in self.models for note in alike.broken(one)]
        course = alike.depth(founds, layers, self.names, lost)
        self.add("depth", "layers", [course])
        self.said += lost if course is None else []
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
    sign = Signed(names, code=_code(names, None, None))
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
        raise BadRequest(
            Text(f"a comparison needs at least two, not {len(given)}", f"至少要有两个才能比较，这里是 {len(given)} 个"),
            hint=_HOW,
        )
    for one in given:
        if not isinstance(one, (Lens, nn.Module, Run)):
            known = _opening(one) if isinstance(one, (str, PathLike)) else _HOW
            kind = type(one).__name__
            raise BadRequest(
                Text(f"a {kind} is neither a lens, a model nor a run", f"{kind} 既不是镜头、模型，也不是训练记录"),
                hint=known,
            )
    if names is not None and (len(names) != len(given) or len(set(names)) < len(given)):
        raise BadRequest(
            Text(
                f"names= must be {len(given)} different names, one for each",
                f"names= 须为 {len(given)} 个互不相同的名称，每个一名",
            ),
            nearest=str(list(names)),
        )
    own = list(names) if names is not None else [_own(one) for one in given]
    return [name if own.count(name) == 1 else f"{name} {own[: k + 1].count(name)}" for k, name in enumerate(own)]


def _opening(one: str | PathLike[str]) -> Text:
    """What makes a lens or a run of a name."""
    if (Path(one) / MANIFEST).is_file():
        return Text(f"pl.Run.open({str(one)!r}) opens the run", f"pl.Run.open({str(one)!r}) 可打开该训练记录")
    return Text(f"pl.open({str(one)!r}) makes a lens of it", f"pl.open({str(one)!r}) 可将其打开为镜头")


def _own(one: Any) -> str:
    if isinstance(one, Run):
        return str(one.history.about.get("model") or "run")
    return one.name if isinstance(one, Lens) else type(unwrapped(one)).__name__


def _notes(lenses: Sequence[Lens], names: Sequence[str]) -> tuple[Text, ...]:
    """What every result of a lens must say, with the name of the model."""
    return tuple(
        Text(f"{name}: {note.en}", f"{name}：{note.say('zh')}", aside=note.aside)
        for lens, name in zip(lenses, names, strict=True)
        for note in lens.notes
    )


def _code(names: Sequence[str], x: Any, data: Any) -> str:
    """The line that makes it again; a model is the variable of its name, what is no name of a file that of its own."""
    models = [re.sub(r"\W", "_", name).lower() for name in names]
    variables = [name if name.isidentifier() and not iskeyword(name) else f"model_{name}" for name in models]
    given = [
        f"{name}={str(one)!r}" if isinstance(one, (str, PathLike)) else f"{name}={name}"
        for name, one in (("x", x), ("data", data))
        if one is not None
    ]
    return f"pl.compare({', '.join([*variables, *given])})"
