"""Batch-norm fit: running statistics that are not those of the examples."""

import numpy as np
import torch

from pellucid.core.sites import Site
from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, DoesNotApply, check
from pellucid.diagnose.finding import Noticed, Severity
from pellucid.diagnose.normalizing import Norm, moments, norms
from pellucid.engine.looker import Looker
from pellucid.engine.passes import OUTPUT, Keep, Looking, Pass, Seen
from pellucid.inputs.inputs import Inputs
from pellucid.results.series import Series
from pellucid.results.spell import number

HIGH, MEDIUM = 1.5, 0.8  # of the running standard deviation, or of the logarithm of its ratio
WIDE = 0.4  # so much in half of the layers: few examples differ that far in some late layers only
FEWEST, EXAMPLES = 64, 8
RECTIFIERS, DEAD = frozenset({"relu", "relu6", "threshold"}), 0.5


@check(
    title=Text("Batch-norm statistics do not fit the data", "批归一化的统计量与数据不符"),
    why=Text(
        "In evaluation every channel is then shifted and scaled wrongly, though training looked well.",
        "于是在评估模式下各通道都被错误地平移和缩放，尽管训练看起来正常。",
    ),
    advice=Text(
        "Compare preprocessing with that of training; else measure the statistics anew on such data in train mode.",
        "与训练时的预处理对照；若一致，则在训练模式下用这类数据重新统计。",
    ),
    rank=15,
)
def batch_norm_fit(x: Inputs, lens: Looker) -> Checking:
    """By how much mean and spread of every channel differ from what the layer subtracts and divides by."""
    seen = yield from Pass(x, keep=[OUTPUT])
    every = norms(lens, seen)
    fresh = [one for one in every if not one.trained]
    if len(fresh) == len(every):
        return [_untrained(every)]
    measured = [one for one in every if one.trained and one.values >= FEWEST]
    if x.size < EXAMPLES or not measured:
        raise DoesNotApply(
            Text(f"batch-norm statistics need at least {EXAMPLES} examples", f"批归一化统计至少需要 {EXAMPLES} 个样本")
        )
    keeps = [Keep(one.site, moments) for one in measured]
    again = yield from Pass(x, keep=tuple(keeps))
    shifts, scales = [], []
    for one, keep in zip(measured, keeps, strict=True):
        shift, scale = _drift(one, *again[keep])
        shifts.append(shift)
        scales.append(scale)
    worst = np.maximum(np.array(shifts), np.abs(np.log(np.maximum(np.array(scales), 1e-12))))
    least = WIDE if float(np.median(worst)) >= WIDE else MEDIUM
    if not np.isfinite(worst).all() or worst.max() < least:
        return []
    first = int(np.argmax(worst >= least))
    severity: Severity = "high" if worst[first:].max() >= HIGH else "medium"
    picture = Series(
        curves={"shift": np.array(shifts), "scale": np.array(scales)},
        names={
            "shift": Text("shift of the mean", "均值偏移"),
            "scale": Text("standard deviation", "标准差"),
        },
        labels=tuple(one.site.path for one in measured),
        position_unit=Text("layer, first to last", "层（由前到后）"),
        unit=Text("in running deviations, median over channels", "以运行标准差为单位，通道中位数"),
    )
    said = Text(
        f"From here on the data differ: means lie {number(shifts[first])} running deviations off, "
        f"deviations are {number(scales[first])} times the running ones (medians over channels, {x.size} examples).",
        f"从这里起数据与统计量不符：均值偏离 {number(shifts[first])} 个运行标准差，"
        f"标准差为运行值的 {number(scales[first])} 倍（通道中位数，{x.size} 个样本）。",
    )
    dead = yield from _dead_before(x, seen, measured[first].site)
    if dead:
        en, zh = (
            f" Most channels of '{dead}' before it are dead: see to those first.",
            f"此前“{dead}”的多数通道已失活：应先处理。",
        )
        return [Noticed("low", measured[first].site.path, Text(said.en + en, said.zh + zh), picture)]
    return [Noticed(severity, measured[first].site.path, said, picture)]


def _dead_before(x: Inputs, seen: Seen, norm: Site) -> Looking[str]:
    """The first rectifier before a normalisation of which half the channels are zero for all; empty without one."""
    events = [one for one in seen.trace.events if one.op]
    end = next(i for i, one in enumerate(events) if (one.path, one.op) == (norm.path, norm.op))
    before = [one for one in events[:end] if one.op in RECTIFIERS and len(one.shape) > 2]
    keeps = [Keep(Site(one.path, one.call, one.op, one.n), silent) for one in before]
    if not keeps:
        return ""
    again = yield from Pass(x, keep=tuple(keeps))
    return next((spot.address for keep in keeps for spot in again.at(keep) if spot.value >= DEAD), "")


def silent(value: torch.Tensor) -> float:
    """Share of the channels that are zero for every example at every position."""
    return float((value == 0).transpose(0, 1).flatten(1).all(1).double().mean())


def _drift(one: Norm, mean: torch.Tensor, variance: torch.Tensor) -> tuple[float, float]:
    """Median over channels: distance of the means, and ratio of the deviations, in running deviations."""
    scale, shift = (value.double() for value in one.affine())
    used = (scale.abs() > 1e-3 * scale.abs().max()) & (variance > 1e-9 * scale.square())  # constant ones tell nothing
    if not bool(used.any()):
        return 0.0, 1.0
    away = ((mean - shift) / scale)[used].abs()
    ratio = (variance.sqrt() / scale.abs())[used]
    return float(away.median()), float(ratio.median())


def _untrained(every: list[Norm]) -> Noticed:
    said = Text(
        f"The {len(every)} batch normalisations hold mean 0 and variance 1: they never saw data and normalise nothing.",
        f"{len(every)} 个批归一化层的统计量为均值 0、方差 1：从未见过数据，不起归一化作用。",
    )
    picture = Series(
        curves={"fresh": np.ones(len(every))},
        labels=tuple(one.site.path for one in every),
        position_unit=Text("layer, first to last", "层（由前到后）"),
    )
    advice = Text("Train the network, or load its weights.", "训练网络，或加载其权重。")
    return Noticed("info", every[0].site.path, said, picture, advice)
