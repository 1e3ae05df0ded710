"""Colour maps and the bar that explains them."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, to_rgb

from pellucid.core.errors import BadSetting, nearest_names, quoted
from pellucid.render.static import measure
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import BAD, Style
from pellucid.results import spell
from pellucid.results.caption import scope
from pellucid.results.scale import Scale

BAR, ROOM = 0.13, 0.95


def colours(scale: Scale, style: Style) -> Colormap:
    """The colour map of a scale, or the one asked for; values that are not finite are grey.

    Raises:
        BadSetting: matplotlib has no map of that name.
    """
    name = style.cmap or scale.colours
    if name not in mpl.colormaps:
        raise BadSetting(
            f"matplotlib has no colour map '{name}'.",
            hint=f"cmap={scale.colours!r}",
            nearest=quoted(nearest_names(name, list(mpl.colormaps))),
        )
    return mpl.colormaps[name].with_extremes(bad=BAD)


def painted(values: np.ndarray, scale: Scale, style: Style) -> np.ndarray:
    """`(..., 3)` colours of values."""
    return np.asarray(colours(scale, style)(np.ma.masked_invalid(scale.relative(values))))[..., :3]


def overlay(beneath: np.ndarray, values: np.ndarray, scale: Scale, style: Style) -> np.ndarray:
    """Colours laid over a grey picture `(height, width, 3)`: the larger the absolute value, the more opaque.

    For signed scales, whose weak colours are pale, the picture is pale too.
    """
    relative = scale.relative(np.nan_to_num(values, nan=scale.low if scale.centre is None else 0.0))
    weight = np.abs(relative - 0.5) * 2 if scale.centre is not None else relative
    opacity = (0.88 * weight**0.75)[..., None]
    grey = (np.asarray(beneath, dtype=np.float64)[..., :3] @ [0.299, 0.587, 0.114])[..., None]
    grey = grey * 0.85 + 0.08 if scale.centre is None else grey * 0.5 + 0.46
    mixed = grey * (1 - opacity) + painted(values, scale, style) * opacity
    return np.where(np.isfinite(values)[..., None], np.clip(mixed, 0, 1), to_rgb(BAD))


def ink_on(colour: np.ndarray) -> str:
    """Black or white, whichever reads better on a colour."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return "#000000" if float(linear @ [0.2126, 0.7152, 0.0722]) > 0.19 else "#ffffff"


def bar(canvas: Canvas, x: float, y: float, height: float, scale: Scale) -> Axes:
    """A vertical colour bar with limits, unit and scope; takes `ROOM` inches in width."""
    axes = canvas.axes(x, y, BAR, height)
    style = canvas.style
    ramp = np.linspace(0, 1, 256)[:, None]
    axes.imshow(
        colours(scale, style)(ramp), aspect="auto", origin="lower", extent=(0, 1, 0, 1), interpolation="nearest"
    )
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    places, labels = _ticks(scale)
    axes.set_yticks(places, labels)
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_linewidth(0.5)
    words = " · ".join(part for part in (style.say(scale.unit), style.say(scope(scale))) if part)
    if measure.width(words, canvas.font(7.5)) > height * canvas.zoom:
        words = "\n".join(part for part in (style.say(scale.unit), style.say(scope(scale))) if part)
    axes.set_ylabel(words, fontsize=canvas.font(7.5), color=style.theme.muted, labelpad=3)
    return axes


def _ticks(scale: Scale) -> tuple[list[float], list[str]]:
    if scale.scope == "image":
        return ([0, 0.5, 1], ["−max", "0", "+max"]) if scale.centre is not None else ([0, 1], ["min", "max"])
    clip = scale.clipped is not None
    low, high = scale.low, scale.high
    values = [low, (low + high) / 2, high]
    words = [spell.number(value) for value in values]
    if clip:
        words[-1] = f"≥ {words[-1]}"
        words[0] = f"≤ {words[0]}" if scale.centre is not None else words[0]
    return [0.0, 0.5, 1.0], words
