"""The colour scale of a picture, decided once, for every renderer."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pellucid.core.text import Text
from pellucid.results.attribution import Attribution
from pellucid.results.gallery import Gallery
from pellucid.results.matrix import Matrix
from pellucid.results.result import Result

Scope = Literal["map", "batch", "gallery", "image", "matrix", "given"]
CLIP = 99.0
CLIP_FROM = 1024
WORDS_CLIP, WORDS_FROM = 95.0, 4


@dataclass(frozen=True)
class Scale:
    """Values to colours.

    Args:
        low, high: values at the two ends of the colour bar.
        colours: "inferno" (attributions), "viridis" (galleries, matrices) or "RdBu_r" (signed: red for, blue against).
        centre: the value of the neutral middle, 0.0 for signed scales, else None.
        scope: what shares these limits: one "map", all examples of a "batch", a "gallery", each "image" for itself, all
            panels of a "matrix", or several results ("given").
        unit: unit of the values.
        clipped: percentile of the absolute values at which colours saturate, None where nothing is clipped.
    """

    low: float
    high: float
    colours: str
    centre: float | None = None
    scope: Scope = "map"
    unit: Text | str = ""
    clipped: float | None = None

    def relative(self, values: np.ndarray) -> np.ndarray:
        """Position of each value on the colour bar, 0 to 1; NaN stays NaN."""
        return np.clip((np.asarray(values, dtype=np.float64) - self.low) / (self.high - self.low), 0.0, 1.0)


def scale_of(result: Result) -> Scale | None:
    """The scale of a result; None for a kind without one, and for a gallery of colour pictures only."""
    if isinstance(result, Attribution):
        heat = result.heat
        clip = CLIP if result.reduction != "none" and heat[:1].size >= CLIP_FROM else None
        scope: Scope = "map" if len(heat) <= 1 else "batch"
        return _scale(result, heat, result.heat_signed, "inferno", scope, clip)
    if isinstance(result, Matrix):
        scope = "map" if result.values.ndim <= 2 or int(np.prod(result.values.shape[:-2])) == 1 else "matrix"
        return _scale(result, result.values, result.signed, "viridis", scope, _clip_of_matrix(result))
    if isinstance(result, Gallery):
        plain = [image.ravel() for image in result.images if image.ndim == 2]
        if not plain:
            return None
        scope = "image" if result.scope == "image" else "gallery"
        clip = CLIP if result.beneath and scope == "gallery" else None
        return _scale(result, np.concatenate(plain), result.signed, "viridis", scope, clip)
    return None


def image_scale(result: Gallery, index: int) -> Scale | None:
    """The scale of one tile: the gallery's own, or the tile's where each has its own; None for a colour picture."""
    image = result.images[index]
    if image.ndim != 2:
        return None
    if result.scope == "image" and result.limits is None:
        return _scale(result, image, result.signed, "viridis", "image")
    return scale_of(result)


def _clip_of_matrix(result: Matrix) -> float | None:
    """The percentile at which a matrix saturates, if at all.

    Where attention is laid on the words of a text, one word often takes nearly everything (the first token, a
    separator), and beside it nothing else would be seen: of a short text one word in each row, of a longer one 5%.
    """
    if result.words and result.axes[-1:] == ("key",) and not result.signed:
        count = result.values.shape[-1]
        return min(WORDS_CLIP, 5.0 * ((20 * (count - 1) - 1) // count)) if count >= WORDS_FROM else None
    return CLIP if result.across and result.values.size >= CLIP_FROM else None


def _scale(
    result: Result, values: np.ndarray, signed: bool, colours: str, scope: Scope, clip: float | None = None
) -> Scale:
    if result.limits is not None:
        low, high = result.limits
        clipped = None
        scope = "given"
    else:
        low, high, clipped = _limits(values, signed, clip)
    return Scale(low, high, "RdBu_r" if signed else colours, 0.0 if signed else None, scope, result.unit, clipped)


def _limits(values: np.ndarray, signed: bool, clip: float | None) -> tuple[float, float, float | None]:
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        return (-1.0, 1.0, None) if signed else (0.0, 1.0, None)
    top = float(np.abs(finite).max())
    if clip is not None:
        percentile = float(np.percentile(np.abs(finite), clip))
        if 0.0 < percentile < top:
            finite, top = np.clip(finite, -percentile, percentile), percentile
        else:
            clip = None
    if top == 0.0:
        return (-1.0, 1.0, None) if signed else (0.0, 1.0, None)
    if signed:
        return -top, top, clip
    low, high = float(finite.min()), float(finite.max())
    low = min(low, 0.0)
    return (low, high, clip) if high > low else (low, 1.0 if low == 0.0 else 0.0, clip)
