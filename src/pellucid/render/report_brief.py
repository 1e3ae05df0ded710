"""The head of a report and its first paragraph: which model, which answer, how much work, what to be wary of."""

from collections import Counter
from collections.abc import Sequence

from pellucid.core.provenance import Provenance, TargetInfo
from pellucid.core.text import say
from pellucid.render.escape import html, prose
from pellucid.render.report_card import when
from pellucid.render.report_data import data_sets
from pellucid.render.report_findings import Checked, Finding, in_brief
from pellucid.render.report_words import counted, phrase
from pellucid.results import Result, spell
from pellucid.results.caption import DOT
from pellucid.results.failure import Failure

SHOWN = 4
Item = Result | Failure | Finding | Checked


def heading(items: Sequence[Item], lang: str, title: str | None) -> tuple[str, str]:
    """The head of the page, and its name."""
    made = _provenances(items)
    known = [one.model for one in made] + [one.title for one in items if isinstance(one, Checked)]
    models = list(dict.fromkeys(one for one in known if one))
    name = title or ", ".join(models) or phrase("untitled", lang)
    version = next((known for one in made if (known := one.versions.get("pellucid", "unknown")) != "unknown"), "")
    dates = [when(one.trace.date) for one in made if one.trace.date]
    said = DOT.join(part for part in (phrase("made", lang, version=version).strip(), max(dates, default="")) if part)
    return f'<p class="eyebrow">{html(said)}</p><h1>{html(name)}</h1>', name


def brief(items: Sequence[Item], large: str, lang: str) -> str:
    """The section "in brief"."""
    results = [one for one in items if isinstance(one, Result)]
    failures = sum(isinstance(one, Failure) for one in items)
    checked = [one for one in items if isinstance(one, Checked)]
    found = in_brief(items, lang)
    made = _provenances(items)
    sentences = [
        *_models(made, lang),
        *_targets(results, lang),
        *found,
        *_data(results, lang),
        *_amount(results, lang),
        *_cost(items, lang),
    ]
    if failures:
        sentences.append(phrase("lacking", lang, count=failures))
    if not items:
        sentences.append(phrase("nothing", lang))
    notes = Counter(say(note, lang) for one in [*results, *checked] for note in one.notes if not note.aside)
    warnings = [large] if large else []
    warnings += [
        note if count in (1, len(results)) else phrase("times", lang, note=note, count=count)
        for note, count in notes.items()
    ]
    if results and not warnings and not failures and not found:
        sentences.append(phrase("clean", lang))
    listed = "".join(f"<li>{prose(one)}</li>" for one in warnings)
    worth = f'<h3>{html(phrase("worth", lang))}</h3><ul class="warnings">{listed}</ul>' if listed else ""
    joint = "" if lang == "zh" else " "
    return (
        f'<section class="brief" aria-labelledby="brief"><h2 id="brief">{html(phrase("brief", lang))}</h2>'
        f"<p>{joint.join(sentences)}</p>{worth}</section>"
    )


def _provenances(items: Sequence[Item]) -> list[Provenance]:
    results = [one.evidence if isinstance(one, Finding) else one for one in items]
    return [one.provenance for one in results if isinstance(one, Result) and one.provenance]


def _models(made: Sequence[Provenance], lang: str) -> list[str]:
    found = dict.fromkeys((one.model, one.weights) for one in made if one.model)
    weighed = {model for model, weights in found if weights}
    return [
        phrase(
            "model" if weights else "model.plain", lang, model=f"<strong>{html(model)}</strong>", weights=html(weights)
        )
        for model, weights in found
        if weights or model not in weighed
    ]


def _targets(results: Sequence[Result], lang: str) -> list[str]:
    sentences: list[str] = []
    told = [one for result in results for one in result.targets if one.unit != "loss"]
    for predicted, key, gap in ((True, "predicts", "target"), (False, "asked", "targets")):
        found: dict[str, list[TargetInfo]] = {}
        for target in (one for one in told if (one.chosen == "predicted") == predicted):
            found.setdefault(target.label, []).append(target)
        if found:
            said = [_target(ones, lang) for ones in list(found.values())[:SHOWN]]
            said += [html(phrase("more", lang, count=len(found) - SHOWN))] if len(found) > SHOWN else []
            sentences.append(phrase(key, lang, **{gap: phrase("and", lang).join(said)}))
    return sentences


def _target(ones: Sequence[TargetInfo], lang: str) -> str:
    """A class with its probability: of several examples, from the lowest to the highest."""
    first = ones[0]
    label = f"<strong><bdi>{html(first.words.say(lang))}</bdi></strong>"
    known = sorted(one.probability for one in ones if one.probability is not None)
    if not known:
        return phrase("target.score", lang, label=label, unit=html(first.unit), score=html(spell.number(first.score)))
    ends = dict.fromkeys(spell.probability(one) for one in (known[0], known[-1]))
    return phrase("target", lang, label=label, probability=html(" – ".join(ends)))


def _data(results: Sequence[Result], lang: str) -> list[str]:
    """Which data sets went through the model, and how much of each."""
    said: list[str] = []
    for one in data_sets(results):
        every, read = one["samples"], one["read"]
        name = f"<strong><bdi>{html(one['name'])}</bdi></strong>"
        key = "data.all" if read == every else "data"
        said.append(phrase(key, lang, name=name, samples=f"{every:,}", read=f"{read:,}"))
    return said


def _amount(results: Sequence[Result], lang: str) -> list[str]:
    methods = {one.provenance.method for one in results if one.provenance}
    if not results or not methods:
        return []
    return [
        html(
            phrase(
                "count",
                lang,
                pictures=counted("pictures", lang, len(results)),
                methods=counted("methods", lang, len(methods)),
            )
        )
    ]


def _cost(items: Sequence[Item], lang: str) -> list[str]:
    """What all the looks and checks took; results of one look carry the same figures."""
    traces = [one.provenance.trace for one in items if isinstance(one, Result) and one.provenance]
    costs = [*traces, *(one.cost for one in items if isinstance(one, Checked))]
    looks = {(one.forwards, one.backwards, one.seconds) for one in costs if one.forwards}
    if not looks:
        return []
    said = phrase(
        "cost",
        lang,
        forwards=counted("forwards", lang, sum(look[0] for look in looks)),
        backwards=counted("backwards", lang, sum(look[1] for look in looks)),
        seconds=spell.number(sum(look[2] for look in looks), 2),
    )
    return [html(said)]
