"""Results to one HTML file that needs nothing else: no script, no network, no style from outside."""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from pellucid.core.errors import BadRequest, BadSetting
from pellucid.core.messages import LANGUAGES
from pellucid.core.text import say
from pellucid.render.escape import html
from pellucid.render.report_brief import Item, brief, heading
from pellucid.render.report_card import Card
from pellucid.render.report_data import about_data
from pellucid.render.report_findings import Checked, Finding, FindingCard, about_checks
from pellucid.render.report_words import FAMILIES, phrase
from pellucid.results import Result
from pellucid.results.failure import Failure
from pellucid.results.save import write

LARGE = 25e6


@runtime_checkable
class Training(Protocol):
    """What knows by itself which pictures a report shows of it: a watched training."""

    def pictures(self) -> Iterable[Result | Failure]:
        """All of them."""
        ...


Seen = Item | Training | Sequence[Any]


@dataclass(frozen=True)
class Chapter:
    """A part of the page.

    Args:
        number: of the chapter, from 1.
        name: of the chapter.
        items: what it is of.
        cards: one for each method, and for each finding.
    """

    number: int
    name: str
    items: Sequence[Item]
    cards: Sequence[Card | FindingCard]


def save_report(
    results: Iterable[Seen] | Mapping[Any, Iterable[Seen]],
    path: str | PathLike[str],
    *,
    lang: str = "en",
    title: str | None = None,
) -> Path:
    """Write a report: what was seen, how to read it, how far to trust it, how to make it again.

    Pictures of one method stand in one card, side by side where they fit. Light or dark is the reader's own setting;
    paper is light.

    Args:
        results: results, failures, findings, watched trainings, and rows of them; in chapters by family, or, from a
            mapping, under its keys (`str` or `Text`).
        path: of the file; written whole or not at all.
        lang: "en" or "zh".
        title: of the page; default the name of the model.
    Returns:
        The path.
    Raises:
        BadSetting: another language.
        BadRequest: something that is none of these.
    """
    if lang not in LANGUAGES:
        raise BadSetting(
            f"There is no language '{lang}'.", asked_by=f"save_report(lang={lang!r})", nearest=", ".join(LANGUAGES)
        )
    path = Path(path)
    write(path, page(_chapters(results, lang), lang, title).encode())
    return path


def page(chapters: Sequence[Chapter], lang: str, title: str | None = None) -> str:
    """The page."""
    cards = [card for chapter in chapters for card in chapter.cards]
    items = [one for chapter in chapters for one in chapter.items]
    drawn = {card.anchor: card.html(lang) for card in cards}
    size = sum(map(len, drawn.values()))
    heavy = sorted(cards, key=lambda card: -len(drawn[card.anchor]))[:3] if size > LARGE else []
    names = ("、" if lang == "zh" else ", ").join(card.name(lang) for card in heavy)
    large = phrase("large", lang, size=round(size / 1e6), names=names) if heavy else ""
    top, name = heading(items, lang, title)
    body = "".join(
        f'<section class="chapter"><h2 id="chapter-{one.number}">{_numbered(one.number, one.name)}</h2>'
        f"{about_data(one.items, lang)}{about_checks(one.items, one.cards, lang)}"
        f"{''.join(drawn[card.anchor] for card in one.cards)}</section>"
        for one in chapters
    )
    style = _style()
    allowed = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    meta = (
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{"zh-Hans" if lang == "zh" else "en"}">\n'
        f"<head>\n{meta}<title>{html(name)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#pictures">{html(phrase("skip", lang))}</a>\n<div class="page">\n'
        f'<header class="top">{top}</header>\n{_contents(chapters, lang)}\n'
        f'<main id="pictures">{brief(items, large, lang)}{body}</main>\n'
        f"<footer><p>{html(phrase('foot', lang))}</p></footer>\n</div>\n</body>\n</html>\n"
    )


def _contents(chapters: Sequence[Chapter], lang: str) -> str:
    listed = "".join(
        f'<li><a href="#chapter-{one.number}">{_numbered(one.number, one.name)}</a><ul>'
        + "".join(
            f'<li><a href="#{html(card.anchor)}">{_numbered(card.number, card.name(lang))}</a></li>'
            for card in one.cards
        )
        + "</ul></li>"
        for one in chapters
    )
    name = html(phrase("contents", lang))
    return (
        f'<nav class="contents" aria-labelledby="contents"><h2 id="contents">{name}</h2><ol>{listed}</ol></nav>'
        if listed
        else ""
    )


def _numbered(number: object, words: str) -> str:
    return f'<span class="number">{html(number)}</span> {html(words)}'


def _chapters(results: Iterable[Seen] | Mapping[Any, Iterable[Seen]], lang: str) -> list[Chapter]:
    if isinstance(results, Mapping):
        seen = cast("Mapping[Any, Any]", results).items()
        named = [(say(name, lang), [item for _, item in _opened(some)]) for name, some in seen]
    else:
        items = list(_opened(results))
        named = [(words.say(lang), [one for of, one in items if of == family]) for family, words in FAMILIES.items()]
    kept = [(name, items) for name, items in named if items]
    return [Chapter(number, name, items, _cards(items, number)) for number, (name, items) in enumerate(kept, 1)]


def _cards(items: Sequence[Item], chapter: int) -> list[Card | FindingCard]:
    groups: dict[tuple[str, int], list[Any]] = {}
    for one in items:
        if not isinstance(one, Checked):
            own = id(one) if isinstance(one, Finding) else isinstance(one, Failure)
            groups.setdefault((_method(one), own), []).append(one)
    made: list[Card | FindingCard] = []
    for number, ((method, _), members) in enumerate(groups.items(), 1):
        named = f"{chapter}.{number}", f"card-{chapter}-{number}-{re.sub(r'[^A-Za-z0-9_]', '-', method)}"
        first = members[0]
        made.append(FindingCard(*named, first) if isinstance(first, Finding) else Card(*named, members))
    return made


def _opened(results: Iterable[Any], of: str = "") -> Iterator[tuple[str, Item]]:
    """Every item with the family whose chapter it belongs to."""
    for one in results:
        if isinstance(one, (Result, Failure, Finding)):
            yield of or _family(one), one
        elif isinstance(one, Training):
            yield from _opened(one.pictures(), "training")
        elif isinstance(one, Sequence) and not isinstance(one, str):
            if isinstance(one, Checked):
                yield "diagnose", one
            yield from _opened(cast("Sequence[Any]", one), of)
        else:
            raise BadRequest(
                f"A report shows results, failures, findings and trainings, not {type(one).__name__}.",
                hint="pl.report('report.html', views, found, run)",
            )


def _method(one: Result | Failure | Finding) -> str:
    if isinstance(one, Finding):
        return one.check
    if isinstance(one, Failure):
        return one.method
    return one.provenance.method if one.provenance else one.kind


def _family(one: Result | Failure | Finding) -> str:
    if isinstance(one, Finding):
        return "diagnose"
    if isinstance(one, Failure):
        return "failed"
    if "data" in one.facts:
        return "learned"
    family = one.provenance.family if one.provenance else ""
    return family if family in FAMILIES else "outside"


@cache
def _style() -> str:
    return files("pellucid.render").joinpath("report.css").read_text(encoding="utf-8")
