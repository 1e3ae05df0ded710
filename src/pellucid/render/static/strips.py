"""Rows over the words of a text: each row is the text once more, coloured."""

from dataclasses import dataclass

import numpy as np

from pellucid.core.messages import message
from pellucid.render.static import measure
from pellucid.render.static.axis import axis_name
from pellucid.render.static.colour import ROOM, bar
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import Style
from pellucid.render.static.tokens import PLAIN, Token, box, bracketed, flowed
from pellucid.results.matrix import Matrix

ROWS, TOKENS = 48, 120
WIDTH, LABEL, HEAD, SPACE = 6.6, 8.0, 0.3, 0.07


@dataclass(frozen=True)
class Strip:
    """One row of one example.

    Args:
        example, row: which.
        y: its upper edge in inches.
        tokens: where the words go.
        heading: whether the name of the example stands above.
    """

    example: int
    row: int
    y: float
    tokens: list[Token]
    heading: bool


def fits(result: Matrix) -> bool:
    """Whether the last axis is the text of each example."""
    shape = result.values.shape
    return len(shape) == 3 and len(result.words) == shape[0] and all(len(one) == shape[2] for one in result.words)


def size(result: Matrix, style: Style) -> tuple[float, float]:
    """Inches that the drawing takes."""
    strips = _strips(result)
    last = strips[-1]
    return _left(result, style) + WIDTH + ROOM, max(1.15, last.y + _tall(last.tokens))


def remark(result: Matrix, style: Style) -> str:
    """How many rows and words are left out."""
    total, stop = result.values.shape[0] * result.values.shape[1], style.say(message("list.stop"))
    parts = [message("caption.first", shown=ROWS, total=total)] if total > ROWS else []
    words = result.values.shape[2]
    parts += [message("caption.words", shown=TOKENS, total=words)] if words > TOKENS else []
    return ("" if style.lang == "zh" else " ").join(style.say(part) + stop for part in parts)


def draw(canvas: Canvas, result: Matrix) -> None:
    """Draw each row as coloured words, its name at the left."""
    style, left = canvas.style, _left(result, canvas.style)
    wide, tall = size(result, style)
    plane = canvas.plane(wide, tall)
    for strip in _strips(result):
        if strip.heading:
            words = style.say(message("draw.example", number=strip.example + 1))
            canvas.text(0, strip.y - HEAD + 0.07, words, 8.5, fontweight="bold")
        name = style.say(result.rows[strip.row]) if strip.row < len(result.rows) else str(strip.row)
        canvas.text(0, strip.y + PLAIN / 2, measure.shorten(name, left - 0.1, LABEL), LABEL, va="center_baseline")
        values = result.values[strip.example, strip.row]
        for token in strip.tokens:
            moved = Token(token.index, token.words, token.x + left, token.line, token.width)
            box(canvas, plane, moved, strip.y, float(values[token.index]), result.scale, numbered=False)
    if result.scale is not None:
        bar(canvas, left + WIDTH + 0.1, 0.03, max(1.0, min(tall - 0.1, 2.2)), result.scale)


def _strips(result: Matrix) -> list[Strip]:
    found: list[Strip] = []
    y = 0.0
    for example, row in list(np.ndindex(*result.values.shape[:2]))[:ROWS]:
        heading = row == 0 and len(result.values) > 1
        tokens = flowed(_real(result, example)[:TOKENS], room=WIDTH) if row == 0 else found[-1].tokens
        y += (HEAD + SPACE * (example > 0)) * heading
        found.append(Strip(example, row, y, tokens, heading))
        y += _tall(tokens) + SPACE
    return found


def _real(result: Matrix, example: int) -> tuple[str, ...]:
    """The words without padding: one special word again and again at the end, where every row is zero."""
    words, used = result.words[example], result.values[example].any(0)
    stop = len(words)
    while bracketed(words[-1]) and stop > 1 and not used[stop - 1] and words[stop - 1] == words[-1]:
        stop -= 1
    return words[:stop]


def _tall(tokens: list[Token]) -> float:
    return (tokens[-1].line + 1) * PLAIN if tokens else PLAIN


def _left(result: Matrix, style: Style) -> float:
    names = [style.say(name) for name in result.rows] or [style.say(axis_name("row"))]
    return 0.14 + min(1.4, max(measure.width(name, LABEL) for name in names))
