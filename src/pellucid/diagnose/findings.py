"""Findings: everything that was found, the worst first."""

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, overload

from pellucid.core.errors import BadRequest
from pellucid.core.provenance import Provenance, Words
from pellucid.core.text import Text
from pellucid.diagnose.check import checks
from pellucid.diagnose.finding import SEVERITIES, WORDS, Finding, NotMade, Severity
from pellucid.diagnose.written import as_json, as_markdown
from pellucid.engine.planner import Cost
from pellucid.results.result import Lang, Result, Theme
from pellucid.results.save import PICTURES, write
from pellucid.results.table import Table

NEEDED = {
    "x": Text("an input x", "输入 x"),
    "target": Text("an input x", "输入 x"),
    "preprocess": Text("a stated preprocessing (preprocess= of the lens)", "声明的预处理（镜头的 preprocess=）"),
    "labels": Text("labels (labels=, or data that have them)", "标签（labels=，或带标签的数据）"),
    "run": Text("a watched run (run=)", "被监视的训练记录（run=）"),
}
NOTHING = Text("Nothing was found.", "未发现问题。")
WRITTEN = {"json": as_json, "md": as_markdown}
ENDINGS = ("html", "htm", *WRITTEN, *PICTURES)
_COLUMNS = {
    "severity": Text("severity", "严重程度"),
    "finding": Text("finding", "发现"),
    "place": Text("place", "位置"),
}
_WORDS = Words(
    Text("Findings", "诊断结果"), Text("What is wrong, and where?", "哪里出了什么问题？"), Text(""), Text(""), Text("")
)


def check_ending(path: str | PathLike[str]) -> None:
    """Refuse a name that findings are not written as.

    Raises:
        BadRequest: with the endings that there are.
    """
    ending = Path(path).suffix
    if ending.lower().lstrip(".") not in ENDINGS:
        raise BadRequest(
            Text(
                f"Findings are not written as '{Path(path).name}': unknown ending '{ending}'.",
                f"诊断结果不能写为“{Path(path).name}”：未知的扩展名“{ending}”。",
            ),
            nearest=", ".join(f".{one}" for one in ENDINGS),
            hint="findings.html",
        )


class Findings(Sequence[Finding]):
    """What was found, the worst first; causes before what follows from them.

    Args:
        found: in order.
        not_made: checks that could not be made, and why.
        passed: names of checks that were made and found nothing.
        cost: of all checks together.
        title: what the report is called.
        notes: what the reader must know of the examples.
    """

    def __init__(
        self,
        found: Sequence[Finding],
        not_made: Sequence[NotMade] = (),
        passed: Sequence[str] = (),
        cost: Cost | None = None,
        title: str = "",
        notes: Sequence[Text] = (),
    ) -> None:
        self.found, self.not_made, self.passed = tuple(found), tuple(not_made), tuple(passed)
        self.cost, self.title, self.notes = cost or Cost(), title, tuple(notes)
        self.code = next((one.evidence.code for one in self.found), "")

    def __len__(self) -> int:
        return len(self.found)

    @overload
    def __getitem__(self, which: int) -> Finding: ...
    @overload
    def __getitem__(self, which: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, which: Any) -> Any:
        return self.found[which]

    @property
    def high(self) -> tuple[Finding, ...]:
        """With these it does not work."""
        return self.of("high")

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """All of one severity."""
        return tuple(one for one in self.found if one.severity == severity)

    @property
    def results(self) -> tuple[Result, ...]:
        """The evidence of every finding, each once."""
        return tuple({id(one.evidence): one.evidence for one in self.found}.values())

    @property
    def passed_titles(self) -> tuple[Text, ...]:
        """What the checks look for that were made and found nothing."""
        return tuple(one.title for one in checks() if one.name in self.passed)

    def describe(self, lang: Lang = "en") -> str:
        """Every finding in words, and which checks could not be made."""
        lines = [f"[{WORDS[one.severity].say(lang)}] {one.describe(lang)}" for one in self.found]
        lines += self.told(lang)
        return "\n".join(lines)

    def told(self, lang: Lang = "en") -> list[str]:
        """Which checks found nothing, and which were not made."""
        return [one.say(lang) for one in self._telling()]

    def _counted(self) -> list[Text]:
        made = len(self.passed) + len({one.check for one in self.found})
        counted = Text(
            f"{made} checks were made, {len(self.passed)} of them found nothing.",
            f"共进行 {made} 项检查，其中 {len(self.passed)} 项未发现问题。",
        )
        return [counted] if self.found or not made else [NOTHING, counted]

    def _telling(self) -> list[Text]:
        lines = [*self.notes, *self._counted()]
        by: dict[Text, list[Text]] = {}
        for one in self.not_made:
            by.setdefault(one.reason, []).append(one.title)
        lines += [
            Text(
                f"Not made ({why.en}): {'; '.join(one.en for one in titles)}.",
                f"未进行（{why.say('zh')}）：{'、'.join(one.zh for one in titles)}。",
            )
            for why, titles in by.items()
        ]
        return lines

    def table(self, lang: Lang = "en") -> Table:
        """A row for each finding."""
        rows = tuple(
            {
                "severity": WORDS[one.severity].say(lang),
                "finding": one.title.say(lang),
                "place": one.where(lang),
            }
            for one in self.found
        )
        counts = {name: len(self.of(name)) for name in SEVERITIES}
        notes = (*self.notes, *(replace(one, aside=True) for one in self._counted()))
        made = Provenance("diagnose", "diagnose", words=_WORDS, model=self.title, code=self.code)
        return Table(rows=rows, columns=_COLUMNS, notes=notes, facts=counts, provenance=made)

    def save(self, path: str | PathLike[str], *, lang: Lang = "en", theme: Theme = "light") -> Path:
        """Write them.

        Args:
            path: ends in html (a report with the evidence), json or md (everything but the evidence), png, svg or pdf
                (what was found and where, as a picture).
            lang, theme: as for results.
        Raises:
            BadRequest: another ending.
        """
        path = Path(path)
        ending = path.suffix.lower().lstrip(".")
        if ending in WRITTEN:
            write(path, WRITTEN[ending](self, lang))
            return path
        if ending in ("html", "htm"):
            from pellucid.render.report import save_report

            return save_report([self], path, lang=lang, title=self.title)
        check_ending(path)
        return self.table(lang).save(path, lang=lang, theme=theme)

    def show(self, *, lang: Lang = "en") -> None:
        """Show the table, in a notebook or a window."""
        self.table(lang).show(lang=lang)

    def __repr__(self) -> str:
        cost = self.cost
        passes = f"{cost.forwards} forwards, {cost.backwards} backwards, {cost.seconds:.2f} s"
        return "\n".join([*map(repr, self.found), *self.told(), passes])
