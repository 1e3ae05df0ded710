"""Findings in a report: a card for each, and before them what was found, what was checked and what was not."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from pellucid.core.text import Text
from pellucid.render.escape import html, prose
from pellucid.render.report_card import Card, Picture, code, figure
from pellucid.render.report_table import listed
from pellucid.render.report_words import counted, phrase
from pellucid.results import Result

# As seen in a square of 12: what stops, what slows, what is worth a look, what is good to know. Shapes and words say
# it too, for who tells no colours apart.
_SHAPES = {
    "high": "M3.5 0h5L12 3.5v5L8.5 12h-5L0 8.5v-5z",
    "medium": "M6 .5 12 11.5H0z",
    "low": "M6 0 12 6 6 12 0 6z",
    "info": "M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1z",
}


@runtime_checkable
class Finding(Protocol):
    """One thing that is wrong, as `diagnose` tells it."""

    check: str
    severity: str
    place: str
    said: Text
    evidence: Result
    title: Text
    why: Text
    advice: Text

    def where(self, lang: Any = "en") -> str:
        """The place in words: an address stays as it is."""
        ...


class Cost(Protocol):
    """Of all checks together."""

    forwards: int
    backwards: int
    seconds: float


class NotMade(Protocol):
    """A check that could not be made."""

    title: Text
    reason: Text


@runtime_checkable
class Checked(Protocol):
    """All findings together: what knows which checks were made."""

    not_made: Sequence[NotMade]
    notes: Sequence[Text]
    title: str
    code: str
    cost: Cost

    @property
    def passed_titles(self) -> Sequence[Text]:
        """Of the checks that found nothing."""
        ...

    def __iter__(self) -> Iterator[Finding]: ...


@dataclass(frozen=True)
class FindingCard:
    """What is wrong, how bad, where, how that is known, why it matters, what to try; with the evidence.

    Args:
        number: "1.2".
        anchor: its name in links.
        finding: what is told.
    """

    number: str
    anchor: str
    finding: Finding

    def name(self, lang: str) -> str:
        """What is wrong."""
        return self.finding.title.say(lang)

    def html(self, lang: str) -> str:
        """The whole card."""
        one = self.finding
        shown = one.evidence.with_(
            notes=tuple(note for note in one.evidence.notes if note != one.said),
            provenance=one.evidence.provenance and replace(one.evidence.provenance, words=None, code=""),
        )
        rows = "".join(
            f"<div><dt>{html(phrase(key, lang))}</dt><dd>{prose(words.say(lang))}</dd></div>"
            for key, words in (("measured", one.said), ("why", one.why), ("try", one.advice))
        )
        where = f'<p class="where">{place(one, lang)}</p>' if one.place else ""
        return (
            f'<article class="card" id="{html(self.anchor)}"><header><p class="eyebrow">'
            f'<span class="number">{html(self.number)}</span> {badge(one.severity, lang)}</p>'
            f"<h3>{html(self.name(lang))}</h3>{where}</header>"
            f'<dl class="told">{rows}</dl>'
            f'<div class="figures">{figure(shown, Picture.of(shown, lang), lang, described=False)}</div></article>'
        )


def badge(severity: str, lang: str, count: int = 0) -> str:
    """How bad it is, as a word with a colour and a shape; of several with their number."""
    words = phrase(f"severity.{severity}", lang)
    said = f"{count} {words}" if count else words
    return (
        f'<span class="severity {severity}"><svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">'
        f'<path d="{_SHAPES[severity]}"/></svg> {html(said)}</span>'
    )


def place(one: Finding, lang: str) -> str:
    """Where: an address, or what else is meant."""
    said = html(one.where(lang))
    if one.where() != one.place:
        return f'<span class="place">{said}</span>'
    return f'<code class="place"><bdi>{said}</bdi></code>' if said else ""


def in_brief(items: Sequence[object], lang: str) -> list[str]:
    """How many things are wrong; that nothing is, where that was looked for."""
    counts = Counter(one.severity for one in items if isinstance(one, Finding))
    if counts:
        joint = phrase("and", lang)
        said = joint.join(badge(severity, lang, counts[severity]) for severity in _SHAPES if counts[severity])
        return [phrase("found", lang, counts=said)]
    made = [len(one.passed_titles) for one in items if isinstance(one, Checked)]
    if not made:
        return []
    checks = counted("checks", lang, sum(made))
    return [html(phrase("found.none" if sum(made) else "found.unmade", lang, checks=checks))]


def about_checks(items: Sequence[object], cards: Sequence[Card | FindingCard], lang: str) -> str:
    """What stands before the cards of findings; empty in other chapters."""
    found = [one for one in cards if isinstance(one, FindingCard)]
    parts = [_listed(found, lang)] if found else []
    parts += [_checks(one, lang) for one in items if isinstance(one, Checked)]
    return "".join(parts)


def _listed(found: Sequence[FindingCard], lang: str) -> str:
    rows = "".join(
        f'<li>{badge(one.finding.severity, lang)}<span><a href="#{html(one.anchor)}">{html(one.name(lang))}</a>'
        f" {place(one.finding, lang)}</span></li>"
        for one in found
    )
    return f'<ul class="found" aria-label="{html(phrase("found.list", lang))}">{rows}</ul>'


def _checks(checked: Checked, lang: str) -> str:
    """Which checks found nothing, and which were not made and why."""
    stop = "；" if lang == "zh" else "; "
    passed = stop.join(one.say(lang) for one in checked.passed_titles) or phrase("found.no", lang)
    reasons: dict[str, list[str]] = {}
    for one in checked.not_made:
        reasons.setdefault(one.reason.say(lang), []).append(one.title.say(lang))
    notes = "".join(f'<p class="note">{prose(one.say(lang))}</p>' for one in checked.notes)
    made = f"<dl><div><dt>{html(phrase('found.made', lang))}</dt><dd>{html(passed)}</dd></div></dl>"
    rows = [[stop.join(names), why] for why, names in reasons.items()]
    summary = phrase("found.not", lang, checks=counted("checks", lang, len(checked.not_made)))
    lacking = listed([phrase("found.for", lang), phrase("reason", lang)], rows, summary, lang)
    name = html(phrase("found.checks", lang))
    again = code(checked.code, lang)
    return f'<section class="data checks" aria-label="{name}">{notes}{made}{lacking}{again}</section>'
