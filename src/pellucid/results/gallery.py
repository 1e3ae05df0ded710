"""Gallery: captioned images."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pellucid.core.text import Text
from pellucid.results.array import as_array
from pellucid.results.result import Result


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Gallery(Result):
    """`images` are the tiles that are drawn, `values` everything they were chosen from.

    Args:
        images: each `(height, width)`, drawn with the colour scale, or `(height, width, 3)` in 0..1, drawn as it is.
        captions: one per image.
        groups: heading per image where tiles belong together (an example, a layer); empty for one group.
        scope: the scale is shared by "gallery" or taken per "image".
        beneath: per image a picture `(height, width, 3)` in 0..1 of the same size that it is laid over, or None.
    """

    kind: ClassVar[str] = "gallery"
    images: tuple[np.ndarray, ...] = ()
    captions: tuple[Text | str, ...] = ()
    groups: tuple[Text | str, ...] = ()
    scope: str = "gallery"
    beneath: tuple[np.ndarray | None, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", tuple(as_array(image) for image in self.images))
        under = tuple(None if one is None else as_array(one) for one in self.beneath)
        object.__setattr__(self, "beneath", under)
        super().__post_init__()
