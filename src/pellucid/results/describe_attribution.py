"""Where the evidence of an attribution is, how concentrated, and of which sign."""

import numpy as np

from pellucid.core.messages import message
from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.results import measures, spell
from pellucid.results.attribution import Attribution

TIGHT, MEDIUM = 0.1, 0.3
WIDE = 1 / 3
ITEMS = 3


def attribution(result: Attribution) -> list[Text]:
    """Sentences about the first example; with several, how the others compare."""
    heat = result.heat
    if not heat.size:
        return [message("odd.empty")]
    zero = [not np.any(one) for one in heat]
    if all(zero):
        return [_all_zero(result)]
    first = heat[0]
    if zero[0] or measures.is_flat(first):
        found = [
            _all_zero(result)
            if zero[0]
            else message("odd.flat", value=spell.number(float(first[np.isfinite(first)].flat[0])))
        ]
    else:
        found = _where(result, first)
    if len(heat) > 1:
        if any(zero):
            found.insert(1, message("odd.some_zero", count=sum(zero), total=len(heat)))
        else:
            found.insert(2, _others(result))
    return found


def _others(result: Attribution) -> Text:
    if result.base is not None and result.base.kind in ("tokens", "features"):
        return message("map.first", total=len(result.heat))
    shares = [measures.half_share(weights(result, one)[0]) for one in result.heat]
    return message("map.many", total=len(result.heat), area=spell.percent(float(np.nanmedian(shares))))


def weights(result: Attribution, heat: np.ndarray) -> tuple[np.ndarray, str]:
    """Non-negative weights of one example and their sign: what speaks for or against, whichever is more."""
    if not result.heat_signed:
        return np.abs(heat), "absolute" if result.reduction in ("max_abs", "l2") or np.any(heat < 0) else "positive"
    positive, negative = np.maximum(heat, 0), np.maximum(-heat, 0)
    return (positive, "positive") if np.nansum(positive) >= np.nansum(negative) else (negative, "negative")


def said_target(target: TargetInfo | None) -> Text:
    """The target as it stands in a sentence."""
    if target is None:
        return message("target")
    if target.probability is None:
        return message("target.plain", label=target.words)
    return message("target.probability", label=target.words, probability=spell.percent(target.probability))


def _all_zero(result: Attribution) -> Text:
    relu = (
        result.provenance is not None
        and result.provenance.settings.get("relu") is True
        and not result.facts.get("without gradient")
        and not result.facts.get("zero before the ReLU")
    )
    return message("odd.relu" if relu else "odd.zeros")


def _where(result: Attribution, heat: np.ndarray) -> list[Text]:
    kind = result.base.kind if result.base is not None else "layer"
    shares, sign = weights(result, heat)
    target = said_target(result.targets[0] if result.targets else None)
    what = message("map.shares" if result.explains else "map.values", sign=message(f"sign.{sign}"), target=target)
    if kind in ("tokens", "features") and heat.ndim == 1:
        items = _items(result, heat)
        found = [
            message("map.items", target=target, items=items) if result.explains else message("map.largest", items=items)
        ]
    else:
        found = [_area(kind, heat, shares, what), _degree(measures.half_share(shares))]
    return found + _signs(result, heat)


def _area(kind: str, heat: np.ndarray, shares: np.ndarray, what: Text) -> Text:
    words = {
        "what": what,
        "base": message(f"base.{kind}"),
        "area": spell.percent(measures.half_share(shares)),
    }
    half = measures.half_mask(shares)
    if heat.ndim == 1:
        places = np.flatnonzero(half)
        low, high = np.percentile(places, [10, 90])
        if round(low) == round(high):
            return message("map.at", start=round(low), **words)
        return message("map.along", start=round(low), stop=round(high), **words)
    if heat.ndim == 3:
        places = np.repeat(np.arange(len(half)), half.sum((1, 2)))
        low, high = np.percentile(places, [10, 90])
        return message("map.slices", start=round(low), stop=round(high), **words)
    if heat.ndim != 2:
        return message("map.spread", **words)
    parts = measures.ninths(np.where(half, shares, 0))
    order = np.argsort(-parts, kind="stable")
    if parts[order[:2]].sum() < WIDE * 1.2:
        return message("map.spread", **words)
    place = message(f"place.{order[0]}")
    if parts[order[1]] > 0.5 * parts[order[0]]:
        second = message(f"place.{order[1]}")
        place = Text(f"{place.en} and the {second.en}", f"{place.zh}和{second.zh}")
    return message("map.place", place=place, **words)


def _degree(share: float) -> Text:
    return message("map.tight" if share < TIGHT else "map.medium" if share < MEDIUM else "map.loose")


def _items(result: Attribution, heat: np.ndarray) -> Text:
    """The strongest tokens or features of the first example with their values."""
    names = result.base.names[0] if result.base is not None and result.base.names else ()
    shown = heat[: len(names)] if names else heat
    order = np.argsort(-np.abs(np.where(np.isfinite(shown), shown, 0)), kind="stable")[:ITEMS]
    sign = "+" if result.heat_signed else ""
    parts = [f"“{names[i].strip() or names[i]}”" if names else f"#{i}" for i in order]
    parts = [
        f"{part} ({sign if shown[i] > 0 else ''}{spell.number(float(shown[i]))})"
        for part, i in zip(parts, order, strict=True)
    ]
    comma = message("list.comma")
    return Text(comma.en.join(parts), comma.zh.join(parts))


def _signs(result: Attribution, heat: np.ndarray) -> list[Text]:
    if not result.heat_signed or not result.explains:
        return []
    finite = heat[np.isfinite(heat)].astype(np.float64)
    against, total = float(-finite[finite < 0].sum()), float(np.abs(finite).sum())
    if against == 0:
        return [message("sign.only_for")]
    if against == total:
        return [message("sign.only_against")]
    return [message("sign.against", share=spell.percent(against / total))]
