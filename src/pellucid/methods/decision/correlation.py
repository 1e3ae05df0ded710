"""Correlation: what of the input goes along with the units of a layer (reverse correlation)."""

from dataclasses import replace
from typing import Annotated

from annotated_types import Ge

from pellucid.core.errors import BadSetting, NotApplicable
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking
from pellucid.engine.sweeps.crossed import Crossed, evenly
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.request import Sweep
from pellucid.methods.decision._correlation.drawn import galleries, table
from pellucid.methods.decision._correlation.estimate import Measure, estimated, ordered
from pellucid.methods.decision._correlation.window import Place, places_of
from pellucid.registry import method
from pellucid.results import Gallery, Table

MOST_WHITENED = 768  # values of a box whose covariance is kept: 16 × 16 in three colours
_GROUPS, _FEWEST_GROUPS = 20, 10
_KEPT = 2**24  # numbers of a state: 128 MiB


@method(
    title=Text("Correlation", "相关性"),
    question=Text("What in the input goes along with each unit?", "输入中的什么与各单元同升同降？"),
    shows=Text(
        "For each channel a map over what its units see: red where a larger input goes with a larger activation, blue where it goes with a smaller one, each value with its standard error. On white noise the map of a linear unit is its filter.",
        "每个通道一幅图，覆盖其单元所能看到的范围：红色表示输入越大激活越大，蓝色表示输入越大激活越小；每个值都有标准误。在白噪声上，线性单元的图就是它的滤波器。",
    ),
    cannot=Text(
        "What a unit computes beyond a line: one that answers to edges of either sign correlates with no pixel. On photographs neighbouring pixels are alike, so the map is smeared by the data; measure='weights' takes that out.",
        "单元在线性以外的计算：对正负两种边缘都有反应的单元与任何像素都不相关。照片中相邻像素彼此相似，图会因数据而模糊；measure='weights' 可去除这一影响。",
    ),
    check=Text(
        "Repeat it on noise (noise:4096) and on half of the data; compare with weights where the layer is the first.",
        "在噪声（noise:4096）与一半数据上重复；若为第一层，可与 weights 对照。",
    ),
    needs=Text(
        "A data set or noise:N, and a network with channels whose input is numbers: pictures, series, rows; not words.",
        "一个数据集或 noise:N，以及输入为数值（图像、序列、表格）且有通道的网络；不适用于文本。",
    ),
    formula="corr(x_p, a_c) over samples and positions; covariance cov(x_p, a_c); weights Σ⁻¹ cov(x, a_c), Σ = cov(x, x)",
    paper="Ringach & Shapley 2004, doi:10.1207/s15516709cog2802_2; Bussgang 1952, MIT RLE 216",
    steps=Text(
        "1. Find what a unit of the layer can see (its receptive field). 2. Send every sample through the network once; cut that box out of the input around many positions, each beside the activation there. 3. Correlate pixel by pixel, or divide by the covariance of the pixels (whitening). 4. Leave out one group of samples after another for the standard errors.",
        "1. 求该层单元所能看到的范围（感受野）。2. 每个样本前向一次；在许多位置上从输入裁出该范围，与该处的激活值配对。3. 逐像素求相关，或除以像素的协方差（白化）。4. 依次去掉一组样本，得出标准误。",
    ),
    quick={"channels": 2, "positions": 4},
)
def correlation(
    data: Source,
    layer: Layer = "first weight",
    channels: Annotated[int, Ge(1)] | tuple[int, ...] = 16,
    measure: Measure = "correlation",
    ridge: Annotated[float, Ge(0)] = 0.0,
    positions: Annotated[int, Ge(1)] = 256,
    seed: int = 0,
) -> Looking[tuple[Gallery | Table, ...]]:
    """The correlation of the input with the units of a layer, in the coordinates of what a unit sees.

    Args:
        layer: whose channels; its units at all positions count as one.
        channels: how many are drawn, those whose maps stand out most from noise; or which.
        measure: correlation in -1..1; covariance; or the weights of the linear unit that is nearest (least squares).
        ridge: of the weights: added to the diagonal of the pixels' covariance, as a share of the mean variance. Where
            that covariance is singular 0.001 is taken, and the result says so.
        positions: at most so many of one sample, drawn at random; fewer where boxes are large.
        seed: of that choice.
    Returns:  a Gallery of the maps, `(unit, *box)`; one of their standard errors; a Table of every channel looked at.
    Raises:   NotApplicable if the layer has no channels, the input is words, or the weights of so large a box are asked
        for on other data than noise.
    """
    places = yield from places_of(data, layer, positions)
    zero = measure == "weights" or data.white is not None
    places = [replace(_with_units(one, channels, measure, len(data)), zero_outside=zero) for one in places]
    wishes = [_wish(place, data, measure, seed) for place in places]
    swept = yield from Sweep(tuple(wishes))
    results: list[Gallery | Table] = []
    for place, wish in zip(places, wishes, strict=True):
        (one,) = swept.at(wish)
        found = estimated(one.state, measure, ridge, data.white, one.address)
        order = ordered(found)
        shown = range(len(place.units)) if place.asked else [unit for unit in order if not found.dead[unit]]
        if not isinstance(channels, tuple):
            shown = shown[:channels]
        if not shown:
            raise NotApplicable(
                Text(
                    f"no channel of '{one.address}' varies on these data",
                    f"在这些数据上，'{one.address}' 的通道都不变化",
                )
            )
        results += [*galleries(swept, one, place, found, shown, measure), table(swept, one, place, found, order)]
    return tuple(results)


