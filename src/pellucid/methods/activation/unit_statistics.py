"""Unit statistics: what the units of every layer do over a data set."""

from typing import Annotated, Any

from annotated_types import Ge, Gt, Le

from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.reducers import ClassMeans, Extremes, Moments, Sample
from pellucid.engine.sweeps.request import Sweep, Swept
from pellucid.methods.activation._broken import Broken
from pellucid.methods.activation._units import Units, units_of
from pellucid.methods.activation._units_told import EACH, LAYERS, findings, layer_row, unit_rows, without_empty
from pellucid.registry import method
from pellucid.results import Table

_UNNAMED = 256  # classes that are counted where the data set does not say how many there are


@method(
    title=Text("Unit statistics", "单元统计"),
    question=Text(
        "Which channels are dead, saturated or duplicates over the data, and which answer to one class?",
        "在整个数据集上，哪些通道失活、饱和或重复，哪些只对某一类有反应？",
    ),
    shows=Text(
        "Moments, range and zeros of every activation over all samples; channels that are zero on each of them, that never leave one limit of their function, or that repeat another; and how much channels prefer one class. Of one layer alone also every channel.",
        "各激活在全部样本上的统计量、范围与零值；在每个样本上都为零、始终停在函数某一界限、或重复另一通道的通道；以及通道对某一类的偏好。只看一层时还列出每个通道。",
    ),
    cannot=Text(
        "Other data: what is dead here may wake there. Few samples in a class make any channel look selective, and a selective channel need not matter for the decision.",
        "其他数据上的情况：此处失活的通道在别处可能有反应。某类样本少时任何通道都会显得有选择性；有选择性的通道对决策也未必重要。",
    ),
    check=Text(
        "Repeat it on other data and on half of these; look at top_regions of a selective channel; remove a dead or duplicate channel and see whether the answers stay.",
        "在其他数据与其中一半数据上重复；用 top_regions 看有选择性的通道；去掉失活或重复的通道，看输出是否不变。",
    ),
    needs=Text(
        "A data set, and a network with activation functions that run as operations of their own, or any layer with channels.",
        "一个数据集，以及激活函数以独立运算形式执行的网络，或任何有通道的层。",
    ),
    formula="dead: a = 0 on every sample; duplicate: ρ(a, a′) ≥ 0.99; selectivity (μ_max − μ_rest) / (μ_max + μ_rest)",
    paper="Morcos et al. 2018, arXiv:1803.06959",
    steps=Text(
        "1. Send every sample through the network once. 2. Add up each channel's sums, squares, ends and zeros, and its mean for every class. 3. Correlate the channels over a random sample of positions. 4. Compare the largest class mean with the mean of the other class means.",
        "1. 每个样本前向一次。2. 累加各通道的和、平方和、最值与零值，以及对每一类的均值。3. 在随机抽取的位置上计算通道间的相关系数。4. 比较最大的类别均值与其余类别均值的平均。",
    ),
    quick={"vectors": 64},
)
def unit_statistics(
    data: Source,
    layer: Layer = "every activation",
    duplicates: Annotated[float, Gt(0), Le(1)] = 0.99,
    vectors: Annotated[int, Ge(10)] = 1024,
    seed: int = 0,
) -> Looking[tuple[Table, ...]]:
    """Statistics of units over a data set.

    Args:
        layer: which places; activation functions by default.
        duplicates: correlation from which a channel counts as a duplicate of an earlier one.
        vectors: how many positions of samples are drawn at random for the correlations.
        seed: of that choice.
    Returns:  Table with a row per place in execution order; shares and selectivity are 0..1, a duplicate is one of a
        channel before it. If `layer` is one place, a second Table with a row per channel, the most selective first.
    Raises:   NotApplicable if a place has no channels.
    """
    moments, extremes, broken = Moments(layer), Extremes(layer), Broken(layer)
    means = ClassMeans(layer, len(data.classes) or _UNNAMED)
    sample = Sample(layer, vectors, seed=seed)
    swept = yield from Sweep([moments, extremes, means, sample, broken])
    each = (swept.at(one) for one in (moments, extremes, means, sample, broken))
    layers = [units_of(*found, above=duplicates) for found in zip(*each, strict=True)]
    rows = tuple(layer_row(one) for one in layers)
    notes = (*findings(data, layers, swept.read, duplicates), *_about(swept, layers), *swept.notes)
    tables = [Table(rows=rows, columns=without_empty(LAYERS, rows), notes=notes, facts=_facts(swept, layers))]
    if len(layers) == 1:
        channels = tuple(unit_rows(layers[0], data.classes))
        tables.append(
            Table(
                rows=channels,
                columns=without_empty(EACH, channels),
                layer=layers[0].address,
                notes=notes,
                facts=_facts(swept, layers),
            )
        )
    return tuple(tables)


def _facts(swept: Swept, layers: list[Units]) -> dict[str, Any]:
    counts = layers[0].selective.counts.tolist() if layers[0].selective is not None else []
    return {
        **swept.facts,
        "channels": sum(map(len, layers)),
        "dead": sum(int(one.dead.sum()) for one in layers),
        "saturated": sum(int(one.saturated.sum()) for one in layers if one.saturated is not None),
        "duplicates": sum(int(one.alike.duplicate.sum()) for one in layers if one.alike is not None),
        "classes with samples": len(counts),
        "samples in a class": (min(counts), max(counts)) if counts else None,
    }


def _about(swept: Swept, layers: list[Units]) -> list[Text]:
    """On how many samples duplicates and preferences rest."""
    notes: list[Text] = []
    if any(one.alike is None for one in layers):
        notes.append(
            Text(
                "Too few samples to look for duplicates: ten are needed.", "样本太少，无法寻找重复通道：至少需要十个。"
            )
        )
    told = layers[0].selective
    labelled = 0 if told is None else int(told.counts.sum())
    if told is not None and labelled < swept.read:
        notes.append(
            Text(
                f"The selectivity is that of {labelled:,} samples of known class; {swept.read - labelled:,} have none.",
                f"选择性只依据类别已知的 {labelled:,} 个样本；另有 {swept.read - labelled:,} 个没有类别。",
            )
        )
    if told is not None and told.counts.min() < 10:
        few = int(told.counts.min())
        notes.append(
            Text(
                f"A class has only {few} samples: the selectivity is too large by chance there.",
                f"有的类别只有 {few} 个样本：其选择性会因偶然而偏大。",
            )
        )
    return notes
