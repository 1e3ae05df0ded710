"""Attribution: a share of the target for each element of an input or layer."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from pellucid.results.base import Base
from pellucid.results.result import Result

Reduction = Literal["none", "sum", "max_abs", "l2"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Attribution(Result):
    """`values` with a leading example axis: of the input's shape, or a map `(batch, height, width)` of a layer.

    Args:
        base: what it is drawn on; None where nothing is known of the input.
        reduction: how the channel (image, series, volume) or feature (tokens) axis becomes one number for `.heat`;
            `"none"`: `values` is already one number per position.
        input: name of the explained input of a model with several.
    """

    kind: ClassVar[str] = "attribution"
    base: Base | None = None
    reduction: Reduction = "none"
    input: str = "input"

    @cached_property
    def heat(self) -> np.ndarray:
        """`(batch, *grid)`, read-only: `values` reduced over channels or features, then resampled bilinearly to the
        grid of the base (its own resolution without a base); not normalised.
        """
        from pellucid.results.heat import heat

        drawn = np.array(heat(self))
        drawn.setflags(write=False)
        return drawn

    @property
    def heat_signed(self) -> bool:
        """Whether zero is a neutral middle of `heat`: absolute values and norms have no sign left."""
        return self.signed and self.reduction in ("none", "sum")

    @property
    def explains(self) -> bool:
        """Whether the values speak for or against a target: those of a method that took none do not."""
        return bool(self.targets) or self.provenance is None
