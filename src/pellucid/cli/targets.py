"""What stands after `--target`, as the library takes it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core.errors import BadInput, BadRequest, BadTarget
from pellucid.core.text import Text
from pellucid.engine.targets.areas import box, region
from pellucid.engine.targets.similarity import similarity
from pellucid.engine.targets.target import contrast, rival, targets
from pellucid.engine.targets.tokens import continuation, generated, token
from pellucid.engine.targets.units import unit
from pellucid.inputs.image import as_file, open_image


def target_of(asked: Sequence[str], labels: Sequence[str] = (), *, text: bool = False) -> Any:
    """What `--target` stands for: None, one target, or several.

    | typed | means |
    |---|---|
    | `281`, `tabby` | a class |
    | `A>B` | why A rather than B |
    | `3,17` | an index into several axes |
    | `rival` | the best class but for the predicted one |
    | `like:cat.jpg`, `like:a text` | similarity to a picture or text, of networks that give an embedding |
    | `" Paris"`, `token: Paris@3` | a token, at the last position or another, of models on text |
    | `continuation: a b` | words that stand in the text, given what is before them |
    | `generated:5`, `generated: a b` | each token of what the model writes behind the text, or of these words |
    | `box:10,20,90,80`, `box:10,20,90,80=dog` | what is in a box (and of a class) |
    | `mask:dog.png`, `mask:dog.png=dog` | a class, summed over a mask |
    | `unit:layer4,17` | a channel of a layer where it is strongest |

    Args:
        asked: each as above.
        labels: class names; a name that is among them is never read as anything else.
        text: whether the model reads text; then spaces count.
    Raises:
        BadRequest: words that mean nothing.
    """
    each = [_target(one, labels, text=text) for one in asked]
    return None if not each else each[0] if len(each) == 1 else targets(*each)


def _target(typed: str, labels: Sequence[str], *, text: bool = False) -> Any:
    words = typed.strip()
    if not words:
        raise BadRequest(
            Text("A target is empty.", "目标是空的。"),
            hint=Text("--target 281, or --target 'tabby'", "--target 281，或 --target 'tabby'"),
        )
    if words.lower() in {one.lower() for one in labels}:
        return words
    first, rather, second = typed.partition(">")
    if rather and first.strip():
        return contrast(_target(first, labels, text=text), _target(second, labels, text=text))
    if words.lower() == "rival":
        return rival()
    kind, colon, rest = typed.lstrip().partition(":")
    if text and colon and kind in _OF_TEXT:
        return _OF_TEXT[kind](rest)
    if colon and kind in _KINDS:
        return _KINDS[kind](rest.strip(), labels)
    try:
        numbers = tuple(int(part) for part in words.split(","))
    except ValueError:
        return typed if text else words
    return numbers[0] if len(numbers) == 1 else numbers


def _like(words: str, _: Sequence[str]) -> Any:
    return similarity(as_file(Path(words)))


def _token(words: str) -> Any:
    name, at, position = words.rpartition("@")
    if not at or not position.strip().lstrip("-").isdigit():
        return token(words)
    return token(name or None, int(position))


def _generated(words: str) -> Any:
    try:
        return generated(int(words) if words.strip().isdigit() else words)
    except BadTarget as error:
        raise BadTarget(
            error.words,
            hint=Text(
                "-t generated:5, or -t 'generated: Washington, D.C.'",
                "-t generated:5，或 -t 'generated: Washington, D.C.'",
            ),
        ) from None


def _box(words: str, labels: Sequence[str]) -> Any:
    corners, _, name = words.partition("=")
    try:
        left, upper, right, lower = (float(part) for part in corners.split(","))
    except ValueError:
        raise BadRequest(
            Text(f"'box:{words}' is not a box.", f"'box:{words}' 不是方框。"),
            hint=Text(
                "--target box:LEFT,UPPER,RIGHT,LOWER, and =CLASS for a class of it",
                "--target box:左,上,右,下；加 =类别 表示其中的某一类",
            ),
        ) from None
    return box(left, upper, right, lower, _named(name, labels))


def _mask(words: str, labels: Sequence[str]) -> Any:
    file, of, name = words.rpartition("=")
    if not of or Path(words).is_file():
        file, name = words, ""
    path = as_file(Path(file))
    if path.suffix.lower() != ".npy":
        return region(np.asarray(open_image(path)[0].convert("L")) > 127, _named(name, labels))
    try:
        return region(np.load(path, allow_pickle=False), _named(name, labels))
    except (ValueError, OSError, EOFError) as error:
        raise BadInput(
            Text(f"'{path}' is not an array that can be read: {error}", f"'{path}' 不是可读取的数组：{error}")
        ) from error


def _named(words: str, labels: Sequence[str]) -> Any:
    return _target(words.strip(), labels) if words.strip() else None


def _unit(words: str, _: Sequence[str]) -> Any:
    layer, comma, channel = words.rpartition(",")
    if not comma or not channel.strip().lstrip("-").isdigit():
        raise BadRequest(
            Text(f"'unit:{words}' is not a unit.", f"'unit:{words}' 不是单元。"),
            hint=Text("--target unit:LAYER,CHANNEL, as unit:layer4,17", "--target unit:层,通道，如 unit:layer4,17"),
        )
    return unit(layer.strip(), int(channel))


_OF_TEXT: dict[str, Callable[[str], Any]] = {
    "like": lambda words: similarity(words.strip()),
    "token": _token,
    "continuation": continuation,
    "generated": _generated,
}
_KINDS: dict[str, Callable[[str, Sequence[str]], Any]] = {"like": _like, "box": _box, "mask": _mask, "unit": _unit}
