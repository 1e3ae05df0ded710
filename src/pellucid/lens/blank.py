"""An input to begin with where none is given: as the preprocessing of the model makes one, of noise."""

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from pellucid.inputs.inputs import Inputs

_SIZES = ((72, 56), (88, 112))


def blank(read: Callable[[Any], Inputs], preprocess: Any) -> Inputs | None:
    """A batch of one; None where nothing states what the model takes, or not of which size.

    Args:
        read: makes an input of a picture, as `Lens.read` does.
        preprocess: of the lens.
    """
    if preprocess is None:
        return None
    one, other = (read(_noise(height, width)) for height, width in _SIZES)
    return one if one.signature == other.signature else None


def _noise(height: int, width: int) -> Image.Image:
    levels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(levels)
