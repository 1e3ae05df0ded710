"""`noise:N`: white Gaussian samples of the shape that the model takes, each a function of its number alone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from pellucid.core.errors import BadInput, BadSetting
from pellucid.core.text import Text
from pellucid.inputs.data.data import Data, Sample
from pellucid.inputs.data.preparation import NotStated
from pellucid.inputs.preprocess import Preprocess

_MOST = 2**32 - 1
_SHAPE = re.compile(r"\d+(x\d+)*")
_TRIED = ((320, 320), (384, 352))  # two pictures that a preprocessing with a size of its own brings to one shape
_HINT = "noise:4096#3x224x224, in the axes of the model without that of the batch"
_NOTE = Text(
    "The samples are white noise in the units of the model's own input, without its preprocessing.",
    "样本为白噪声，以模型自身的输入单位直接给出，不经预处理。",
    aside=True,
)


@dataclass(frozen=True, eq=False)
class Noise:
    """Independent normal numbers of mean zero.

    Args:
        count: how many samples.
        shape: of one, without the batch; None until a model states it.
        white: their standard deviation, in units of the model's input.
        seed: of all of them.
    """

    count: int
    shape: tuple[int, ...] | None = None
    white: float = 1.0
    seed: int = 0
    classes: tuple[str, ...] = ()
    notes: tuple[Text, ...] = (_NOTE,)
    most_threads: int = 64
    covers: str = "content"

    def __len__(self) -> int:
        return self.count

    def name(self, ordinal: int) -> str:
        """Its number."""
        return f"noise {ordinal}"

    def label(self, ordinal: int) -> int | None:  # noqa: ARG002
        """None: noise has no classes."""
        return None

    def take(self, ordinal: int) -> Sample:
        """One sample, float32.

        Raises:
            NotStated: nobody has stated the shape.
        """
        if self.shape is None:
            raise NotStated("Noise needs the shape of what the model takes, and nothing states it.", hint=_HINT)
        numbers = np.random.default_rng((self.seed, ordinal)).standard_normal(self.shape, np.float32)
        return Sample(numbers * np.float32(self.white))

    def identity(self, content: bool) -> Iterator[str]:  # noqa: ARG002
        """Everything that the numbers depend on."""
        yield f"{self.shape} {self.white!r} {self.seed}"


def open_noise(count: str, part: str | None) -> Noise:
    """Noise by its words.

    Args:
        count: of samples.
        part: the shape, `sd=` and `seed=`, in any order, between commas: `3x224x224,sd=0.5,seed=1`.
    Raises:
        BadInput: they are not that.
    """
    if not count.isdecimal() or not 0 < int(count) <= _MOST:
        raise BadInput(
            Text(
                f"'noise:{count}' needs a number of samples: '{count}' is no whole number from 1 to {_MOST:,}.",
                f"'noise:{count}' 需要样本数：'{count}' 不是 1 至 {_MOST:,} 的整数。",
            ),
            hint="noise:4096",
        )
    made = Noise(int(count))
    for words in (part or "").split(",") if part else ():
        name, equals, value = words.strip().partition("=")
        try:
            if not equals and _SHAPE.fullmatch(name) and min(sides := tuple(map(int, name.split("x")))) > 0:
                made = replace(made, shape=sides)
            elif name == "sd" and 0 < float(value) < float("inf"):
                made = replace(made, white=float(value))
            elif name == "seed" and int(value) >= 0:
                made = replace(made, seed=int(value))
            else:
                raise ValueError
        except ValueError as error:
            raise BadInput(
                Text(f"'{words}' says nothing of noise.", f"'{words}' 没有说明噪声。"),
                hint=Text(
                    "a shape, sd=, seed=: noise:4096#3x224x224,sd=0.5,seed=1",
                    "形状、sd=、seed=：noise:4096#3x224x224,sd=0.5,seed=1",
                ),
            ) from error
    return made


def shaped(data: Data, preprocess: Preprocess | None) -> Data:
    """Noise of the shape that the preprocessing of a model makes; any other data set as it is.

    Raises:
        NotStated: there is no preprocessing, or it leaves pictures at their own size.
    """
    if not isinstance(data.reader, Noise) or data.reader.shape is not None:
        return data
    if preprocess is None:
        raise NotStated("Noise needs the shape of what the model takes, and nothing states it.", hint=_HINT)
    try:
        first, second = (tuple(preprocess(Image.new("RGB", size))[0].shape) for size in _TRIED)
    except (BadInput, BadSetting) as error:
        raise NotStated(
            f"Noise needs a shape, and the preprocessing does not tell it: {error.what}", hint=_HINT
        ) from error
    if first != second:
        raise NotStated("Noise needs a shape, and the model's own pictures keep theirs.", hint=_HINT)
    return replace(data, reader=replace(data.reader, shape=first))
