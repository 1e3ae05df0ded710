"""Pictures beside points: where there is room, tied to their point by a line, none over another."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from pellucid.render.static.page import Canvas

SIDE, GAP = 0.52, 0.05
_REACH = (0.75, 1.0, 1.35, 1.8, 2.4)
_ANGLES = np.arange(16) * (np.pi / 8)
_STEPS = np.linspace(0, 1, 24)[:, None]


def draw(
    canvas: Canvas, axes: Axes, positions: np.ndarray, pictures: Mapping[int, np.ndarray], colours: Sequence[str]
) -> list[Bbox]:
    """Draw what there is room for, in the order given.

    Args:
        axes: with its limits as they will stay.
        positions: of all points, `(point, 2)`.
        pictures: point → `(height, width, 3)`.
        colours: of every point.
    Returns:
        What they cover, in pixels of the figure.
    """
    figure = canvas.figure
    dots = axes.transData.transform(positions) / figure.dpi
    inside = axes.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
    taken, lines = list[Bbox](), list[np.ndarray]()
    for i, picture in pictures.items():
        if not picture.size or not np.isfinite(dots[i]).all():
            continue
        place = _place(dots, i, np.array(_extent(picture)) * canvas.zoom, inside, taken, lines, list(pictures))
        if place is None:
            continue
        _picture(canvas, place, picture, colours[i])
        taken.append(place)
        lines.append(_line(place, dots[i]))
        artist = Line2D(*lines[-1].T, color=colours[i], linewidth=0.7, zorder=-1)
        artist.set_transform(figure.dpi_scale_trans)
        figure.add_artist(artist)
    return [box.transformed(figure.dpi_scale_trans) for box in taken]


def _extent(picture: np.ndarray) -> tuple[float, float]:
    """Width and height in inches."""
    rows, columns = picture.shape[:2]
    return SIDE * min(1.0, columns / rows), SIDE * min(1.0, rows / columns)


def _place(
    dots: np.ndarray,
    i: int,
    extent: np.ndarray,
    inside: Bbox,
    taken: Sequence[Bbox],
    lines: Sequence[np.ndarray],
    others: Sequence[int],
) -> Bbox | None:
    """The place around a point that covers fewest points, and of those the nearest; None where all are taken."""
    best: tuple[float, Bbox] | None = None
    anchors = dots[list(others)]
    drawn = np.concatenate([np.zeros((0, 2)), *lines])
    for reach in _REACH:
        for angle in _ANGLES:
            centre = dots[i] + reach * extent.max() * np.array([np.cos(angle), np.sin(angle)])
            box = Bbox.from_bounds(*(centre - extent / 2), *extent)
            wide = box.padded(GAP)
            if wide.x0 < inside.x0 or wide.x1 > inside.x1 or wide.y0 < inside.y0 or wide.y1 > inside.y1:
                continue
            line = _line(box, dots[i])
            crossed = any(wide.overlaps(other) or _within(line, other).any() for other in taken)
            if crossed or _within(drawn, box).any():
                continue
            cost = _within(dots, box).sum() + 4.0 * _within(anchors, wide).sum() + reach
            if best is None or cost < best[0]:
                best = float(cost), box
    return None if best is None else best[1]


def _within(places: np.ndarray, box: Bbox) -> np.ndarray:
    x, y = places[:, 0], places[:, 1]
    return (x > box.x0) & (x < box.x1) & (y > box.y0) & (y < box.y1)


def _line(box: Bbox, place: np.ndarray) -> np.ndarray:
    """From a point to what of its picture is nearest."""
    return place + _STEPS * (np.clip(place, box.min, box.max) - place)


def _picture(canvas: Canvas, place: Bbox, picture: np.ndarray, colour: str) -> None:
    wide, tall = canvas.figure.get_size_inches()
    axes = canvas.figure.add_axes((place.x0 / wide, place.y0 / tall, place.width / wide, place.height / tall))
    axes.imshow(np.clip(picture, 0, 1), aspect="auto", interpolation="auto" if max(picture.shape) > 32 else "nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(colour)
        spine.set_linewidth(1.2)
