"""What an attribution to an input is drawn on."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.core.errors import BadInput
from pellucid.core.text import Text
from pellucid.inputs.preprocess import Preprocess
from pellucid.inputs.text import token_names
from pellucid.results.array import as_array
from pellucid.results.base import Base, BaseKind

_KIND: dict[int, BaseKind] = {2: "features", 3: "series", 5: "volume"}


def base_of(
    x: Tensor, *, preprocess: Preprocess | None = None, tokenizer: Any = None, features: Sequence[str] | None = None
) -> tuple[Base, tuple[Text, ...]]:
    """The base of one input, told by its shape and type.

    `(batch, 1 or 3, height, width)` is an image; floats `(batch, feature)` are features, `(batch, channel, time)` a
    series, five axes a volume; integers `(batch, token)` are tokens; anything else is an array.

    Args:
        x: the input as the model takes it.
        preprocess: brings an image back to 0..1; without a known way back its own extremes are black and white.
        features: names of the features, or of the channels of a series.
    Raises:
        BadInput: there are not as many names as features.
    """
    if x.is_meta:
        return Base("array"), ()
    if not x.is_floating_point() and not x.is_complex() and x.ndim <= 2:
        return Base("tokens", names=token_names(x, tokenizer)), ()
    if x.ndim == 4 and x.shape[1] in (1, 3) and not x.is_complex():
        return _image(x, preprocess)
    return Base(_KIND.get(x.ndim, "array"), as_array(x), _names(x, features)), ()


def _names(x: Tensor, features: Sequence[str] | None) -> tuple[tuple[str, ...], ...]:
    if features is None or x.ndim not in (2, 3):
        return ()
    if len(features) != x.shape[1]:
        if x.ndim == 3:
            return ()
        raise BadInput(
            Text(
                f"There are {len(features)} names for {x.shape[1]} features.",
                f"特征有 {x.shape[1]} 个，名称却有 {len(features)} 个。",
            ),
            hint=Text("features= names each once, in order", "features= 按顺序为每个特征命名"),
        )
    return (tuple(str(name) for name in features),)


def _image(x: Tensor, preprocess: Preprocess | None) -> tuple[Base, tuple[Text, ...]]:
    if x.dtype == torch.uint8:
        return Base("image", _three(x.detach().cpu().permute(0, 2, 3, 1).numpy() / np.float32(255))), ()
    if preprocess is not None and preprocess.invertible and len(preprocess.mean) in (1, x.shape[1]):
        return Base("image", preprocess.inverse(x)), ()
    values = x.detach().to("cpu", torch.float32).permute(0, 2, 3, 1).numpy()
    low, high = values.min((1, 2, 3), keepdims=True), values.max((1, 2, 3), keepdims=True)
    flat = high <= low
    stretched = np.where(flat, np.float32(0.5), (values - low) / np.where(flat, 1, high - low))
    return Base("image", _three(stretched), stretched=True), ()


def _three(pixels: np.ndarray) -> np.ndarray:
    return np.broadcast_to(pixels, (*pixels.shape[:3], 3)).astype(np.float32)
