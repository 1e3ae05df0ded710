"""Pictures and the texts that they are compared with, in one call of models as CLIP."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pellucid.core.errors import BadInput
from pellucid.core.text import Text
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.taken import PICTURES, TEXTS, compares, owner_of

_CHINESE = {"text": "文本", "picture": "图片"}


def paired(inputs: Inputs, texts: Sequence[str]) -> Inputs:
    """Every picture is an example; the texts belong to all of them, and each is a class of the answer.

    Args:
        texts: as they were given; they name the classes.
    """
    shared = frozenset(name for name, value in inputs.tensors.items() if not value.is_floating_point())
    kwargs = dict(sorted(inputs.kwargs.items(), key=lambda pair: pair[0] != PICTURES))
    return replace(inputs, kwargs=kwargs, shared=shared, labels=tuple(texts))


def refuse_one_side(kwargs: Mapping[str, Any], accepts: Callable[..., Any] | None) -> None:
    """Refuse a text without a picture, or a picture without a text.

    Raises:
        BadInput: one of them is missing.
    """
    sides = [name for name in (TEXTS, PICTURES) if name in kwargs]
    if len(sides) == 1 and compares(accepts):
        given, lacking = ("text", "picture") if sides == [TEXTS] else ("picture", "text")
        model = type(owner_of(accepts)).__name__
        raise BadInput(
            Text(
                f"{model} compares pictures with texts; only a {given} was given, no {lacking}.",
                f"{model} 比较图片与文本；这里只给了{_CHINESE[given]}，没有{_CHINESE[lacking]}。",
            ),
            hint=Text(
                'x = {"input_ids": ["a cat", "a dog"], "pixel_values": picture}: each text is a class',
                'x = {"input_ids": ["a cat", "a dog"], "pixel_values": picture}：每段文本是一个类别',
            ),
        )
