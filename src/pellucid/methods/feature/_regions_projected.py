"""What the deconvnet makes of the units that regions were cut out for."""

from collections.abc import Sequence

import numpy as np

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.passes import Looking
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.request import Gathered
from pellucid.engine.targets.target import Target
from pellucid.engine.targets.units import unit
from pellucid.methods.feature._regions import Region, Wanted, cut
from pellucid.registry import factory


def projected(
    data: Source, one: Gathered, wanted: Sequence[Wanted], regions: Sequence[Region]
) -> Looking[list[np.ndarray | None]]:
    """For each region the deconvolution of its very unit, cut to the region; None where there is no picture.

    Raises:
        NotApplicable: the deconvnet has no rule for this network.
    """
    made: list[np.ndarray | None] = []
    for (channel, ordinal, at, _), region in zip(wanted, regions, strict=True):
        if region.picture is None:
            made.append(None)
            continue
        target = Target(unit(one.address, channel, _index(one, at, region)))
        looked = yield from factory("deconvolution")().look(data.inputs([ordinal]), target)
        first = looked[0] if isinstance(looked, tuple) else looked
        made.append(_picture(first.values[0], region))
    return made


def _index(one: Gathered, at: int, region: Region) -> tuple[int, ...]:
    """Where the unit is on the axes that its layer really has."""
    if len(one.shape) == 2:
        return ()
    return (at,) if one.layout is None or one.layout.kind == "tokens" else region.position


def _picture(values: np.ndarray, region: Region) -> np.ndarray:
    """`(height, width, 3)` of `(channel, height, width)`, cut as the region is."""
    if values.ndim != 3:
        raise NotApplicable(
            Text(
                f"the deconvolution of a picture has three axes, not {values.ndim}",
                f"图像的反卷积应有三个轴，而不是 {values.ndim} 个",
            )
        )
    colours = np.moveaxis(values, 0, -1)
    if colours.shape[-1] != 3:
        colours = np.repeat(colours.mean(-1, keepdims=True), 3, -1)
    return colours.astype(np.float32) if region.box is None else cut(colours, region.box)
