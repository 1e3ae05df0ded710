"""Finding: one thing that is wrong, where, how that is known, why it matters and what to try."""

from dataclasses import dataclass
from typing import Literal

from pellucid.core.text import Text
from pellucid.results.result import Lang, Result

Severity = Literal["high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low", "info")
WORDS: dict[Severity, Text] = {
    "high": Text("high", "严重"),
    "medium": Text("medium", "中等"),
    "low": Text("low", "轻微"),
    "info": Text("info", "提示"),
}
PLACES = {
    "input": Text("the input", "输入"),
    "output": Text("the output", "输出"),
    "run": Text("the training", "训练过程"),
}


@dataclass(frozen=True, eq=False)
class Noticed:
    """What a check found at one place.

    Args:
        severity: "high": it does not work like this; "medium": it works worse; "low": worth a look; "info": to know.
        place: an address, or what else is meant: one of `PLACES`.
        said: what was measured, with its numbers.
        evidence: the numbers as a result.
        advice: what to try, where it is other than what the check says in general.
    """

    severity: Severity
    place: str
    said: Text
    evidence: Result
    advice: Text | None = None


@dataclass(frozen=True, eq=False)
class Finding:
    """One thing that is wrong.

    Args:
        check: name of the check that found it.
        severity, place, said, evidence: as in `Noticed`.
        title: what is wrong, in a few words.
        why: why it matters.
        advice: what to try.
    """

    check: str
    severity: Severity
    place: str
    said: Text
    evidence: Result
    title: Text
    why: Text
    advice: Text

    def describe(self, lang: Lang = "en") -> str:
        """What, where, how that is known, why it matters, what to try."""
        between = "" if lang == "zh" else " "
        where = self.where(lang) if self.place in PLACES or lang == "zh" else f"'{self.place}'"
        at = {"en": f" at {where}", "zh": f"（{where}）"}[lang] if self.place else ""
        stop = "。" if lang == "zh" else "."
        parts = (self.said, self.why, self.advice)
        return f"{self.title.say(lang)}{at}{stop}{between}" + between.join(one.say(lang) for one in parts)

    def where(self, lang: Lang = "en") -> str:
        """The place in words: an address stays as it is."""
        return PLACES[self.place].say(lang) if self.place in PLACES else self.place

    def __repr__(self) -> str:
        return f"[{self.severity}] {self.title.en}{f' at {self.place}' if self.place else ''}: {self.said.en}"


@dataclass(frozen=True)
class NotMade:
    """A check that could not be made.

    Args:
        check: its name.
        title: what it looks for.
        reason: what it lacks.
        lacks: names of the arguments that it needs and was not given; empty where it does not apply here.
    """

    check: str
    title: Text
    reason: Text
    lacks: tuple[str, ...] = ()
