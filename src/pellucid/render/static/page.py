"""The page of a picture: title above, body, caption below; all places in inches from the upper left corner."""

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pellucid.core.errors import BadRequest
from pellucid.render.static import measure
from pellucid.render.static.theme import Style

MARGIN = 0.3
TITLE, SUBTITLE, CAPTION = 13.0, 9.5, 7.5
NARROWEST = 4.6


@dataclass(frozen=True)
class Canvas:
    """A rectangle of a figure to draw in.

    Args:
        figure: the whole figure.
        left, top: upper left corner of the rectangle in inches.
        zoom: inches on the figure for one inch of the drawing.
        style: theme and language.
    """

    figure: Figure
    left: float
    top: float
    zoom: float
    style: Style

    def place(self, x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
        """Left, bottom, width and height of a rectangle as shares of the figure."""
        whole, tall = self.figure.get_size_inches()
        return (
            (self.left + x * self.zoom) / whole,
            1 - (self.top + (y + height) * self.zoom) / tall,
            width * self.zoom / whole,
            height * self.zoom / tall,
        )

    def axes(self, x: float, y: float, width: float, height: float, *, frame: bool = False) -> Axes:
        """Axes at this rectangle; without a frame there are no ticks either."""
        axes = self.figure.add_axes(self.place(x, y, width, height))
        theme = self.style.theme
        axes.set_facecolor("none")
        axes.tick_params(which="both", colors=theme.muted, labelsize=self.font(7.5), width=0.6, length=2.5, pad=2)
        for side, spine in axes.spines.items():
            spine.set_visible(frame and side in ("left", "bottom"))
            spine.set_color(theme.line)
            spine.set_linewidth(0.8)
        if not frame:
            axes.set_xticks([])
            axes.set_yticks([])
        return axes

    def plane(self, width: float, height: float) -> Axes:
        """Axes over the whole drawing whose coordinates are inches, y downward."""
        axes = self.axes(0, 0, width, height)
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.patch.set_visible(False)
        return axes

    def font(self, size: float) -> float:
        """A font size in points, smaller where the drawing is."""
        return max(3.0, size * min(1.0, self.zoom))

    def text(self, x: float, y: float, words: str, size: float = 8.0, **how: Any) -> Any:
        """Words with their upper left corner at a place (or as `ha`, `va` say); never read as mathematics."""
        left, bottom, _, _ = self.place(x, y, 0, 0)
        given: dict[str, Any] = {"ha": "left", "va": "top", "color": self.style.theme.ink, **how}
        return self.figure.text(left, bottom, words.replace("$", r"\$"), fontsize=self.font(size), **given)


@dataclass(frozen=True)
class Words:
    """What stands around the body."""

    title: str
    subtitle: str = ""
    caption: str = ""
    source: str = ""


def page(words: Words, size: tuple[float, float], style: Style, *, centred: bool = False) -> Canvas:
    """A new figure for a body of `size` inches; returns the place of the body, in the middle where `centred`."""
    width = max(size[0], NARROWEST)
    title = measure.wrap(words.title, width, TITLE * 1.06)
    subtitle = measure.wrap(words.subtitle, width, SUBTITLE)
    caption = [line for part in (words.caption, words.source) for line in measure.wrap(part, width, CAPTION)]
    head = measure.height(len(title), TITLE) + measure.height(len(subtitle), SUBTITLE) + 0.14
    foot = measure.height(len(caption), CAPTION) + (0.14 if caption else 0)
    tall = head + size[1] + foot + 2 * MARGIN - 0.06
    figure = Figure(figsize=(width + 2 * MARGIN, tall), dpi=100, facecolor=style.theme.paper)
    FigureCanvasAgg(figure)
    outer = Canvas(figure, MARGIN, MARGIN, 1.0, style)
    y = 0.0
    muted = {"color": style.theme.muted}
    for lines, points, how in ((title, TITLE, {"fontweight": "bold"}), (subtitle, SUBTITLE, muted)):
        for line in lines:
            outer.text(0, y, line, points, **how)
            y += measure.height(1, points)
    y = head + size[1] + 0.14
    for line in caption:
        outer.text(0, y, line, CAPTION, **muted)
        y += measure.height(1, CAPTION)
    return Canvas(figure, MARGIN + (width - size[0]) / 2 * centred, MARGIN + head, 1.0, style)


def inside(axes: Axes, words: Words, size: tuple[float, float], style: Style) -> Canvas:
    """The place of given axes, whose frame and ticks go away; the title stands above them."""
    figure = axes.get_figure(root=True)
    if figure is None:
        raise BadRequest("These axes belong to no figure.", hint="figure, axes = matplotlib.pyplot.subplots()")
    box = axes.get_position()
    whole, tall = figure.get_size_inches()
    axes.set_axis_off()
    if style.theme.paper != "#ffffff":
        figure.add_artist(Rectangle((box.x0, box.y0), box.width, box.height, facecolor=style.theme.paper, zorder=-1))
    zoom = min(box.width * whole / size[0], box.height * tall / size[1])
    left = box.x0 * whole + (box.width * whole - size[0] * zoom) / 2
    top = (1 - box.y1) * tall + (box.height * tall - size[1] * zoom) / 2
    points = max(6.0, min(10.0, TITLE * zoom))
    axes.set_title(measure.plain(measure.shorten(words.title, box.width * whole * 1.1, points)), fontsize=points)
    return Canvas(figure, left, top, zoom, style)
