"""Results to one HTML file that needs nothing else: no script, no network, no style from outside."""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, cast

from pellucid.core.errors import BadRequest, BadSetting
from pellucid.core.messages import LANGUAGES
from pellucid.core.text import say
from pellucid.render.escape import html
from pellucid.render.report_brief import brief, heading
from pellucid.render.report_card import Card
from pellucid.render.report_data import about_data
from pellucid.render.report_words import FAMILIES, phrase
from pellucid.results import Result
from pellucid.results.failure import Failure
from pellucid.results.save import write

LARGE = 25e6
Seen = Result | Failure | Sequence[Any]
Sections = list[tuple[str, list[Card]]]


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
        results: results and failures, tuples of them opened; in chapters by family, or, from a mapping,
            under its keys (`str` or `Text`).
        path: of the file; written whole or not at all.
        lang: "en" or "zh".
        title: of the page; default the name of the model.
    Returns:
        The path.
    Raises:
        BadSetting: another language.
        BadRequest: something that is neither a result nor a failure.
    """
    if lang not in LANGUAGES:
        raise BadSetting(
            f"There is no language '{lang}'.", asked_by=f"save_report(lang={lang!r})", nearest=", ".join(LANGUAGES)
        )
    path = Path(path)
    write(path, page(_chapters(results, lang), lang, title).encode())
    return path


def page(sections: Sections, lang: str, title: str | None = None) -> str:
    """The page."""
    cards = [card for _, members in sections for card in members]
    items = [one for card in cards for one in card.items]
    drawn = {card.anchor: card.html(lang) for card in cards}
    size = sum(map(len, drawn.values()))
    heavy = sorted(cards, key=lambda card: -len(drawn[card.anchor]))[:3] if size > LARGE else []
    names = ("、" if lang == "zh" else ", ").join(card.name(lang) for card in heavy)
    large = phrase("large", lang, size=round(size / 1e6), names=names) if heavy else ""
    top, name = heading(items, lang, title)
    body = "".join(
        f'<section class="chapter"><h2 id="chapter-{number}">{_numbered(number, words)}</h2>'
        f"{about_data([one for card in members for one in card.items], lang)}"
        f"{''.join(drawn[card.anchor] for card in members)}</section>"
        for number, (words, members) in enumerate(sections, 1)
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
        f'<header class="top">{top}</header>\n{_contents(sections, lang)}\n'
        f'<main id="pictures">{brief(items, large, lang)}{body}</main>\n'
        f"<footer><p>{html(phrase('foot', lang))}</p></footer>\n</div>\n</body>\n</html>\n"
    )


def _contents(sections: Sections, lang: str) -> str:
    chapters = "".join(
        f'<li><a href="#chapter-{number}">{_numbered(number, words)}</a><ul>'
        + "".join(
            f'<li><a href="#{html(card.anchor)}">{_numbered(card.number, card.name(lang))}</a></li>' for card in members
        )
        + "</ul></li>"
        for number, (words, members) in enumerate(sections, 1)
    )
    name = html(phrase("contents", lang))
    return (
        f'<nav class="contents" aria-labelledby="contents"><h2 id="contents">{name}</h2><ol>{chapters}</ol></nav>'
        if chapters
        else ""
    )


def _numbered(number: object, words: str) -> str:
    return f'<span class="number">{html(number)}</span> {html(words)}'


def _chapters(results: Iterable[Seen] | Mapping[Any, Iterable[Seen]], lang: str) -> Sections:
    if isinstance(results, Mapping):
        named = [(say(name, lang), list(_opened(seen))) for name, seen in cast("Mapping[Any, Any]", results).items()]
    else:
        items = list(_opened(results))
        named = [
            (words.say(lang), [one for one in items if _family(one) == family]) for family, words in FAMILIES.items()
        ]
    kept = [(name, items) for name, items in named if items]
    return [(name, _cards(items, number)) for number, (name, items) in enumerate(kept, 1)]


def _cards(items: Sequence[Result | Failure], chapter: int) -> list[Card]:
    groups: dict[tuple[str, bool], list[Result | Failure]] = {}
    for one in items:
        groups.setdefault((_method(one), isinstance(one, Failure)), []).append(one)
    return [
        Card(f"{chapter}.{number}", f"card-{chapter}-{number}-{re.sub(r'[^A-Za-z0-9_]', '-', method)}", members)
        for number, ((method, _), members) in enumerate(groups.items(), 1)
    ]


def _opened(results: Iterable[Any]) -> Iterator[Result | Failure]:
    for one in results:
        if isinstance(one, (Result, Failure)):
            yield one
        elif isinstance(one, Sequence) and not isinstance(one, str):
            yield from _opened(one)
        else:
            raise BadRequest(
                f"A report shows results and failures, not {type(one).__name__}.",
                asked_by="save_report(...)",
                hint="save_report(views, 'report.html')",
            )


def _method(one: Result | Failure) -> str:
    if isinstance(one, Failure):
        return one.method
    return one.provenance.method if one.provenance else one.kind


def _family(one: Result | Failure) -> str:
    if isinstance(one, Failure):
        return "failed"
    if "data" in one.facts:
        return "learned"
    family = one.provenance.family if one.provenance else ""
    return family if family in FAMILIES else "outside"


@cache
def _style() -> str:
    return files("pellucid.render").joinpath("report.css").read_text(encoding="utf-8")
