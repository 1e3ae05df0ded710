"""Attribution: what it lies on decides the drawing."""

from types import ModuleType

import numpy as np

from pellucid.core.messages import message
from pellucid.render.static import features, measure, tokens, trace, volume
from pellucid.render.static.colour import ROOM, bar, overlay, painted
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import Style
from pellucid.results.attribution import Attribution

MOST = 4
ONE, MANY, GAP, HEAD = 2.7, 1.75, 0.12, 0.24
OTHER: dict[str, ModuleType] = {"tokens": tokens, "series": trace, "features": features, "volume": volume}
OVERLAY = message("caption.overlay")


def size(result: Attribution, style: Style) -> tuple[float, float]:
    """Inches that the drawing takes."""
    if (other := _other(result)) is not None:
        return other.size(result, style)
    count, (width, height) = _count(result), _tile(result)
    if not _has_picture(result):
        return max(1, count) * (width + GAP) - GAP + ROOM, height + _head(result)
    if count == 1:
        return 2 * width + GAP + ROOM, height + HEAD
    return count * (width + GAP) - GAP + ROOM, 2 * height + GAP + HEAD


def remark(result: Attribution, style: Style) -> str:
    """How many examples are left out."""
    if _other(result) is volume:
        return volume.remark(result, style)
    total = result.heat.shape[0] if result.heat.ndim else 0
    return (
        style.say(message("caption.first", shown=_count(result), total=total)) + style.say(message("list.stop"))
        if total > _count(result)
        else ""
    )


def draw(canvas: Canvas, result: Attribution) -> None:
    """Draw up to four examples."""
    if (other := _other(result)) is not None:
        other.draw(canvas, result)
        return
    count, (width, height) = _count(result), _tile(result)
    if not count or not result.heat.size:
        canvas.text(0, 0, canvas.style.say(message("draw.nothing")), 9)
        return
    single = count == 1 and _has_picture(result)
    for i in range(count):
        x = i * (width + GAP)
        if single:
            _heading(canvas, x, width, canvas.style.say(message("draw.input")))
            _heading(
                canvas,
                x + width + GAP,
                width,
                canvas.style.say(message("draw.overlay" if is_overlay(result) else "draw.map")),
            )
        elif count > 1:
            _heading(canvas, x, width, _named(result, i, canvas.style))
        if _has_picture(result):
            _picture(canvas, (x, HEAD, width, height), result, i)
        place = (x + width + GAP, HEAD) if single else (x, _head(result) + (height + GAP) * _has_picture(result))
        _map(canvas, (*place, width, height), result, i)
    scale = result.scale
    if scale is not None:
        rows = 2 if count > 1 and _has_picture(result) else 1
        right = (2 if single else count) * (width + GAP)
        bar(canvas, right, _head(result), rows * height + (rows - 1) * GAP, scale)


def is_overlay(result: Attribution) -> bool:
    """Whether the map is coarser than the picture, so that it is laid over it; a map as fine stands beside it."""
    return _has_picture(result) and result.base is not None and result.values.shape[-2:] != result.base.grid


def _other(result: Attribution) -> ModuleType | None:
    kind = result.base.kind if result.base is not None else ""
    wanted = {"tokens": 2, "series": 2, "features": 2, "volume": 4}
    return OTHER[kind] if kind in OTHER and result.heat.ndim == wanted[kind] and result.heat.size else None


def _has_picture(result: Attribution) -> bool:
    return (
        result.base is not None
        and result.base.kind == "image"
        and result.base.values is not None
        and result.heat.ndim == 3
    )


def _count(result: Attribution) -> int:
    return min(MOST, len(result.heat)) if result.heat.ndim else 0


def _head(result: Attribution) -> float:
    """Room for headings: none above a map that is alone."""
    return HEAD if _has_picture(result) or _count(result) > 1 else 0.0


def _tile(result: Attribution) -> tuple[float, float]:
    room = ONE if _count(result) <= 1 else MANY
    rows, columns = _plane(result.heat[0]).shape if result.heat.size else (1, 1)
    aspect = min(4.0, max(0.25, rows / columns))
    width = room if aspect <= 1 else max(room / aspect, room * 0.6)
    return width, max(width * aspect, 0.35)


def _plane(heat: np.ndarray) -> np.ndarray:
    return heat.reshape(-1, heat.shape[-1]) if heat.ndim else heat.reshape(1, 1)


def _named(result: Attribution, index: int, style: Style) -> str:
    if index < len(result.targets):
        target = result.targets[index]
        label = style.say(target.words)
        return label if target.probability is None else f"{label} {target.probability:.2f}"
    return style.say(message("draw.example", number=index + 1))


def _heading(canvas: Canvas, x: float, width: float, words: str) -> None:
    canvas.text(x, HEAD - 0.05, measure.shorten(words, width, 8.5), 8.5, va="bottom", color=canvas.style.theme.muted)


def _picture(canvas: Canvas, box: tuple[float, float, float, float], result: Attribution, index: int) -> None:
    if result.base is not None and result.base.values is not None:
        beneath = result.base.values[min(index, len(result.base.values) - 1)]
        canvas.axes(*box).imshow(np.clip(beneath, 0, 1), aspect="auto", interpolation="auto")


def _map(canvas: Canvas, box: tuple[float, float, float, float], result: Attribution, index: int) -> None:
    axes, scale, heat = canvas.axes(*box), result.scale, _plane(result.heat[index])
    if scale is None:
        return
    if is_overlay(result) and result.base is not None and result.base.values is not None:
        beneath = result.base.values[min(index, len(result.base.values) - 1)]
        colours, how = overlay(beneath, heat, scale, canvas.style), "auto"
    else:
        colours, how = painted(heat, scale, canvas.style), "nearest" if result.base is None else "auto"
    axes.imshow(colours, aspect="auto", interpolation=how)
    if not is_overlay(result):
        for spine in axes.spines.values():
            spine.set_visible(True)
    if not np.any(result.heat[index]):
        axes.text(
            0.5,
            0.5,
            canvas.style.say(message("draw.dead")),
            transform=axes.transAxes,
            ha="center",
            va="center",
            fontsize=canvas.font(8),
            color="#ffffff",
            bbox={"facecolor": "#00000099", "edgecolor": "none"},
        )
