"""What a result says, in two to four plain sentences computed from its numbers, and one caveat of its method."""

from collections.abc import Callable

import numpy as np

from pellucid.core.messages import message
from pellucid.core.text import Text, say
from pellucid.results import spell
from pellucid.results.attribution import Attribution
from pellucid.results.describe_attribution import attribution
from pellucid.results.describe_kinds import gallery, graph, matrix, points, series, table
from pellucid.results.result import Result

SENTENCES: dict[str, Callable[..., list[Text]]] = {
    "attribution": attribution,
    "gallery": gallery,
    "matrix": matrix,
    "graph": graph,
    "series": series,
    "points": points,
    "table": table,
}
SATURATED = 0.9999
MOST = 4


def describe(result: Result, lang: str = "en") -> str:
    """Two to four sentences, what is unusual first if the numbers cannot be trusted, and the caveat."""
    wrong, all_wrong = _not_finite(result)
    found = [] if all_wrong else SENTENCES[result.kind](result)
    sentences = [*wrong, *found][: MOST - 1] + _unusual(result)
    sentences = sentences[:MOST] or [message("odd.empty")]
    words = result.provenance.words if result.provenance else None
    if words and say(words.cannot, lang):
        sentences.append(message("caveat", cannot=_sentence(words.cannot)))
    return ("" if lang == "zh" else " ").join(say(sentence, lang) for sentence in sentences)


def _not_finite(result: Result) -> tuple[list[Text], bool]:
    """A sentence where numbers are NaN or infinite; gaps of curves, tables and steps are their normal form."""
    values = result.values
    if result.kind in ("series", "table", "graph") or values.dtype.kind != "f" or not values.size:
        return [], False
    count = int(values.size - np.isfinite(values).sum())
    if count == values.size:
        return [message("odd.nan_all")], True
    gaps = not count or result.axes[-1:] == ("step",)
    return ([] if gaps else [message("odd.nan", count=f"{count:,}", total=f"{values.size:,}")]), False


def _unusual(result: Result) -> list[Text]:
    found: list[Text] = []
    facts = result.facts
    dead, channels = facts.get("dead_channels"), facts.get("channels")
    if isinstance(dead, int) and isinstance(channels, int) and dead:
        found.append(message("odd.dead", count=f"{dead:,}", total=f"{channels:,}"))
    sure = [one.probability for one in result.targets if one.probability is not None and one.probability > SATURATED]
    if sure and isinstance(result, Attribution):
        found.append(message("odd.saturated", probability=spell.probability(max(sure))))
    return found[:1]


def _sentence(words: Text) -> Text:
    """The same words with a full stop."""
    en, zh = words.en.rstrip(), words.say("zh").rstrip()
    en = en if en.endswith((".", "!", "?")) else f"{en}."
    return Text(en, zh if zh.endswith(("。", ".", "！", "？")) else f"{zh}。")
