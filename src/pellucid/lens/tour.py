"""The tour: a few pictures of every family, for whoever does not know yet what to ask."""

from typing import Any

from pellucid.registry import View, find, names

_NOT_OF_TEXT = ("weights", "gradient_maps")  # theirs is a row for each word of the vocabulary: no picture
_OF_TEXT: tuple[tuple[str, dict[str, Any]], ...] = (("occlusion", {"groups": "words"}), ("logit_lens", {}))


def tour(*, text: bool = False) -> list[View]:
    """One view of every method that says it belongs to the tour, in the order that they state.

    Args:
        text: what a text needs besides: each word left out, and what the layers of a language model would say.
    """
    specs = [find(name) for name in names()]
    stops = sorted((one for one in specs if one.tour is not None), key=lambda one: one.tour or 0)
    if not text:
        return [spec() for spec in stops]
    kept = [spec() for spec in stops if spec.name not in _NOT_OF_TEXT]
    there = {one.name for one in kept}
    return kept + [find(name)(**settings) for name, settings in _OF_TEXT if name in names() and name not in there]
