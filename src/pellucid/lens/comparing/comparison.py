"""What a comparison gave."""

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

from pellucid.core.errors import BadRequest, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.results.failure import Failure
from pellucid.results.result import Lang, Result

Part = Result | Failure
CHAPTERS = {
    "summary": Text("Which to choose", "如何选择"),
    "decisions": Text("Decisions", "决策"),
    "pictures": Text("The same pictures", "同样的图"),
    "layers": Text("Layers", "层"),
    "weights": Text("Weights", "权重"),
    "runs": Text("Trainings", "训练"),
}

FAILED = Text("What could not be made", "未能生成的图")


class Comparison(Mapping[str, Any]):
    """Results by name, in chapters: `comparison["weights"]` is a result, or a tuple of several.

    Args:
        names: of what was compared.
        parts: name → results, or failures.
        chapters: name → the chapter that it belongs to, a key of `CHAPTERS`.
        said: what is to be told first.
    """

    def __init__(
        self,
        names: Sequence[str],
        parts: Mapping[str, Sequence[Part]],
        chapters: Mapping[str, str],
        said: Sequence[Text] = (),
    ) -> None:
        self.names, self.said = tuple(names), tuple(said)
        self._parts = {name: tuple(held) for name, held in parts.items() if held}
        self._chapters = dict(chapters)

    def __getitem__(self, name: str) -> Any:
        if name not in self._parts:
            raise BadRequest(
                Text(f"this comparison has no part '{name}'", f"比较结果中没有“{name}”"),
                nearest=quoted(nearest_names(name, list(self._parts))),
            )
        held = self._parts[name]
        return held[0] if len(held) == 1 else held

    def __contains__(self, name: object) -> bool:
        return name in self._parts

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __repr__(self) -> str:
        return f"Comparison({', '.join(self.names)}: {', '.join(self._parts)})"

    @property
    def title(self) -> str:
        """The names of what was compared."""
        return " · ".join(self.names)

    @property
    def results(self) -> tuple[Result, ...]:
        """Every result, failures left out."""
        return tuple(one for held in self._parts.values() for one in held if isinstance(one, Result))

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What could not be made."""
        return tuple(one for held in self._parts.values() for one in held if isinstance(one, Failure))

    def describe(self, lang: Lang = "en") -> str:
        """What was found, a sentence a line."""
        return "\n".join(one.say(lang) for one in self.said)

    def show(self, *, lang: Lang = "en") -> None:
        """Show every result, in a notebook or a window."""
        for one in self.results:
            one.show(lang=lang)

    def save(self, path: str | PathLike[str], *, lang: Lang = "en", title: str | None = None) -> None:
        """Write one offline report of everything.

        Raises:
            BadRequest: the name does not end in `.html`, or nothing can be written there.
        """
        if not str(path).endswith((".html", ".htm")):
            raise BadRequest(
                Text(
                    f"a comparison is saved as one report: '{path}' must end in .html",
                    f"比较结果保存为一份报告：'{path}' 须以 .html 结尾",
                ),
                hint=Text(
                    'single results save as png, svg, pdf, json, npz or safetensors: comparison["weights"].save(...)',
                    '单个结果可保存为 png、svg、pdf、json、npz 或 safetensors：comparison["weights"].save(...)',
                ),
            )
        from pellucid.render.report import save_report

        try:
            save_report(self._by_chapter(), path, lang=lang, title=title or self.title)
        except OSError as error:
            why = error.strerror or str(error)
            raise BadRequest(Text(f"'{path}' cannot be written: {why}", f"无法写入 '{path}'：{why}")) from error

    def _by_chapter(self) -> dict[Text, list[Part]]:
        """What there is by heading; what could not be made stands last."""
        made: dict[Text, list[Part]] = {}
        for key, heading in CHAPTERS.items():
            of = [each for name, each in self._parts.items() if self._chapters.get(name) == key]
            made[heading] = [one for each in of for one in each if isinstance(one, Result)]
        made[FAILED] = list(self.failures)
        return {heading: held for heading, held in made.items() if held}
