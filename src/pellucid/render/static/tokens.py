"""Attribution on text: every token a box in the colour of its value, the value beneath."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from unicodedata import bidirectional

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from pellucid.core.messages import message
from pellucid.render.static import measure
from pellucid.render.static.colour import ROOM, bar, ink_on, painted
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import Style
from pellucid.results import caption, spell
from pellucid.results.attribution import Attribution
from pellucid.results.scale import Scale

MOST, TOKENS = 4, 160
WIDTH, BOX, LINE, PLAIN = 6.6, 0.27, 0.47, 0.31
WORD, VALUE = 10.0, 6.0
PAD, GAP, HEAD = 0.07, 0.04, 0.3


@dataclass(frozen=True)
class Token:
    """A box: which token, its words, and where."""

    index: int
    words: str
    x: float
    line: int
    width: float


def size(result: Attribution, style: Style) -> tuple[float, float]:
    """Inches that the drawing takes."""
    del style
    lines = [_lines(_flow(result, i)) for i in range(_count(result))]
    head = HEAD * len(lines) if len(lines) > 1 else 0
    return WIDTH + ROOM, max(1.15, sum(lines) * LINE + head)


def draw(canvas: Canvas, result: Attribution) -> None:
    """Draw up to four texts under each other."""
    _, height = size(result, canvas.style)
    plane = canvas.plane(WIDTH, height)
    top = 0.0
    for i in range(_count(result)):
        if _count(result) > 1:
            words = caption.said_target(result.targets[i], canvas.style.lang) if i < len(result.targets) else ""
            canvas.text(
                0,
                top + 0.06,
                words or canvas.style.say(message("draw.example", number=i + 1)),
                8.5,
                color=canvas.style.theme.muted,
            )
            top += HEAD
        flow = _flow(result, i)
        for token in flow:
            box(canvas, plane, token, top, float(result.heat[i, token.index]), result.scale)
        top += _lines(flow) * LINE
    if result.scale is not None:
        bar(canvas, WIDTH + 0.1, 0.03, max(1.0, min(height - 0.1, 2.2)), result.scale)


def shown(token: str) -> str:
    """A token with its spaces made visible, where it has nothing else."""
    words = token.replace("\n", "⏎").replace("\t", "⇥")
    return words if words.strip() else "␣" * max(1, len(words))


def box(
    canvas: Canvas, plane: Axes, token: Token, top: float, value: float, scale: Scale | None, *, numbered: bool = True
) -> None:
    """Draw one token; its value beneath where `numbered`."""
    if scale is None:
        return
    colour = painted(np.array([value]), scale, canvas.style)[0]
    y = top + token.line * (LINE if numbered else PLAIN)
    plane.add_patch(
        FancyBboxPatch(
            (token.x, y + 0.02),
            token.width,
            BOX,
            boxstyle="round,pad=0,rounding_size=0.04",
            facecolor=colour,
            edgecolor=canvas.style.theme.line,
            linewidth=0.5,
        )
    )
    plane.text(
        token.x + token.width / 2,
        y + 0.02 + BOX / 2,
        measure.plain(token.words),
        ha="center",
        va="center_baseline",
        fontsize=canvas.font(WORD),
        color=ink_on(colour),
    )
    if not numbered:
        return
    plane.text(
        token.x + token.width / 2,
        y + BOX + 0.045,
        _value(value, scale.high),
        ha="center",
        va="top",
        fontsize=canvas.font(VALUE),
        color=canvas.style.theme.muted,
    )


def _value(value: float, top: float) -> str:
    return "0" if abs(value) < 0.005 * abs(top) else spell.number(value, 2)


def _count(result: Attribution) -> int:
    return min(MOST, len(result.heat))


def _lines(flow: list[Token]) -> int:
    return flow[-1].line + 1 if flow else 1


def _flow(result: Attribution, example: int) -> list[Token]:
    names = result.base.names[example] if result.base is not None and example < len(result.base.names) else ()
    top = result.scale.high if result.scale else 1.0
    count = min(TOKENS, len(names) or result.heat.shape[1], result.heat.shape[1])
    return flowed(names[:count] or [f"#{i}" for i in range(count)], [_value(one, top) for one in result.heat[example]])


def flowed(names: Sequence[str], values: Sequence[str] = (), room: float = WIDTH) -> list[Token]:
    """Places of words in lines of `room` inches; each is as wide as what stands beneath it needs."""
    flow: list[Token] = []
    x, line = 0.0, 0
    for i, name in enumerate(names):
        words = measure.shorten(shown(name), room - 2 * PAD, WORD)
        value = measure.width(values[i], VALUE) if values else 0.0
        width = max(measure.width(measure.plain(words), WORD) + 2 * PAD, value + 0.03, 0.2)
        if x + width > room and x > 0:
            x, line = 0.0, line + 1
        flow.append(Token(i, words, x, line, width))
        x += width + GAP
    return [replace(token, x=room - token.x - token.width) for token in flow] if _leftward(names) else flow


def _leftward(names: Sequence[str]) -> bool:
    """Whether most letters belong to a script that is written from right to left."""
    kinds = [bidirectional(mark) for name in names for mark in name if mark.isalpha() and not bracketed(name)]
    return 2 * sum(kind in ("R", "AL") for kind in kinds) > len(kinds)


def bracketed(name: str) -> bool:
    """Whether a token looks as special ones do: `[CLS]`, `<s>`."""
    return len(name) > 2 and name[0] + name[-1] in ("[]", "<>")
