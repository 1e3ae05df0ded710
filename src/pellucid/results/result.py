"""What all seven kinds of result share."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from pellucid.core.late import late
from pellucid.core.provenance import Provenance, TargetInfo
from pellucid.core.text import Text
from pellucid.results.array import as_array

if TYPE_CHECKING:
    from pellucid.results.scale import Scale

Facts = dict[str, Any]
Theme = Literal["light", "dark"]
Lang = Literal["en", "zh"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Result:
    """The seven kinds derive from this; nothing else does.

    Two results are equal when their `digest` is: same kind, values, axes, unit, settings, model and target, whenever
    and wherever they were made.

    Args:
        values: the paper's quantity, raw; float32, or float64 for float64 models.
        axes: one name per axis of `values`.
        unit: unit of `values`.
        signed: whether zero is a neutral middle.
        layer: address of the place that was looked at, `""` where that has no meaning.
        targets: what each example was explained for.
        facts: numbers that belong to this result (residuals, counts), by name.
        notes: what the reader must know about this very result.
        limits: colour limits given from outside, for results that are drawn side by side; None: from the values.
    """

    kind: ClassVar[str] = ""
    values: np.ndarray
    axes: tuple[str, ...] = ()
    unit: Text | str = ""
    signed: bool = False
    layer: str = ""
    targets: tuple[TargetInfo, ...] = ()
    facts: Facts = field(default_factory=dict)
    notes: tuple[Text, ...] = ()
    provenance: Provenance | None = None
    limits: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", as_array(self.values))

    def with_(self, **changes: Any) -> Self:
        """The same result with some fields changed."""
        return replace(self, **changes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything but `provenance.trace`, 64 hexadecimal digits."""
        from pellucid.results.encode import digest

        return digest(self)

    @property
    def scale(self) -> "Scale | None":
        """Colour limits of the picture; None for kinds that have no colour scale (graph, series, points, table)."""
        from pellucid.results.scale import scale_of

        return scale_of(self)

    @property
    def code(self) -> str:
        """The line of Python that makes this result again."""
        return self.provenance.code if self.provenance else ""

    def tensor(self) -> Any:
        """`values` as a torch tensor that shares no memory with them."""
        return late("torch:from_numpy")(self.values.copy())

    def describe(self, lang: Lang = "en") -> str:
        """Two to four plain sentences computed from the numbers, and one caveat of the method."""
        from pellucid.results.describe import describe

        return describe(self, lang)

    def figure(self, ax: Any = None, *, theme: Theme = "light", lang: Lang = "en", cmap: str | None = None) -> Any:
        """The picture as a matplotlib `Figure`.

        Args:
            ax: draw into the place of this `Axes` instead of a new figure.
            theme: "light" or "dark"; the colours of the data are the same in both.
            lang: "en" or "zh".
            cmap: another colour map of matplotlib, for example "jet".
        """
        return late("pellucid.render.static:figure")(self, ax, theme=theme, lang=lang, cmap=cmap)

    def show(self, *, theme: Theme = "light", lang: Lang = "en", cmap: str | None = None) -> None:
        """Show the picture in the notebook, or in a window where there is a screen."""
        late("pellucid.render.static:show")(self, theme=theme, lang=lang, cmap=cmap)

    def save(
        self, path: str | PathLike[str], *, theme: Theme = "light", lang: Lang = "en", cmap: str | None = None
    ) -> Path:
        """Write the result; the ending says how.

        Args:
            path: ends in png, svg, pdf (the picture), html (a report with this one result), json, npz or safetensors
                (the numbers; `pellucid.results.encode.decode` reads safetensors back); of a graph also dot (Graphviz)
                or mmd (Mermaid).
            theme: as in `figure`.
            lang: as in `figure`; also of the html.
            cmap: as in `figure`.
        Returns:
            The path.
        Raises:
            BadRequest: an ending that is none of these.
        """
        from pellucid.results.save import save

        return save(self, path, theme=theme, lang=lang, cmap=cmap)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return late("pellucid.notebook:mimebundle")(self, include, exclude)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Result):
            return NotImplemented
        return self is other or self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        method = self.provenance.method if self.provenance else type(self).__name__.lower()
        shape = (
            " × ".join(f"{size} {name}" for size, name in zip(self.values.shape, self.axes, strict=True))
            if len(self.axes) == self.values.ndim
            else str(self.values.shape)
        )
        place = f" at {self.layer}" if self.layer else ""
        return f"<{type(self).__name__} {method}{place}: {shape}>"
