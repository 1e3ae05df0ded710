"""What stands in the boxes of a graph, how densely, and how much room that takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.core.messages import message
from pellucid.core.text import Text
from pellucid.render.collapse import Box
from pellucid.render.layout import Gaps
from pellucid.render.nesting import Room
from pellucid.render.static import measure
from pellucid.render.static.theme import CURVES, Style

PAD = 0.12
TELLING = 2.6
LINES = 4
FAMILIES = (
    ("conv", ("conv",), 0),
    ("attention", ("attention", "attn"), 5),
    ("linear", ("linear", "addmm", "matmul", "bmm", "baddbmm"), 4),
    ("norm", ("norm",), 2),
    ("pool", ("pool",), 3),
    ("embedding", ("embedding",), 7),
)


@dataclass(frozen=True)
class Density:
    """How much a box says.

    Args:
        name, detail, frame: sizes of the words in points; 0: they are left out.
        tall, narrow, wide: height, least and greatest width of a box.
        title: greatest width of the name of a frame.
        room: distances.
    """

    name: float
    detail: float
    frame: float
    tall: float
    narrow: float
    wide: float
    title: float
    room: Room


DENSITIES = (
    (70, Density(8.0, 6.5, 7.5, 0.42, 1.05, 2.4, 1.8, Room(0.25, 0.14, 0.12, Gaps(0.22, 0.26, 0.1)))),
    (300, Density(6.5, 0.0, 6.5, 0.2, 0.7, 2.0, 1.5, Room(0.2, 0.1, 0.08, Gaps(0.14, 0.15, 0.06)))),
    (10**9, Density(0.0, 0.0, 5.5, 0.07, 0.4, 0.4, 1.2, Room(0.15, 0.06, 0.05, Gaps(0.06, 0.07, 0.03)))),
)


def density(boxes: int) -> Density:
    """How much can be said with so many boxes."""
    return next(one for most, one in DENSITIES if boxes <= most)


def family(box: Box) -> tuple[str, str] | None:
    """What a box does, and its colour; None for operations without one."""
    words = f"{box.kind} {' '.join(box.operations)}".lower()
    return next(((name, CURVES[index]) for name, signs, index in FAMILIES if any(one in words for one in signs)), None)


def name_of(box: Box) -> str:
    """`layer1.0`; of several `layers.0 – 11`, of calls of one module `layer#0 – 11`."""
    if box.times > 1 and box.last.partition("#")[0] == box.name.partition("#")[0] and "#" in box.last:
        return f"{box.name if '#' in box.name else f'{box.name}#0'} – {box.last.partition('#')[2]}"
    if box.times == 1:
        return box.name
    if " … " in box.name:
        return box.name
    stem = box.name.rstrip("0123456789")
    number = box.last.removeprefix(stem)
    return f"{box.name} – {number if number.isdigit() else box.last}"


def times_of(box: Box) -> str:
    """`×12`, or nothing."""
    return f"× {box.times:,}" if box.times > 1 else ""


def shape_of(box: Box, nodes: Mapping[int, Mapping[str, Any]]) -> str:
    """`64×56×56`: without the batch, where there is more than that; of what raised what it was given, `400 → ?`."""
    given = (nodes[box.members[-1]].get("attributes") or {}).get("inputs") if box.failed else None
    return f"{', '.join(map(_spelled, given))} → ?" if given else _spelled(box.shape)


def _spelled(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape[1:] if len(shape) > 1 else shape))


def types_of(box: Box, nodes: Mapping[int, Mapping[str, Any]], style: Style) -> list[str]:
    """`Conv2d 3×3 / 2`, `BasicBlock · 9 operations`, or the operation where it is not the name; then shorter ones."""
    count = len(box.members) // box.times
    if count > 1:
        inside = style.say(message("graph.inside", count=f"{count:,}"))
        return [f"{box.kind} · {inside}", box.kind, inside] if box.kind else [inside]
    operation = box.operations[0] if box.operations else ""
    kind = box.kind or ("" if operation in (box.name, box.name.partition("#")[0]) else operation)
    window = _window(nodes[box.members[0]])
    return [f"{kind} {window}", kind] if kind and window else [kind or window]


def _window(node: Mapping[str, Any]) -> str:
    """The kernel and the stride of a convolution or pool."""
    held = node.get("attributes") or {}
    kernel, stride = held.get("kernel_size", held.get("kernel")), held.get("stride")
    if isinstance(kernel, int):
        kernel = (kernel, kernel) if len(tuple(node.get("shape") or ())) == 4 else (kernel,)
    if not isinstance(kernel, tuple | list) or not kernel:
        return ""
    steps = stride if isinstance(stride, tuple | list) else (stride,)
    steps = [one for one in steps if isinstance(one, int)]
    step = f" / {steps[0]}" if len(set(steps)) == 1 and steps[0] > 1 else ""
    return "×".join(map(str, kernel)) + step


def told(notes: tuple[Text, ...], style: Style) -> list[str]:
    """What the model raised, in the lines of a box."""
    words = style.say(next((note for note in notes if not note.aside), message("draw.failed")))
    lines = measure.wrap(words, TELLING - 2 * PAD, 6.5)
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], lines[LINES - 1] + " …"]
    return [measure.shorten(line, TELLING - 2 * PAD, 6.5) for line in lines]


def extent(box: Box, dense: Density, detail: str, said: int) -> tuple[float, float]:
    """Width and height of a box; of a frame its least width, and the room that its name takes.

    Args:
        box: what it is.
        dense: how much is said.
        detail: the second line, or what follows the name.
        said: lines of what the model raised, in the box where it did.
    """
    if box.inside:
        name = measure.width(name_of(box), dense.frame, "bold")
        rest = measure.width(f" {detail} {times_of(box)}", dense.frame)
        room = min(dense.title, name + rest + 0.1)
        return dense.room.side * 2 + dense.narrow, room + 0.12
    if not dense.name:
        return dense.narrow, dense.tall
    name = measure.width(name_of(box), dense.name, "bold")
    name += measure.width(times_of(box), dense.name, "bold") + 0.1 if box.times > 1 else 0
    if dense.detail:
        wide = max(name, measure.width(detail, dense.detail)) + 2 * PAD
    else:
        wide = name + measure.width(f"  {detail}", dense.name - 1) + 2 * PAD
    if said:
        return max(TELLING, min(dense.wide, wide)), max(dense.tall, 0.26) + said * 0.125 + 0.06
    return min(dense.wide, max(dense.narrow, wide + 0.02)), dense.tall