def _with_units(place: Place, channels: int | tuple[int, ...], measure: Measure, samples: int) -> Place:
    """Those asked for; else all, or as many as there is memory for."""
    asked = channels if isinstance(channels, tuple) else ()
    if channels == ():
        raise BadSetting("channels=() names no channel", hint="channels=16, or channels=(0, 5)")
    wrong = [channel for channel in asked if not 0 <= channel < place.channels]
    if wrong:
        raise BadSetting(f"'{place.spot.address}' has channels 0 to {place.channels - 1}, not {wrong[0]}")
    whitened = measure == "weights" and place.pixels <= MOST_WHITENED
    wanted = len(channels) if isinstance(channels, tuple) else min(channels, place.channels)
    rooms = [(min(samples, groups), _room(place, groups, whitened=whitened)) for groups in (_GROUPS, _FEWEST_GROUPS)]
    groups, room = next((one for one in rooms if one[1] >= wanted), rooms[-1])
    if len(asked) > room:
        raise BadSetting(
            f"a unit of '{place.spot.address}' sees {place.pixels:,} values: there is memory for {room} channels at once",
            hint="fewer channels, one sweep after another",
        )
    return replace(
        place, units=asked or evenly(place.channels, room), asked=bool(asked), whitened=whitened, groups=groups
    )


def _room(place: Place, groups: int, *, whitened: bool) -> int:
    """Channels that there is memory for."""
    return max(1, _KEPT // groups // place.pixels - (place.pixels if whitened else 0))


def _wish(place: Place, data: Source, measure: Measure, seed: int) -> Crossed:
    if measure == "weights" and not place.whitened and data.white is None:
        raise NotApplicable(
            Text(
                f"a unit of '{place.spot.address}' sees {place.pixels:,} values, and their covariance is kept up to "
                f"{MOST_WHITENED}",
                f"'{place.spot.address}' 的一个单元能看到 {place.pixels:,} 个值，而协方差最多保留 {MOST_WHITENED} 个",
            ),
            hint=Text(
                "noise:4096, whose covariance is known; an earlier layer; or measure='correlation'",
                "noise:4096（其协方差已知）、更靠前的层，或 measure='correlation'",
            ),
        )
    return Crossed(
        place.site,
        place.window,
        place.shape,
        place.positions,
        place.units,
        place.groups,
        place.pairs,
        place.whitened,
        seed,
    )
