"""What stands after `--target`, as the library takes it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core.errors import BadInput, BadRequest
from pellucid.engine.areas import box, region
from pellucid.engine.similarity import similarity
from pellucid.engine.targets import contrast, rival, targets
from pellucid.engine.units import unit
from pellucid.inputs.image import as_file, open_image


def target_of(asked: Sequence[str], labels: Sequence[str] = ()) -> Any:
    """What `--target` stands for: None, one target, or several.

    | typed | means |
    |---|---|
    | `281`, `tabby` | a class |
    | `A>B` | why A rather than B |
    | `3,17` | an index into several axes |
    | `rival` | the best class but for the predicted one |
    | `like:cat.jpg` | similarity to a picture, of networks that give an embedding |
    | `box:10,20,90,80`, `box:10,20,90,80=dog` | what is in a box (and of a class) |
    | `mask:dog.png`, `mask:dog.png=dog` | a class, summed over a mask |
    | `unit:layer4,17` | a channel of a layer where it is strongest |

    Args:
        asked: each as above.
        labels: class names; a name that is among them is never read as anything else.
    Raises:
        BadRequest: words that mean nothing.
    """
    each = [_target(one.strip(), labels) for one in asked]
    return None if not each else each[0] if len(each) == 1 else targets(*each)


def _target(words: str, labels: Sequence[str]) -> Any:
    if not words:
        raise BadRequest("A target is empty.", hint="--target 281, or --target 'tabby'")
    if words.lower() in {one.lower() for one in labels}:
        return words
    first, rather, second = words.partition(">")
    if rather:
        return contrast(_target(first.strip(), labels), _target(second.strip(), labels))
    if words.lower() == "rival":
        return rival()
    kind, colon, rest = words.partition(":")
    if colon and kind in _KINDS:
        return _KINDS[kind](rest.strip(), labels)
    try:
        numbers = tuple(int(part) for part in words.split(","))
    except ValueError:
        return words
    return numbers[0] if len(numbers) == 1 else numbers


def _like(words: str, _: Sequence[str]) -> Any:
    return similarity(as_file(Path(words)))


def _box(words: str, labels: Sequence[str]) -> Any:
    corners, _, name = words.partition("=")
    try:
        left, upper, right, lower = (float(part) for part in corners.split(","))
    except ValueError:
        raise BadRequest(
            f"'box:{words}' is not a box.",
            hint="--target box:LEFT,UPPER,RIGHT,LOWER, and =CLASS for a class of it",
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
        raise BadInput(f"'{path}' is not an array that can be read: {error}") from error


def _named(words: str, labels: Sequence[str]) -> Any:
    return _target(words.strip(), labels) if words.strip() else None


def _unit(words: str, _: Sequence[str]) -> Any:
    layer, comma, channel = words.rpartition(",")
    if not comma or not channel.strip().lstrip("-").isdigit():
        raise BadRequest(f"'unit:{words}' is not a unit.", hint="--target unit:LAYER,CHANNEL, as unit:layer4,17")
    return unit(layer.strip(), int(channel))


_KINDS: dict[str, Callable[[str, Sequence[str]], Any]] = {"like": _like, "box": _box, "mask": _mask, "unit": _unit}
