"""What a look gave."""

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from pellucid.core.errors import BadRequest, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.engine.planner import Cost
from pellucid.registry import View
from pellucid.results.failure import Failure
from pellucid.results.result import Lang, Result

Seen = Result | Failure | tuple[Any, ...]


class Views(Sequence[Any]):
    """Results in the order in which they were asked for.

    `views[i]` is what the i-th asked view gave: a result, a tuple of results, or its `Failure`. `views["name"]` is the
    same if that method was asked once, else a tuple.
    """

    def __init__(self, asked: Sequence[View], given: Sequence[Seen], cost: Cost, title: str = "") -> None:
        self.asked, self.given, self.cost, self.title = tuple(asked), tuple(given), cost, title

    def __len__(self) -> int:
        return len(self.given)

    def __getitem__(self, which: Any) -> Any:
        if not isinstance(which, str):
            return self.given[which]
        found = tuple(given for view, given in zip(self.asked, self.given, strict=True) if view.name == which)
        if not found:
            raise BadRequest(
                Text(f"'{which}' is not among these views", f"这些视图中没有 '{which}'"),
                nearest=quoted(nearest_names(which, [view.name for view in self.asked])),
            )
        return found[0] if len(found) == 1 else found

    def __iter__(self) -> Iterator[Any]:
        return iter(self.given)

    def __repr__(self) -> str:
        lines = [f"{view!r}: {_shown(given)}" for view, given in zip(self.asked, self.given, strict=True)]
        cost = self.cost
        return "\n".join([*lines, f"{cost.forwards} forwards, {cost.backwards} backwards, {cost.seconds:.2f} s"])

    @property
    def results(self) -> tuple[Result, ...]:
        """Every result, tuples opened, failures left out."""
        return tuple(_flat(self.given))

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The pictures that could not be made."""
        return tuple(given for given in self.given if isinstance(given, Failure))

    def show(self, *, lang: Lang = "en") -> None:
        """Show every picture, in a notebook or a window."""
        for result in self.results:
            result.show(lang=lang)

    def save(self, path: str | PathLike[str], *, lang: Lang = "en", title: str | None = None) -> None:
        """Write one offline report of everything.

        Raises:
            BadRequest: the name does not end in `.html`.
        """
        report(path, self, lang=lang, title=title or self.title)


def report(path: str | PathLike[str], *seen: Any, lang: Lang = "en", title: str | None = None) -> Path:
    """Write one offline report of all that was seen: `pl.report("all.html", views, found, run)`.

    Args:
        path: of the file, which ends in `.html`.
        seen: views, results, failures, findings (`lens.diagnose`), trainings (`Run`), and rows of them.
        lang: "en" or "zh".
        title: of the page; default the name of the model.
    Returns:
        The path.
    Raises:
        BadRequest: another ending, or something that is none of these.
    """
    if not str(path).endswith((".html", ".htm")):
        raise BadRequest(
            Text(
                f"views are saved as one report: '{path}' must end in .html",
                f"各视图存为一份报告：'{path}' 必须以 .html 结尾",
            ),
            hint=Text(
                "single results save as png, svg, pdf, json, npz or safetensors",
                "单个结果可存为 png、svg、pdf、json、npz 或 safetensors",
            ),
        )
    from pellucid.render.report import save_report

    return save_report(seen, path, lang=lang, title=title)


def _flat(given: Sequence[Seen]) -> Iterator[Result]:
    for one in given:
        if isinstance(one, Result):
            yield one
        elif isinstance(one, tuple):
            yield from _flat(one)


def _shown(given: Seen) -> str:
    if isinstance(given, Failure):
        return f"failed: {given.reason}"
    return f"{len(given)} results" if isinstance(given, tuple) else repr(given)
