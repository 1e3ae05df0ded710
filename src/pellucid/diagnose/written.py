"""Findings as files that other programs read: JSON, and Markdown for an issue or a pull request."""

import json
from collections.abc import Sequence
from typing import Protocol

from pellucid.core.text import Text
from pellucid.diagnose.finding import WORDS, Finding, NotMade
from pellucid.results.result import Lang

WHY, TRY = Text("Why it matters:", "为何重要："), Text("Try:", "可以尝试：")


class Listed(Protocol):
    """Findings: what was found, and which checks were made."""

    title: str

    @property
    def found(self) -> Sequence[Finding]: ...
    @property
    def passed(self) -> Sequence[str]: ...
    @property
    def not_made(self) -> Sequence[NotMade]: ...
    def told(self, lang: Lang = "en") -> list[str]:
        """Which checks found nothing, and which were not made."""
        ...


def as_json(findings: Listed, lang: Lang) -> bytes:
    """Everything but the evidence; `check`, `severity`, `passed` and `lacks` are the same in every language."""
    said = {
        "model": findings.title,
        "findings": [
            {
                "check": one.check,
                "severity": one.severity,
                "place": one.place,
                "title": one.title.say(lang),
                "measured": one.said.say(lang),
                "why": one.why.say(lang),
                "try": one.advice.say(lang),
            }
            for one in findings.found
        ],
        "passed": list(findings.passed),
        "not_made": [
            {"check": one.check, "title": one.title.say(lang), "reason": one.reason.say(lang), "lacks": list(one.lacks)}
            for one in findings.not_made
        ],
    }
    return (json.dumps(said, ensure_ascii=False, indent=2) + "\n").encode()


def as_markdown(findings: Listed, lang: Lang) -> bytes:
    """A heading for each finding, the worst first."""
    parts = [f"# {findings.title}"]
    for one in findings.found:
        place = f" · `{one.place}`" if one.place else ""
        parts.append(f"## [{WORDS[one.severity].say(lang)}] {one.title.say(lang)}{place}")
        parts += [
            one.said.say(lang),
            f"*{WHY.say(lang)}* {one.why.say(lang)}",
            f"*{TRY.say(lang)}* {one.advice.say(lang)}",
        ]
    return ("\n\n".join([*parts, "---", *findings.told(lang)]) + "\n").encode()
