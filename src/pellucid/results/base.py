"""The picture that an attribution lies on."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

BaseKind = Literal["image", "tokens", "series", "features", "volume", "array"]


@dataclass(frozen=True, eq=False)
class Base:
    """What the model was shown, ready to draw.

    Args:
        kind: how to draw it.
        values: image `(batch, height, width, 3)` in 0..1; series `(batch, channel, time)`; volume
            `(batch, channel, depth, height, width)`; features `(batch, feature)`; array: the input as
            it is; tokens: None.
        names: per example the tokens, or once the feature or channel names.
        stretched: True where an image was brought to 0..1 by its own extremes because no preprocessing was stated.
    """

    kind: BaseKind
    values: np.ndarray | None = None
    names: tuple[tuple[str, ...], ...] = ()
    stretched: bool = False

    @property
    def grid(self) -> tuple[int, ...]:
        """The axes that a heat map on this base has, batch left out: `(height, width)`, `(time,)`, `(token,)`, ..."""
        if self.kind == "tokens":
            return (max(map(len, self.names), default=0),)
        if self.values is None:
            return ()
        shape = self.values.shape
        first, last = {
            "image": (1, 3),
            "series": (2, None),
            "volume": (2, None),
            "features": (1, None),
            "array": (1, None),
        }[self.kind]
        return shape[first:last]
