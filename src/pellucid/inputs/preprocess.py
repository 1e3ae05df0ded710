"""From a picture to the tensor that a network takes, and back again for drawing."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pellucid.core.errors import BadInput, BadSetting, nearest_names, quoted
from pellucid.core.text import Text

Interpolation = Literal["bicubic", "bilinear", "nearest", "lanczos"]
_INTERPOLATIONS = ("bicubic", "bilinear", "nearest", "lanczos")


@dataclass(frozen=True)
class Preprocess:
    """Resize, crop, scale to `range`, subtract `mean`, divide by `std`.

    Args:
        mean, std: one number per channel, or one for all.
        size: side of the square, or (height, width), that the network sees; None leaves the picture's own size.
        resize: the shorter side before cropping; None stands for `size`.
        crop: "center" keeps the proportions and cuts the middle out; "squash" brings both sides to `resize` first.
        interpolation: how pixels are made when resizing.
        range: what black and white become before `mean` and `std`.
        channels: 3 for colour, 1 for gray.
        by: makes the tensor instead of all that; then only the way back follows these numbers.
        invertible: whether the way back is known.
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    size: int | tuple[int, int] | None = None
    resize: int | None = None
    crop: Literal["center", "squash"] = "center"
    interpolation: Interpolation = "bicubic"
    range: tuple[float, float] = (0.0, 1.0)
    channels: int = 3
    by: Callable[[Image.Image], Any] | None = field(default=None, repr=False)
    invertible: bool = True

    def __post_init__(self) -> None:
        for name in ("mean", "std", "range"):
            object.__setattr__(self, name, tuple(np.atleast_1d(np.asarray(getattr(self, name), np.float64)).tolist()))
        if isinstance(self.size, list):
            object.__setattr__(self, "size", tuple(self.size))
        self._check()

    def __call__(self, picture: Image.Image) -> Tensor:
        """The tensor `(1, channel, height, width)` of one picture, float32."""
        if self.by is not None:
            return _one_example(self.by(picture))
        pixels = np.array(self.fitted(picture))
        x = torch.from_numpy(pixels.reshape(*pixels.shape[:2], self.channels)).permute(2, 0, 1).contiguous() / 255
        low, high = self.range
        mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (self.mean, self.std))
        return ((x * (high - low) + low - mean) / std)[None]

    def fitted(self, picture: Image.Image) -> Image.Image:
        """The part of the picture that the network sees, at the size in which it sees it."""
        picture = picture.convert("L" if self.channels == 1 else "RGB")
        if self.size is None:
            return picture
        height, width = (self.size, self.size) if isinstance(self.size, int) else self.size
        picture = self._resized(picture, height, width)
        left, top = round((picture.width - width) / 2), round((picture.height - height) / 2)
        return picture.crop((left, top, left + width, top + height))

    def inverse(self, x: Tensor) -> np.ndarray:
        """The pictures of a batch `(batch, channel, height, width)`, as `(batch, height, width, 3)` in 0..1."""
        pixels = x.detach().to("cpu", torch.float64).permute(0, 2, 3, 1).numpy()
        low, high = self.range
        pixels = (pixels * self.std + self.mean - low) / (high - low)
        return np.broadcast_to(pixels.clip(0, 1), (*pixels.shape[:3], 3)).astype(np.float32)

    @property
    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The least and the greatest value that each channel of its tensors can have."""
        low, high = ((np.array(self.range)[:, None] - self.mean) / self.std).tolist()
        return tuple(low), tuple(high)

    @classmethod
    def of(cls, given: Any) -> "Preprocess":
        """What the caller means: see `preprocess_of`."""
        return preprocess_of(given)

    def _resized(self, picture: Image.Image, height: int, width: int) -> Image.Image:
        how = Image.Resampling[self.interpolation.upper()]
        short = self.resize or min(height, width)
        if self.crop == "squash":
            scale = short / min(height, width)
            return picture.resize((round(width * scale), round(height * scale)), how)
        if picture.width <= picture.height:
            target = (short, int(short * picture.height / picture.width))
        else:
            target = (int(short * picture.width / picture.height), short)
        if target[0] < width or target[1] < height:
            scale = max(width / picture.width, height / picture.height)
            target = (max(width, round(picture.width * scale)), max(height, round(picture.height * scale)))
        return picture.resize(target, how)

    def _check(self) -> None:
        if self.channels not in (1, 3):
            raise BadSetting(
                Text(
                    f"Preprocess takes channels=1 or 3, not {self.channels}.",
                    f"Preprocess 的 channels 为 1 或 3，而不是 {self.channels}。",
                )
            )
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if len(numbers) not in (1, self.channels) or not all(map(math.isfinite, numbers)):
                raise BadSetting(
                    Text(
                        f"Preprocess takes 1 or {self.channels} finite numbers as {name}, not {numbers}.",
                        f"Preprocess 的 {name} 应为 1 个或 {self.channels} 个有限的数，而不是 {numbers}。",
                    )
                )
        if min(map(abs, self.std)) == 0:
            raise BadSetting(Text("Preprocess cannot divide by std=0.", "Preprocess 不能除以 std=0。"))
        if len(self.range) != 2 or self.range[0] >= self.range[1]:
            raise BadSetting(
                Text(
                    f"Preprocess takes range=(black, white) with black < white, not {self.range}.",
                    f"Preprocess 的 range=(黑, 白) 要求黑 < 白，而不是 {self.range}。",
                )
            )
        if self.crop not in ("center", "squash"):
            raise BadSetting(
                Text(
                    f"Preprocess takes crop='center' or 'squash', not {self.crop!r}.",
                    f"Preprocess 的 crop 为 'center' 或 'squash'，而不是 {self.crop!r}。",
                )
            )
        if self.interpolation not in _INTERPOLATIONS:
            raise BadSetting(
                Text(
                    f"Preprocess has no interpolation {self.interpolation!r}.",
                    f"Preprocess 没有插值方式 {self.interpolation!r}。",
                ),
                nearest=quoted(_INTERPOLATIONS),
            )
        self._check_size()

    def _check_size(self) -> None:
        sides = (self.size,) if isinstance(self.size, int) else self.size or ()
        if any(side < 1 for side in sides) or (self.resize is not None and (not sides or self.resize < min(sides))):
            raise BadSetting(
                Text(
                    f"Preprocess cannot cut size={self.size} out of a picture resized to {self.resize}.",
                    f"Preprocess 无法从缩放到 {self.resize} 的图片中裁出 size={self.size}。",
                ),
                hint=Text(
                    "resize is the shorter side before the crop, at least as large as size",
                    "resize 是裁剪前的短边，至少与 size 一样大",
                ),
            )


PRESETS = {
    "imagenet": Preprocess(
        (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), size=224, resize=256, interpolation="bilinear"
    ),
    "efficientnet_lite": Preprocess((127.0,), (128.0,), size=224, resize=256, range=(0.0, 255.0)),
    "cifar10": Preprocess((0.5,), (0.5,), size=32, interpolation="bilinear"),
}


def preprocess_of(given: Any) -> Preprocess:
    """The `Preprocess` that the caller means.

    Args:
        given: a `Preprocess`, the name of a preset, torchvision weights or their `transforms()`, a data config of timm,
            or a callable from a PIL picture to a tensor. Of a callable the way back is known where it is a
            `Compose` that ends in `ToTensor` or `ToTensor, Normalize`.
    Raises:
        BadSetting: it is none of these.
    """
    if isinstance(given, Preprocess):
        return given
    if isinstance(given, str):
        if given not in PRESETS:
            raise BadSetting(
                Text(f"There is no preprocessing named '{given}'.", f"没有名为 '{given}' 的预处理。"),
                nearest=quoted(nearest_names(given, PRESETS)),
                hint=Text(
                    "pl.Preprocess(mean=…, std=…, size=…) states your own",
                    "pl.Preprocess(mean=…, std=…, size=…) 可自行声明",
                ),
            )
        return PRESETS[given]
    if isinstance(given, Mapping):
        return _of_timm(given)
    if hasattr(given, "transforms") and hasattr(given, "meta"):
        given = given.transforms()
    if all(hasattr(given, name) for name in ("crop_size", "resize_size", "mean", "std", "interpolation")):
        return Preprocess(
            tuple(given.mean),
            tuple(given.std),
            size=_side(given.crop_size),
            resize=_shorter(given.resize_size),
            interpolation=given.interpolation.value,
        )
    if callable(given):
        return _of_callable(given)
    raise BadSetting(
        Text(
            f"preprocess={given!r} is not a way from a picture to a tensor.",
            f"preprocess={given!r} 不是由图片得到张量的方法。",
        ),
        hint=Text(
            "give a preset's name, a Preprocess, torchvision transforms, a timm data config or a callable",
            "请给出预设的名称、Preprocess、torchvision transforms、timm 数据配置或可调用对象",
        ),
    )


def misfit(x: Tensor, preprocess: Preprocess) -> Text | None:
    """What in the values of `x` does not fit the preprocessing that was stated for the model, or None.

    It can only tell what no picture could give: values outside the range, or inside 0..1 or 0..255 as files hold them.
    """
    if not preprocess.invertible or x.ndim != 4 or x.shape[1] != preprocess.channels or x.is_meta:
        return None
    values = x.detach().to(torch.float32)
    low, high = values.amin((0, 2, 3)).cpu().numpy(), values.amax((0, 2, 3)).cpu().numpy()
    least, most = (np.array(limit) for limit in preprocess.limits)
    slack = 0.02 * (most - least)
    outside = bool((low < least - slack).any() or (high > most + slack).any())
    if outside and low.min() >= 0 and 20 < high.max() <= 255:
        return _looks_like("0..255", low.min(), high.max(), least, most)
    if 0 <= low.min() < high.max() <= 1 and least.max() < -0.2 and _as_in_files(values, preprocess):
        return _looks_like("0..1", low.min(), high.max(), least, most)
    if not outside:
        return None
    given, possible = f"{low.min():.3g}..{high.max():.3g}", f"{least.min():.3g}..{most.max():.3g}"
    return Text(
        f"The input has values {given}; the stated preprocessing makes only {possible}.",
        f"输入的取值为 {given}，而所声明的预处理只会产生 {possible}。",
    )


def _as_in_files(values: Tensor, preprocess: Preprocess) -> bool:
    """Whether values in 0..1 are shares of 255, or spread widely, and are not what the preprocessing makes of bytes."""
    if _on_grid(preprocess.inverse(values) * np.float32(255)):
        return False
    return _on_grid(values.cpu().numpy() * np.float32(255)) or float(values.max() - values.min()) > 0.6


def _on_grid(levels: np.ndarray) -> bool:
    return bool(np.abs(levels - np.rint(levels)).max() < 1e-2)


def _looks_like(scale: str, low: float, high: float, least: np.ndarray, most: np.ndarray) -> Text:
    possible = f"{least.min():.3g}..{most.max():.3g}"
    return Text(
        f"The input looks like pixels in {scale} ({low:.3g}..{high:.3g}) that were not normalised: the stated "
        f"preprocessing makes {possible}.",
        f"输入看起来是未经归一化的 {scale} 像素值（{low:.3g}..{high:.3g}）：所声明的预处理会产生 {possible}。",
    )


def _of_timm(config: Mapping[str, Any]) -> Preprocess:
    missing = [key for key in ("mean", "std", "input_size") if key not in config]
    mode = config.get("crop_mode") or "center"
    if missing or mode not in ("center", "squash"):
        what = f"lacks {quoted(missing)}" if missing else f"has crop_mode '{mode}', which is not known here"
        raise BadSetting(
            f"The preprocessing as a dict {what}.",
            hint="a timm data config has mean, std, input_size, crop_pct, interpolation",
        )
    channels, height, width = config["input_size"]
    short = math.floor(min(height, width) / (config.get("crop_pct") or 1.0))
    size = height if height == width else (height, width)
    return Preprocess(
        tuple(config["mean"]),
        tuple(config["std"]),
        size=size,
        resize=short,
        crop=mode,
        channels=channels,
        interpolation=config.get("interpolation") or "bilinear",
    )


def _of_callable(given: Callable[[Image.Image], Any]) -> Preprocess:
    steps = list(getattr(given, "transforms", [given]))
    names = [type(step).__name__ for step in steps]
    scaled = bool({"ToTensor", "MaybeToTensor", "ObjectDetection", "SemanticSegmentation"} & set(names))
    if scaled and hasattr(steps[-1], "mean") and hasattr(steps[-1], "std"):
        mean, std = (tuple(np.asarray(numbers, np.float64).tolist()) for numbers in (steps[-1].mean, steps[-1].std))
        return Preprocess(mean, std, channels=len(mean) if len(mean) in (1, 3) else 3, by=given)
    return Preprocess(by=given, invertible=scaled and not names[-1].startswith("Random"))


def _side(size: Any) -> Any:
    sizes = [size] if isinstance(size, int) else list(size)
    return sizes[0] if len(set(sizes)) == 1 else tuple(sizes)


def _shorter(size: Any) -> int:
    return size if isinstance(size, int) else min(size)


def _one_example(made: Any) -> Tensor:
    if isinstance(made, np.ndarray):
        made = torch.from_numpy(np.array(made))
    if not isinstance(made, Tensor):
        raise BadInput(
            Text(
                f"preprocess gave {type(made).__name__}, not a tensor.",
                f"preprocess 给出的是 {type(made).__name__}，而不是张量。",
            ),
            hint=Text("end it with ToTensor()", "请以 ToTensor() 结尾"),
        )
    made = made.as_subclass(Tensor)
    if made.ndim == 3:
        made = made[None]
    if made.ndim != 4 or made.shape[0] != 1:
        raise BadInput(
            Text(
                f"preprocess gave a tensor of shape {tuple(made.shape)}; one picture is (channel, height, width).",
                f"preprocess 给出形状为 {tuple(made.shape)} 的张量；一张图片应为 (channel, height, width)。",
            )
        )
    return made
