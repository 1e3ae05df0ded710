"""Findings: everything that was found, the worst first."""

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, overload

from pellucid.core.provenance import Provenance, Words
from pellucid.core.text import Text
from pellucid.diagnose.check import checks
from pellucid.diagnose.finding import SEVERITIES, WORDS, Finding, NotMade, Severity
from pellucid.engine.planner import Cost
from pellucid.results.result import Lang, Result, Theme
from pellucid.results.table import Table

NEEDED = {
    "x": Text("an input x", "输入 x"),
    "target": Text("an input x", "输入 x"),
    "preprocess": Text("a stated preprocessing (preprocess= of the lens)", "声明的预处理（镜头的 preprocess=）"),
    "labels": Text("labels (labels=, or data that have them)", "标签（labels=，或带标签的数据）"),
    "run": Text("a watched run (run=)", "被监视的训练记录（run=）"),
}
NOTHING = Text("Nothing was found.", "未发现问题。")
_COLUMNS = {
    "severity": Text("severity", "严重程度"),
    "finding": Text("finding", "发现"),
    "place": Text("place", "位置"),
}
_WORDS = Words(
    Text("Findings", "诊断结果"), Text("What is wrong, and where?", "哪里出了什么问题？"), Text(""), Text(""), Text("")
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

    def _telling(self) -> list[Text]:
        made = len(self.passed) + len({one.check for one in self.found})
        lines = [*self.notes] if self.found or not made else [*self.notes, NOTHING]
        lines.append(
            Text(
                f"{made} checks were made, {len(self.passed)} of them found nothing.",
                f"共进行 {made} 项检查，其中 {len(self.passed)} 项未发现问题。",
            )
        )
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
        """A row for each finding; what was measured, and what to try, stand in the notes."""
        rows = tuple(
            {
                "severity": WORDS[one.severity].say(lang),
                "finding": one.title.say(lang),
                "place": one.place,
            }
            for one in self.found
        )
        counts = {name: len(self.of(name)) for name in SEVERITIES}
        said = tuple(
            Text(
                f"{one.title.en}: {one.said.en} {one.advice.en}", f"{one.title.zh}：{one.said.say('zh')}{one.advice.zh}"
            )
            for one in self.found
        )
        notes = tuple(replace(one, aside=True) for one in self._telling())
        made = Provenance("diagnose", "diagnose", words=_WORDS, model=self.title, code=self.code)
        return Table(rows=rows, columns=_COLUMNS, notes=(*said, *notes), facts=counts, provenance=made)

    def save(self, path: str | PathLike[str], *, lang: Lang = "en", theme: Theme = "light") -> Path:
        """Write them: `.html` is a report with the evidence; png, svg, pdf, json and others the table alone."""
        if not str(path).endswith((".html", ".htm")):
            return self.table(lang).save(path, lang=lang, theme=theme)
        from pellucid.render.report import save_report

        return save_report([self], path, lang=lang, title=self.title)

    def show(self, *, lang: Lang = "en") -> None:
        """Show the table, in a notebook or a window."""
        self.table(lang).show(lang=lang)

    def __repr__(self) -> str:
        cost = self.cost
        passes = f"{cost.forwards} forwards, {cost.backwards} backwards, {cost.seconds:.2f} s"
        return "\n".join([*map(repr, self.found), *self.told(), passes])
