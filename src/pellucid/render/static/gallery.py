"""Gallery: tiles with captions, in groups under headings."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from pellucid.core.messages import message
from pellucid.core.text import say
from pellucid.render.static import measure
from pellucid.render.static.colour import ROOM, bar, overlay, painted
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import Style
from pellucid.results.gallery import Gallery
from pellucid.results.scale import image_scale

MOST = 96
ROW = 8.1
GAP, HEAD, LINE = 0.1, 0.24, 0.135
CAPTION, HEADING = 7.0, 8.5
LINES = 2
APART = 0.02  # how far a line of a caption may lead over its tile, so that it does not run into the next caption
IN_ROW = 10
BAR_ROOM = 1.35
ALONE = 4.2


@dataclass(frozen=True)
class Tile:
    """Where image `index` goes, in inches; `heading` stands above the first tile of a group."""

    index: int
    x: float
    y: float
    room: float
    heading: str = ""


def size(result: Gallery, style: Style) -> tuple[float, float]:
    """Inches that the drawing takes."""
    tiles = _flow(result, style)
    if not tiles:
        return 3.0, 0.4
    side, tall = _side(result)
    right = max(tile.x + (tile.room if tile.heading else side) for tile in tiles)
    bottom = max(tile.y for tile in tiles) + tall + LINE * _lines(result, style) + 0.02
    return right + (ROOM if result.scale else 0), max(bottom, tiles[0].y + BAR_ROOM) if result.scale else bottom


def remark(result: Gallery, style: Style) -> str:
    """How many images are left out."""
    if len(result.images) <= MOST:
        return ""
    return style.say(message("caption.first", shown=MOST, total=len(result.images))) + style.say(message("list.stop"))


def draw(canvas: Canvas, result: Gallery) -> None:
    """Draw the tiles, and one colour bar for those that have no colours of their own."""
    style = canvas.style
    tiles = _flow(result, style)
    if not tiles:
        canvas.text(0, 0, style.say(message("draw.nothing")), 9)
        return
    side, tall = _side(result)
    for tile in tiles:
        if tile.heading:
            canvas.text(
                tile.x,
                tile.y - 0.06,
                measure.shorten(tile.heading, tile.room, HEADING, "bold"),
                HEADING,
                va="bottom",
                fontweight="bold",
            )
        _tile(canvas, result, tile, side, tall)
        if tile.index < len(result.captions):
            words = style.say(result.captions[tile.index])
            lines = measure.wrap(words, side + APART, CAPTION)
            if len(lines) > LINES or any(measure.width(line, CAPTION) > side + GAP for line in lines):
                lines = [*lines[: LINES - 1], " ".join(lines[LINES - 1 :])][:LINES]
                lines = [measure.shorten(line, side + GAP * 0.6, CAPTION) for line in lines]
            canvas.text(
                tile.x, tile.y + tall + 0.03, "\n".join(lines), CAPTION, color=style.theme.muted, linespacing=1.15
            )
    if result.scale is not None:
        width, height = size(result, style)
        top = tiles[0].y
        bar(canvas, width - ROOM + 0.12, top, min(2.2, max(BAR_ROOM - LINE, height - top - LINE * 2)), result.scale)


def _tile(canvas: Canvas, result: Gallery, tile: Tile, side: float, tall: float) -> None:
    image = result.images[tile.index]
    rows, columns = image.shape[:2]
    ratio = min(side / max(columns, 1), tall / max(rows, 1))
    width, height = columns * ratio, rows * ratio
    axes = canvas.axes(tile.x + (side - width) / 2, tile.y + (tall - height) / 2, width, height)
    scale = image_scale(result, tile.index)
    beneath = result.beneath[tile.index] if tile.index < len(result.beneath) else None
    if scale is None:
        colours = np.clip(image, 0, 1)
    elif beneath is not None:
        colours = overlay(beneath, image, scale, canvas.style)
    else:
        colours = painted(image, scale, canvas.style)
    if image.size:
        axes.imshow(colours, aspect="auto", interpolation="auto" if max(rows, columns) > 32 else "nearest")
    if scale is not None and image.size and not np.any(image):
        axes.text(
            0.5, 0.5, "0", transform=axes.transAxes, ha="center", va="center", fontsize=canvas.font(9), color="#c8c8d0"
        )


def _side(result: Gallery) -> tuple[float, float]:
    """Width and height of the place of a tile: as tall as the tallest of these images needs."""
    count = len(result.images)
    if count == 1:
        ratio = min(1.6, max(0.2, result.images[0].shape[0] / max(1, result.images[0].shape[1])))
        side = min(ALONE, ALONE * 0.75 / ratio)
        return side, side * ratio
    side = 1.75 if count <= 4 or _rows_of_four(result) else 1.2 if count <= 18 else 0.92 if count <= 48 else 0.74
    side = min(side, (ROW + GAP) / _longest(result) - GAP)
    tallest = max((image.shape[0] / max(1, image.shape[1]) for image in result.images), default=1.0)
    return side, side * min(1.6, max(0.2, tallest))


def _rows_of_four(result: Gallery) -> bool:
    """Whether every group is a row of three or four tiles, and they are few."""
    sizes = Counter(say(group) for group in result.groups).values()
    return len(result.images) <= 12 and bool(sizes) and min(sizes) >= 3 and max(sizes) <= 4


def _longest(result: Gallery) -> int:
    """Tiles of the largest of several groups, if a row can hold it; else 1."""
    sizes = Counter(say(group) for group in result.groups).values()
    return max(sizes) if len(sizes) > 1 and max(sizes) <= IN_ROW else 1


def _lines(result: Gallery, style: Style) -> int:
    side, _ = _side(result)
    room = side + APART
    most = max((len(measure.wrap(style.say(words), room, CAPTION)) for words in result.captions[:MOST]), default=0)
    return min(LINES, most)


def _flow(result: Gallery, style: Style) -> list[Tile]:
    """Groups from left to right, a new row where one does not fit; a large group breaks into rows of its own."""
    side, tall = _side(result)
    step = tall + LINE * _lines(result, style) + 0.12
    groups = _groups(result, style)
    titled = any(name for name, _ in groups)
    tiles: list[Tile] = []
    x, y = 0.0, HEAD * titled
    most = max(1, int((ROW + GAP) / (side + GAP)))
    for name, members in groups:
        per_row = _per_row(len(members), most)
        columns = min(per_row, len(members))
        wide = columns * (side + GAP) - GAP
        room = max(wide, min(measure.width(name, HEADING, "bold"), 2 * side))
        if x > 0 and (x + room > ROW + 1e-6 or len(members) > per_row):
            x, y = 0.0, y + step + HEAD * titled
        for k, index in enumerate(members):
            tiles.append(
                Tile(index, x + (k % per_row) * (side + GAP), y + (k // per_row) * step, room, name if k == 0 else "")
            )
        y += (len(members) - 1) // per_row * step
        x = x + room + 2.5 * GAP if len(members) <= per_row else ROW
    return tiles


def _per_row(count: int, most: int) -> int:
    """How many tiles make a row: as many as fit, or somewhat fewer if then every row is full."""
    return next((fewer for fewer in range(most, max(1, most // 2), -1) if count % fewer == 0), most)


def _groups(result: Gallery, style: Style) -> list[tuple[str, list[int]]]:
    """Consecutive images of one heading."""
    groups: list[tuple[str, list[int]]] = []
    for index in range(min(MOST, len(result.images))):
        name = style.say(result.groups[index]) if index < len(result.groups) else ""
        if not groups or groups[-1][0] != name:
            groups.append((name, []))
        groups[-1][1].append(index)
    return groups
