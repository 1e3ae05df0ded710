"""Top regions: the parts of a data set that excite each channel most (maximum activation projection)."""

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Ge

from pellucid.core.errors import BadSetting, NotApplicable
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.reducers import Moments, Top
from pellucid.engine.sweeps.request import Gathered, Sweep, Swept
from pellucid.methods.feature._regions import Region, regions_of
from pellucid.methods.feature._regions_drawn import Tiles, about, about_channels, table, tiles
from pellucid.methods.feature._regions_projected import projected
from pellucid.ops.ranking import ordinal_of, value_of
from pellucid.registry import method
from pellucid.results import Gallery, Table
from pellucid.results.array import as_array

_CHANNEL = Text("channel", "通道")


@method(
    title=Text("Top regions", "最大激活区域"),
    question=Text("Which parts of the data excite each channel most?", "数据中哪些部分最能激发各通道？"),
    shows=Text(
        "For each channel the regions of different samples where it is largest, the mean of these regions, and the one that is nearest to all others (medoid).",
        "每个通道取值最大的区域（来自不同样本）、这些区域的平均，以及与其余区域最接近的一个（中心样例）。",
    ),
    cannot=Text(
        "What else excites a channel: the largest values are its extremes, and a name that fits them need not fit the rest. The mean blurs what stands at different angles.",
        "通道还对什么有反应：最大值只是极端情形，适合它们的名称未必适合其余。姿态不一时平均会变得模糊。",
    ),
    check=Text(
        "Give the channel a name from half of the regions and see whether it fits the other half; activation_maximization shows what it wants without data.",
        "用一半区域为通道命名，再看是否适合另一半；activation_maximization 不依赖数据，显示通道想要什么。",
    ),
    needs=Text(
        "A data set, and any network with channels: pictures, series, texts.",
        "一个数据集，以及任何有通道的网络：图像、序列或文本。",
    ),
    formula="argmax_{n,p} a_c(x_n)_p, one place p for each sample n; region: the receptive field of (c, p)",
    paper="Zeiler & Fergus 2014, arXiv:1311.2901; Yosinski et al. 2015, arXiv:1506.06579",
    steps=Text(
        "1. Send every sample through the network once. 2. Keep for each channel the samples in which it is largest, and where. 3. Read these samples again. 4. Cut out what the channel can see there (its receptive field), or light the whole picture by its activation where it sees all of it. 5. Average.",
        "1. 每个样本前向传播一次。2. 为每个通道保留取值最大的样本及位置。3. 重新读取这些样本。4. 裁出该通道在此能看到的部分（感受野）；若能看到整幅图，则按激活值照亮整图。5. 求平均。",
    ),
    quick={"channels": 2, "k": 2},
)
def top_regions(
    data: Source,
    layer: Layer = "last block",
    channels: Annotated[int, Ge(1)] | tuple[int, ...] = 8,
    k: Annotated[int, Ge(1)] = 8,
    deconvolution: bool = False,
) -> Looking[tuple[Gallery | Table, ...]]:
    """The regions that excite channels most, by the exact receptive field over the calls that ran.

    Args:
        layer: whose channels.
        channels: how many are drawn, those whose largest values stand out most from their own mean and spread; or which.
        k: samples for each channel; fewer where it is zero in the others.
        deconvolution: draw below each region what the deconvnet makes of its very unit.
    Returns:  for pictures a Gallery, whose values are the largest values of every channel `(channel, k)`, NaN where
        there are fewer samples; and a Table with sample, place and region of each that is drawn.
    Raises:   NotApplicable if the layer has no channels, or the deconvnet no rule for the network.
    """
    top, moments = Top(layer, k), Moments(layer)
    swept = yield from Sweep([top, moments])
    results: list[Gallery | Table] = []
    for one, moved in zip(swept.at(top), swept.at(moments), strict=True):
        wanted = _wanted(one, _chosen(one, moved, channels))
        regions = yield from regions_of(data, one, wanted)
        beneath = (yield from projected(data, one, wanted, regions)) if deconvolution else ()
        drawn = tiles(data, regions, _CHANNEL, beneath)
        if drawn.images:
            results.append(_gallery(swept, one, regions, drawn, deconvolution=deconvolution))
        results.append(table(data, swept, one, regions))
    return tuple(results)


def _chosen(one: Gathered, about: Gathered, channels: int | tuple[int, ...]) -> list[int]:
    size = len(one.state["keys"])
    if isinstance(channels, tuple):
        wrong = [channel for channel in channels if not 0 <= channel < size]
        if wrong:
            raise BadSetting(
                Text(
                    f"'{one.address}' has channels 0 to {size - 1}, not {wrong[0]}",
                    f"'{one.address}' 的通道编号为 0 至 {size - 1}，没有 {wrong[0]}",
                )
            )
        return list(channels)
    values = value_of(one.state["keys"]).double().nanmean(1)
    count = about.state["count"].clamp(min=1)
    mean = about.state["total"] / count
    spread = (about.state["squares"] / count - mean**2).clamp(min=0).sqrt()
    stands = ((values - mean) / spread.clamp(min=1e-12)).where(spread > 0, -torch.inf).nan_to_num(nan=-torch.inf)
    order = stands.argsort(descending=True, stable=True)[:channels].tolist()
    return [channel for channel in order if stands[channel] > -torch.inf]


def _wanted(one: Gathered, channels: Sequence[int]) -> list[tuple[int, int, int, float]]:
    keys, positions = one.state["keys"], one.state["positions"]
    values, ordinals = value_of(keys), ordinal_of(keys)
    found = [
        (channel, int(ordinals[channel, rank]), int(positions[channel, rank]), float(values[channel, rank]))
        for channel in channels
        for rank in range(keys.shape[1])
        if ordinals[channel, rank] >= 0 and values[channel, rank] != 0
    ]
    if not found:
        raise NotApplicable(
            Text(
                f"no chosen channel of '{one.address}' is anything but zero on these data",
                f"在这些数据上，'{one.address}' 中所选的通道全为零",
            )
        )
    return found


def _gallery(swept: Swept, one: Gathered, regions: Sequence[Region], drawn: Tiles, *, deconvolution: bool) -> Gallery:
    top = value_of(one.state["keys"])
    return Gallery(
        values=as_array(top),
        axes=("channel", "rank"),
        images=drawn.images,
        captions=drawn.captions,
        groups=drawn.groups,
        unit=Text("activation", "激活值"),
        layer=one.address,
        notes=(*about(regions, projected=deconvolution), *about_channels(one, swept.read), *swept.notes),
        facts={**swept.facts, "channels": len(top), "spread of the regions": drawn.spreads},
    )
