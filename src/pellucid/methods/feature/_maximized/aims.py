"""What is climbed towards: units of a layer, or classes, each with what real data show of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.core.errors import BadInput, BadSetting, NotApplicable
from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.targets.target import Target
from pellucid.engine.targets.units import Unit
from pellucid.inputs.inputs import Inputs
from pellucid.methods.feature._maximized.beside import Beside, classes_of, units_of
from pellucid.methods.feature._maximized.objective import Objective, called, wish_of
from pellucid.results import Gallery

_TRIED, _ROWS = 8, 256


@dataclass(frozen=True, eq=False)
class Aim:
    """One batch of inputs to make.

    Args:
        x: the call of the model with a row for each.
        target: what is raised.
        alone: the same without diversity, by which inputs are compared.
        infos: what the rows are made for, over and over.
        layer: address of the place that is looked at.
        lead: name of the first axis.
        beside: what real data show of the units.
    """

    x: Inputs
    target: Target
    alone: Target
    infos: Sequence[TargetInfo]
    layer: str
    lead: str
    beside: Beside | None = None


def beginning(x: Inputs | None, data: Source | None, blank: Inputs | None) -> Inputs:
    """The example that what is made is like: what is given, a sample of the data, or what the preprocessing states.

    Raises:
        BadInput: there is none.
        NotApplicable: it is made of words.
    """
    example = x if x is not None else _first(data) if data is not None else blank
    if example is not None and example.is_discrete:
        raise NotApplicable(
            Text(
                "words cannot be optimised from noise: the input is made of tokens",
                "词语无法由噪声优化得到：输入由词元组成",
            ),
            hint="top_regions",
        )
    if example is None:
        raise BadInput(
            Text(
                "activation_maximization needs an input x: nothing states of which size and range the model takes inputs",
                "activation_maximization 需要输入 x：没有说明模型所接受输入的大小与范围",
            ),
            hint=Text(
                "lens.see(x, ...), or pl.Lens(model, preprocess=pl.Preprocess(mean=…, std=…, size=…))",
                "lens.see(x, ...)，或 pl.Lens(model, preprocess=pl.Preprocess(mean=…, std=…, size=…))",
            ),
        )
    return example


def wanted(target: Target | None) -> int:
    """How many inputs are made where there is no example: one for each target.

    Raises:
        BadSetting: none is named.
    """
    if target is None or target.asked is None:
        raise BadSetting(
            Text("without an input there is no predicted class to raise", "没有输入，就没有可提高的预测类别"),
            hint=Text("name target=, or give layer=", "请给出 target=，或 layer="),
        )
    return len(target.asked) if isinstance(target.asked, list) else 1


def bounds_of(example: Inputs, data: Source | None) -> Inputs:
    """The examples whose range counts for what is made: of a table over data its first rows."""
    if data is None or all(example.tensors[name].ndim > 2 for name in example.explained):
        return example
    count = min(_ROWS, len(data))
    return next((one.x for one in data.batches(range(count), count) if one.x is not None), example)


def check_asked(
    layer: Layer | None,
    channels: int | tuple[int, ...],
    objective: Objective | Gallery,
    diversity: float,
    *,
    over_data: bool,
) -> None:
    """Refuse settings that would change nothing.

    Raises:
        BadSetting: they are of a layer, and there is none; or no unit is named.
    """
    if channels == ():
        raise BadSetting(
            Text("channels=() names no unit", "channels=() 没有指定单元"), hint="channels=9, or channels=(0, 5)"
        )
    if layer is not None:
        return
    if diversity:
        raise BadSetting(
            Text("diversity= compares inputs inside a layer", "diversity= 比较的是层内的输入"),
            hint=Text("give layer=, or another seed=", "请给出 layer=，或换一个 seed="),
        )
    if not isinstance(objective, str) or objective != "channel":
        raise BadSetting(
            Text("objective= is one of a layer, and no layer was given", "objective= 针对层，而没有给出层"),
            hint=Text("give layer=", "请给出 layer="),
        )
    if isinstance(channels, tuple) and not over_data:
        raise BadSetting(
            Text("channels= are units of a layer, and no layer was given", "channels= 是层的单元，而没有给出层"),
            hint=Text("give layer=, or name classes as target=", "请给出 layer=，或以 target= 指定类别"),
        )


def _first(data: Source) -> Inputs:
    """The first sample that can be read.

    Raises:
        BadInput: none of the first ones can.
    """
    error, count = None, min(_TRIED, len(data))
    for ordinal in range(count):
        try:
            return data.inputs([ordinal])
        except BadInput as reason:
            error = reason
    raise BadInput(
        Text(
            f"none of the first {count} samples can be read; the last one: {'' if error is None else error.what}",
            f"前 {count} 个样本都无法读取；最后一个：{'' if error is None else error.words.say('zh')}",
        ),
        hint=Text("check the data set", "请检查数据集"),
    )


def at_classes(
    example: Inputs,
    target: Target | None,
    *,
    data: Source | None,
    channels: int | tuple[int, ...],
    n_images: int,
    k: int,
) -> Looking[list[Aim]]:
    """The target of each example; of a data set its classes."""
    if data is not None:
        infos, beside = yield from classes_of(example, data, channels, k)
        found = Target([*beside.channels] * n_images)
        rows = example.rows(0, 1).repeated(len(infos) * n_images)
        return [Aim(rows, found, found, infos, "", "unit", beside)]
    seen = yield from Pass(example, target=target)
    aim: Target = target or Target()
    return [Aim(example.repeated(n_images), aim, aim, seen.targets, "", "batch" if n_images == 1 else "image")]


def in_layer(
    example: Inputs,
    layer: Layer,
    objective: Objective | Gallery,
    *,
    channels: int | tuple[int, ...],
    data: Source | None,
    n_images: int,
    diversity: float,
    k: int,
    bare: bool,
) -> Looking[list[Aim]]:
    """Units of every place that the layer denotes.

    Args:
        bare: whether the example is only noise, on which no channel stands out: then the first channels are meant.
    """
    row = example.rows(0, 1)
    seen = yield from Pass(example, keep=[layer])
    spots = seen.at(layer)
    besides: Sequence[Beside | None] = [None] * len(spots)
    if data is not None:
        besides = yield from units_of(data, layer, spots, objective, channels, k)
    aims: list[Aim] = []
    for spot, beside in zip(spots, besides, strict=True):
        wish = wish_of(spot, objective, channels if beside is None else beside.channels, diversity, first=bare)
        infos = [TargetInfo(one.en, None, 0.0, unit="activation", zh=one.zh) for one in called(wish)]
        target, alone = (Target(Unit(spot.address, one)) for one in (wish, wish.alone()))
        rows = row.repeated(wish.units * n_images)
        aims.append(Aim(rows, target, alone if diversity else target, infos, spot.address, "unit", beside))
    return aims
