"""One card of a report: the pictures of one method, how to read them, where they come from, how to make them again."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO

from PIL import Image

from pellucid.core.errors import PellucidError
from pellucid.core.provenance import Provenance, Words
from pellucid.core.text import Text, say
from pellucid.render.escape import html, prose
from pellucid.render.report_table import numbers
from pellucid.render.report_words import phrase
from pellucid.results import Attribution, Gallery, Graph, Result, Table, spell
from pellucid.results.caption import DOT, place, said_target, subtitle, title
from pellucid.results.failure import Failure

BESIDE = 780
TALL = 1200
VAST = 1180  # pixels; wider ones would be shrunk until their words cannot be read
TARGETS = 3


@dataclass(frozen=True)
class Card:
    """The results of one method in the order in which they were made, or what came instead of them.

    Args:
        number: "2.1".
        anchor: its name in links.
        items: results of one method, or failures of one.
    """

    number: str
    anchor: str
    items: Sequence[Result | Failure]

    @property
    def words(self) -> Words | None:
        """What the method says of itself."""
        first = self.items[0]
        return first.words if isinstance(first, Failure) else first.provenance.words if first.provenance else None

    def name(self, lang: str) -> str:
        """The name of the method."""
        first = self.items[0]
        if self.words:
            return say(self.words.title, lang)
        return first.method if isinstance(first, Failure) else title(first, lang)

    def html(self, lang: str) -> str:
        """The whole card."""
        name = self.name(lang)
        question = say(self.words.question, lang) if self.words else name
        eyebrow = f'<p class="eyebrow"><span class="number">{html(self.number)}</span> {html(name)}</p>'
        body = (
            _failures(self.items, lang)
            if isinstance(self.items[0], Failure)
            else self._figures(lang) + _reading(self.words, lang)
        )
        return (
            f'<article class="card" id="{html(self.anchor)}"><header>{eyebrow}<h3>{html(question)}</h3></header>'
            f"{body}</article>"
        )

    def _figures(self, lang: str) -> str:
        results = [one for one in self.items if isinstance(one, Result)]
        pictures = [Picture.of(one, lang) for one in results]
        beside = (
            len(results) > 1
            and len({type(one) for one in results}) == 1
            and all(one.width <= BESIDE for one in pictures)
            and not any(isinstance(one, (Graph, Table)) or _is_text(one) for one in results)
        )
        figures = "".join(figure(*pair, lang) for pair in zip(results, pictures, strict=True))
        return f'<div class="figures{" beside" if beside else ""}">{figures}</div>'


def _is_text(result: Result) -> bool:
    """Whether words are drawn: in half the width of a page they are too small to be read."""
    return isinstance(result, Attribution) and result.base is not None and result.base.kind == "tokens"


@dataclass(frozen=True)
class Picture:
    """A drawing in both themes, and the words that belong to it.

    Args:
        light, dark: WebP without loss: a third to a half smaller than PNG; with loss where photographs are shown as
            they are, which is a fifth of that.
        caption: how numbers became colours and sizes.
        width, height: in pixels of the page.
    """

    light: bytes
    dark: bytes
    caption: str
    width: int
    height: int

    @classmethod
    def of(cls, result: Result, lang: str) -> "Picture":
        """Draw a result."""
        from pellucid.render.static.wordless import DENSITY, wordless

        (light, words), (dark, _) = (wordless(result, theme, lang) for theme in ("light", "dark"))
        photographs = isinstance(result, Gallery) and result.scale is None
        packed = _photographs if photographs else _packed
        return cls(packed(light), packed(dark), words.caption, light.width // DENSITY, light.height // DENSITY)

    def html(self, words: str, lang: str) -> str:
        """Both pictures, of which the style shows one; a very tall or wide one scrolls in a window of its own, and
        on a phone a broad one does.

        A `<picture>` would choose by itself, but keeps its choice on paper, which is light.
        """
        made = "".join(
            f'<img class="{theme}" src="data:image/webp;base64,{b64encode(data).decode()}" width="{self.width}" '
            f'height="{self.height}" alt="{html(words)}">'
            for theme, data in (("light", self.light), ("dark", self.dark))
        )
        broad = ["broad"] * (self.width > BESIDE) + ["vast"] * (self.width > VAST)
        kinds = " ".join(["tall"] * (self.height > TALL) + broad)
        if not kinds:
            return made
        name = html(phrase("scroll", lang))
        return f'<div class="{kinds}" tabindex="0" role="region" aria-label="{name}">{made}</div>'


def _packed(picture: Image.Image) -> bytes:
    data = BytesIO()
    picture.save(data, "webp", lossless=True, quality=10, method=2)
    return data.getvalue()


def _photographs(picture: Image.Image) -> bytes:
    data = BytesIO()
    picture.save(data, "webp", quality=88, method=3)
    return data.getvalue()


def figure(result: Result, picture: Picture, lang: str, *, described: bool = True) -> str:
    """A picture with everything that is said of it, and, unless other words do, with what its numbers say."""
    alternative = DOT.join(part for part in (title(result, lang), subtitle(result, lang)) if part)
    targets = {said_target(target, lang) for target in result.targets}
    where = f"<strong><bdi>{html(place(result))}</bdi></strong>" if place(result) else ""
    head = " ".join(
        part for part in (where, *(f"<bdi>{html(one)}</bdi>" for one in targets if len(targets) == 1)) if part
    )
    said = [picture.caption, *(say(note, lang) for note in result.notes if note.aside)]
    parts = [f'<p class="colours">{prose(one)}</p>' for one in said if one]
    parts += [f'<p class="said">{prose(_described(result, lang))}</p>'] if described else []
    parts += [f'<p class="note">{prose(say(note, lang))}</p>' for note in result.notes if not note.aside]
    if result.provenance:
        parts.append(f'<p class="origin">{origin(result.provenance, lang)}</p>')
    parts += [code(result.code, lang), numbers(result, lang)]
    above = f'<p class="what">{head}</p>' if head else ""
    return f"<figure>{above}{picture.html(alternative, lang)}<figcaption>{''.join(parts)}</figcaption></figure>"


def _described(result: Result, lang: str) -> str:
    """What the numbers say; the caveat of the method stands in the card once."""
    made = result.provenance
    bare = result.with_(provenance=replace(made, words=None)) if made and made.words else result
    return bare.describe("zh" if lang == "zh" else "en")


def _reading(words: Words | None, lang: str) -> str:
    if words is None:
        return ""
    pairs = [
        (phrase(key, lang), say(said, lang))
        for key, said in (("shows", words.shows), ("cannot", words.cannot), ("check", words.check))
    ]
    rows = "".join(f"<div><dt>{html(name)}</dt><dd>{prose(said)}</dd></div>" for name, said in pairs if said)
    return f'<section class="reading"><h4>{html(phrase("reading", lang))}</h4><dl>{rows}</dl></section>'


def origin(made: Provenance, lang: str) -> str:
    """One line: method, paper, model, weights, layer, target, versions, time."""
    parts = [made.method, made.words.paper if made.words else "", made.model]
    if made.weights:
        parts.append(phrase("weights", lang, digest=made.weights))
    if made.layer:
        parts.append(phrase("layer", lang, layer=made.layer))
    said = [said_target(target, lang) for target in made.targets]
    parts += list(dict.fromkeys(said))[:TARGETS]
    if len(set(said)) > TARGETS:
        parts.append(phrase("more", lang, count=len(set(said)) - TARGETS))
    if made.seed is not None:
        parts.append(phrase("seed", lang, seed=made.seed))
    parts += [f"{name} {made.versions[name]}" for name in ("torch",) if name in made.versions]
    if made.trace.seconds:
        parts.append(phrase("seconds", lang, seconds=spell.number(made.trace.seconds, 2)))
    parts.append(when(made.trace.date))
    return DOT.join(f"<bdi>{html(part)}</bdi>" for part in parts if part)


def when(date: str) -> str:
    """`2026-11-23 04:20 UTC` out of what the provenance has; anything else as it is."""
    try:
        stamp = datetime.fromisoformat(date)
    except ValueError:
        return date
    return f"{stamp:%Y-%m-%d %H:%M} UTC" if stamp.tzinfo else f"{stamp:%Y-%m-%d}"


def code(line: str, lang: str) -> str:
    """The line that makes it again."""
    if not line:
        return ""
    name = html(phrase("again", lang))
    return f'<div class="again"><p>{name}</p><pre tabindex="0"><code>{html(line)}</code></pre></div>'


def _failures(items: Sequence[Result | Failure], lang: str) -> str:
    return "".join(_failure(one, lang) for one in items if isinstance(one, Failure))


def _failure(failure: Failure, lang: str) -> str:
    error = failure.error if isinstance(failure.error, PellucidError) else PellucidError(failure.reason)
    pairs = [("reason", error.words), ("nearest", Text(error.nearest)), ("try", error.advice)]
    rows = "".join(
        f'<div><dt>{html(phrase(key, lang))}</dt><dd lang="{"zh-Hans" if lang == "zh" and words.zh else "en"}">'
        f"{prose(words.say(lang))}</dd></div>"
        for key, words in pairs
        if words.en
    )
    heading = phrase("failed", lang, method=failure.method)
    return (
        f'<section class="failure"><p class="said">{html(heading)}{"。" if lang == "zh" else ". "}'
        f"{html(phrase('see', lang))}</p><dl>{rows}</dl>{code(failure.code, lang)}</section>"
    )
