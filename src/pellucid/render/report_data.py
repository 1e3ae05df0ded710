"""The data sets that results of sweeps are made of: how many samples, which were left out, and why."""

from collections.abc import Sequence
from typing import Any

from pellucid.core.text import Text
from pellucid.render.escape import html
from pellucid.render.report_table import listed
from pellucid.render.report_words import COVERS, phrase
from pellucid.results import Result, spell

_DIGITS = 16


def data_sets(items: Sequence[object]) -> list[dict[str, Any]]:
    """What results state of their data sets, each once."""
    stated = [one.facts["data"] for one in items if isinstance(one, Result) and "data" in one.facts]
    return list({(one["fingerprint"], one["read"], one["name"]): one for one in stated}.values())


def about_data(items: Sequence[object], lang: str) -> str:
    """The data sets of a chapter; empty where its results are of none."""
    return "".join(_section(one, lang) for one in data_sets(items))


def _section(data: dict[str, Any], lang: str) -> str:
    every, missing = data["samples"], data["left out"]
    name, read, left, classes, digest = (
        phrase(f"data.{key}", lang) for key in ("name", "read", "left", "classes", "print")
    )
    covers = COVERS.get(data["told apart by"], Text(data["told apart by"])).say(lang)
    of = phrase("data.of", lang, count=f"{data['read']:,}", every=f"{every:,}")
    pairs = [
        (name, data["name"]),
        (read, of),
        (left, f"{len(missing):,} ({spell.percent(len(missing) / every)})" if missing else "0"),
        (classes, f"{data['classes']:,}" if data["classes"] else "–"),
        (digest, phrase("data.covers", lang, digest=data["fingerprint"][:_DIGITS], covers=covers)),
    ]
    rows = "".join(f"<div><dt>{html(key)}</dt><dd><bdi>{html(said)}</bdi></dd></div>" for key, said in pairs)
    head = [phrase("sample", lang), phrase("reason", lang)]
    table = listed(head, [list(one) for one in missing], phrase("data.list", lang), lang)
    return f'<section class="data" aria-label="{html(name)}"><dl>{rows}</dl>{table}</section>'
