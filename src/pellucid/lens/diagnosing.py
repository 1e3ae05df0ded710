"""`Lens.diagnose`: what is wrong with a network, its input or its training."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn

from pellucid.core.errors import (
    BadInput,
    BadRequest,
    BadSetting,
    BadTarget,
    NotApplicable,
    nearest_names,
    quoted,
)
from pellucid.core.provenance import Provenance, Trace
from pellucid.core.text import Text
from pellucid.diagnose.check import Case, Check
from pellucid.diagnose.findings import Findings
from pellucid.diagnose.making import diagnosed
from pellucid.engine.looker import Looker
from pellucid.engine.monitor.history import History, read_run
from pellucid.engine.planner import Progress
from pellucid.engine.sharing import MemoryRanOut
from pellucid.engine.targets.target import Target
from pellucid.engine.targets.vocabulary import texts_of
from pellucid.inputs.data.data import Bad
from pellucid.inputs.data.noise import shaped
from pellucid.inputs.data.open import open_data
from pellucid.inputs.data.preparation import Preparation
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.preprocess import preprocess_of
from pellucid.lens.feed import Feed
from pellucid.lens.numbering import in_numbers_of
from pellucid.lens.provenance import Origin, versions
from pellucid.lens.run import Run
from pellucid.results.result import Result

SAMPLES = 64


class Looking(Protocol):
    """What has a model, and reads inputs for it: a `Lens`."""

    model: nn.Module
    name: str
    labels: tuple[str, ...]
    preprocess: Any
    tokenizer: Any
    _looker: Looker
    _origin: Origin

    @property
    def device(self) -> Any: ...
    @property
    def dtype(self) -> Any: ...
    def read(self, x: Any) -> Inputs: ...


def diagnose(
    self: Looking,
    x: Any = None,
    *,
    labels: Any = None,
    data: Any = None,
    samples: int = SAMPLES,
    run: Any = None,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> Findings:
    """Find what is wrong: `lens.diagnose(x)`. A check that lacks what it needs is listed as not made.

    Args:
        x: examples, as for `see`; sixteen or more tell most.
        labels: the true class of each, as number or name.
        data: a data set, as for `sweep`, of which examples and labels are taken where there is no `x`.
        samples: how many, spread evenly. All checks share one batch of them: fewer need less memory.
        run: a watched training: a `Run`, or its folder.
        seed: of the random state that every forward starts from.
        progress: called between passes; may raise `Cancelled`.
    Returns:
        Findings, the worst first, causes before what follows from them. Where memory runs out, of the first half of
        the examples, or of fewer.
    Raises:
        BadRequest: something that cannot be read.
        NotApplicable: memory runs out on a single example.
        ModelFailed: the model raised under every check that ran it.
    """
    inputs = None if x is None else self.read(x)
    given, notes = labels, list[Text]()
    if inputs is None and data is not None:
        inputs, found, notes = _samples(self, data, samples)
        given = labels if labels is not None else found
    truth = None if given is None else _numbers(given, self.labels, inputs)
    stated = None if self.preprocess is None else preprocess_of(self.preprocess)
    history, weights = _history(run), self._origin.weights

    def sign(result: Result, check: Check) -> Result:
        made = Provenance(
            method=check.name,
            family="diagnose",
            words=check.words,
            model=self.name,
            weights=weights,
            seed=seed,
            versions=versions(),
            unseen=self._looker.unseen,
            code=_said(self._origin.said, x=x, labels=labels, data=data, run=run),
            trace=Trace(date=datetime.now(UTC).isoformat(timespec="seconds")),
        )
        return result.with_(provenance=made, notes=(*result.notes, *self._origin.notes))

    while True:
        asked = None if truth is None else list(truth)
        target = None if inputs is None else Target(asked, self.labels, texts=texts_of(inputs, self.tokenizer))
        case = Case(self._looker, inputs, target, stated, truth, history)
        try:
            return diagnosed(case, sign, seed=seed, title=self.name, notes=notes, progress=progress)
        except MemoryRanOut as error:
            if inputs is None or inputs.size < 2:
                raise NotApplicable(
                    Text("memory ran out on a single example", "单个样本就耗尽了内存"),
                    hint=Text("a smaller input, or another device", "减小输入，或换用其他设备"),
                ) from error
            inputs = inputs.rows(0, inputs.size // 2)
            truth = None if truth is None else truth[: inputs.size]
            notes = [*notes[:1], _shortened(inputs.size)]


def _said(lens: str, *, x: Any, **named: Any) -> str:
    """The line that makes the checks again: what was given, by the names of the arguments."""
    given = [] if x is None else ["x"]
    given += [f"{name}={name}" for name, one in named.items() if one is not None]
    return f"{'pl.Lens(model)' if lens == 'model' else lens}.diagnose({', '.join(given)})"


def _shortened(size: int) -> Text:
    return Text(
        f"Memory ran out: these are findings of the first {size} examples.", f"内存不足：以下结果来自前 {size} 个样本。"
    )


def _samples(lens: Looking, data: Any, most: int) -> tuple[Inputs, list[int] | None, list[Text]]:
    """Samples spread evenly over a data set, their labels if all of them have one, and what is to be said of them.

    Raises:
        BadSetting: fewer than one.
        BadInput: none can be read, or they differ in shape.
    """
    if most < 1:
        raise BadSetting(
            Text(
                f"samples= is how many examples are looked at, not {most}", f"samples= 是要查看的样本数，不能是 {most}"
            )
        )
    accepts = getattr(lens.model, "forward", None)
    preparation = Preparation(lens.preprocess, lens.tokenizer, device=lens.device, dtype=lens.dtype, accepts=accepts)
    source = in_numbers_of(shaped(open_data(data), preparation.preprocess), lens.labels)
    feed = Feed(source, preparation, lens.read, on_bad="fail", outputs=lens.labels)
    ordinals = sorted({round(one) for one in np.linspace(0, len(feed) - 1, min(most, len(feed)))})
    read = [one for one in ordinals if not isinstance(source.read(one), Bad)]
    if not read:
        raise BadInput(
            Text(
                f"none of {len(ordinals)} samples of these data can be read",
                f"这些数据的 {len(ordinals)} 个样本均无法读取",
            )
        )
    notes = [
        Text(f"{len(read)} of {len(feed)} samples were looked at.", f"查看了 {len(feed)} 个样本中的 {len(read)} 个。")
    ]
    if len(read) < len(ordinals):
        count = len(ordinals) - len(read)
        notes[0] = Text(f"{notes[0].en} {count} could not be read.", f"{notes[0].zh}{count} 个无法读取。")
    known = [feed.label(one) for one in read]
    labels = None if any(one is None or one < 0 for one in known) else [int(one or 0) for one in known]
    try:
        return feed.inputs(read), labels, notes
    except RuntimeError as error:  # torch's own words for samples that cannot be stacked
        raise BadInput(
            Text(f"the samples make no batch: {error}", f"样本无法组成一批：{error}"),
            hint=Text("samples of one shape, or preprocess=", "使用同一形状的样本，或给出 preprocess="),
        ) from error


def _numbers(given: Any, names: Sequence[str], x: Inputs | None) -> tuple[int, ...]:
    """Labels as numbers, one for each example.

    Raises:
        BadInput: there is no example for them, or another number of them.
        BadTarget: a name that the model does not have, or a negative number.
    """
    if x is None:
        raise BadInput(
            Text("labels belong to examples, and there are none", "标签属于样本，而这里没有样本"),
            hint="lens.diagnose(x, labels=...)",
        )
    if isinstance(given, (Tensor, np.ndarray)):
        given = given.tolist()
    several = list(given) if isinstance(given, (list, tuple)) else [given]
    if len(several) != x.size:
        raise BadInput(
            Text(f"{len(several)} labels for {x.size} examples", f"{x.size} 个样本却有 {len(several)} 个标签"),
            hint=Text("one per example", "每个样本一个"),
        )
    for one in several:
        if isinstance(one, str) and one not in names:
            raise BadTarget(
                Text(f"no class is called '{one}'", f"没有名为“{one}”的类别"), nearest=quoted(nearest_names(one, names))
            )
        if not isinstance(one, str) and int(one) < 0:
            raise BadTarget(
                Text(f"a label is the number of a class, not {one}", f"标签是类别编号，不能是 {one}"),
                hint=Text("leave examples without a label out", "去掉没有标签的样本"),
            )
    return tuple(names.index(one) if isinstance(one, str) else int(one) for one in several)


def _history(run: Any) -> History | None:
    """The record of a run.

    Raises:
        BadRequest: it is none.
    """
    if run is None or isinstance(run, History):
        return run
    if isinstance(run, Run):
        return run.history
    if isinstance(run, (str, bytes)) or hasattr(run, "__fspath__"):
        return read_run(run)  # type: ignore[arg-type]
    raise BadRequest(
        Text(f"{type(run).__name__} is no run", f"{type(run).__name__} 不是训练记录"),
        hint=Text("lens.watch(optimizer) gives one; or its folder", "lens.watch(optimizer) 会给出；也可给其文件夹"),
    )
