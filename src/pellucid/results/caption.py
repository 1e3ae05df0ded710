"""The words around a picture: title, target, and how its colours and sizes came to be."""

from pellucid.core.messages import message
from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text, say
from pellucid.results import spell
from pellucid.results.attribution import Attribution
from pellucid.results.gallery import Gallery
from pellucid.results.heat import reduce
from pellucid.results.result import Result
from pellucid.results.scale import Scale

DOT = " · "


def title(result: Result, lang: str = "en") -> str:
    """The method's title, and the place or the input that was looked at."""
    words = result.provenance.words if result.provenance else None
    name = say(words.title, lang) if words else say(message(f"title.kind.{result.kind}"), lang)
    return DOT.join(part for part in (name, place(result)) if part)


def place(result: Result) -> str:
    """The layer that was looked at; or the input, where the method gave results for several."""
    return result.layer or (result.provenance.input if result.provenance else "")


def said_target(target: TargetInfo, lang: str = "en") -> str:
    """`tabby, probability 0.71, predicted`."""
    if target.probability is not None:
        words = message("subtitle.target", label=target.words, probability=spell.probability(target.probability))
    else:
        words = message(
            "subtitle.score", label=target.words, unit=said_unit(target.unit), score=spell.number(target.score)
        )
    return say(message(f"subtitle.{target.chosen}", target=words) if target.chosen != "asked" else words, lang)


def said_unit(unit: str) -> Text:
    """The unit of a score."""
    return message("unit.log_probability") if unit == "log-probability" else Text(unit)


def subtitle(result: Result, lang: str = "en") -> str:
    """The target where one is explained, and the model."""
    same = len({target.label for target in result.targets}) == 1 and len(result.targets) == 1
    parts = [said_target(result.targets[0], lang)] if same else []
    if result.provenance and result.provenance.model:
        parts.append(result.provenance.model)
    return DOT.join(parts)


def caption(result: Result, lang: str = "en", cmap: str | None = None) -> str:
    """How numbers became this picture: limits, clipping, reduction, size of the map."""
    parts = [*_colours(result), *(_shape(result) if isinstance(result, Attribution) else [])]
    if cmap:
        parts.append(message("caption.jet", cmap=cmap))
    if result.provenance and result.provenance.unseen:
        parts.append(message("caption.unseen", parts=", ".join(result.provenance.unseen)))
    stop, end = ("；", "。") if lang == "zh" else ("; ", ".")
    return stop.join(say(part, lang) for part in parts) + end if parts else ""


def source(result: Result) -> str:
    """Method, paper and versions, the same in every language."""
    made = result.provenance
    if made is None:
        return ""
    parts = [made.method, made.words.paper if made.words else ""]
    parts += [f"{name} {version}" for name, version in made.versions.items() if name in ("pellucid", "torch")]
    return DOT.join(part for part in parts if part)


def scope(scale: Scale) -> Text:
    """What shares the limits of this scale."""
    return message(f"scope.{scale.scope}")


def sizes(shape: tuple[int, ...]) -> str:
    """`7×7`."""
    return "×".join(map(str, shape))


def _colours(result: Result) -> list[Text]:
    scale = result.scale
    if isinstance(result, Attribution) and result.base is not None and result.base.kind == "features":
        return [message("caption.bars")] if result.heat_signed else []
    if scale is None:
        return [message("caption.colour")] if isinstance(result, Gallery) and result.images else []
    if scale.scope == "image":
        return [message("caption.own_signed" if scale.centre is not None else "caption.own")]
    limits = {"low": spell.number(scale.low), "high": spell.number(scale.high)}
    if scale.centre is None:
        parts = [message("caption.unsigned", **limits)]
    else:
        speaks = isinstance(result, Attribution) and result.explains
        parts = [message("caption.signed" if speaks else "caption.signed_neutral", **limits)]
    if scale.clipped is not None:
        parts.append(message("caption.clipped", percentile=spell.number(scale.clipped)))
    return parts


def _shape(result: Attribution) -> list[Text]:
    parts: list[Text] = []
    base = result.base
    if result.reduction != "none":
        axis = message("axis.feature" if base is not None and base.kind == "tokens" else "axis.channel")
        parts.append(message(f"caption.{result.reduction}", axis=axis))
    if base is None or base.kind in ("tokens", "features", "array") or not base.grid:
        return parts
    map_size = reduce(result).shape[1:]
    if len(map_size) != len(base.grid):
        return parts
    factors = {goal / size for goal, size in zip(base.grid, map_size, strict=True)}
    words = {"size": sizes(map_size), "goal": sizes(base.grid)}
    if map_size != base.grid:
        one = len(factors) == 1 and next(iter(factors)) > 1
        parts.append(
            message("caption.enlarged", factor=spell.number(next(iter(factors))), **words)
            if one
            else message("caption.resampled", **words)
        )
    if base.stretched:
        parts.append(message("caption.stretched"))
    return parts
