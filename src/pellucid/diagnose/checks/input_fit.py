"""Input fit: examples that the stated preprocessing cannot have made."""

import numpy as np
from torch import Tensor

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, DoesNotApply, check
from pellucid.diagnose.finding import Noticed
from pellucid.engine.passes import Pass
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.preprocess import PRESETS, Preprocess, misfit
from pellucid.results.table import Table

GRID, FEWEST = 0.02, 24  # in levels of a byte; levels that tell a scale
OTHERS = {
    "pixels in 0..1, not normalised": Text("pixels in 0..1, not normalised", "未归一化的 0..1 像素值"),
    "pixels in 0..255, not normalised": Text("pixels in 0..255, not normalised", "未归一化的 0..255 像素值"),
    "mean 0.5, std 0.5": Text("normalised with mean 0.5 and std 0.5", "以均值 0.5、标准差 0.5 归一化"),
    "imagenet": Text("normalised as for ImageNet", "按 ImageNet 归一化"),
    "swapped": Text("normalised with mean and std swapped", "均值与标准差互换后归一化"),
}
_COLUMNS = {
    "channel": Text("channel", "通道"),
    "low": Text("smallest", "最小值"),
    "high": Text("largest", "最大值"),
    "mean": Text("mean", "均值"),
    "std": Text("standard deviation", "标准差"),
    "least": Text("stated: least possible", "所声明：可能最小值"),
    "most": Text("stated: greatest possible", "所声明：可能最大值"),
}


@check(
    title=Text("Input does not fit the stated preprocessing", "输入与所声明的预处理不符"),
    why=Text(
        "The network answers something even so, and answers worse; nothing fails.",
        "网络照样给出答案，只是更差；不会有任何报错。",
    ),
    advice=Text(
        "Prepare examples as stated. The order of channels (RGB or BGR) cannot be told from values.",
        "用所声明的预处理准备样本。通道顺序（RGB 或 BGR）无法从数值判断。",
    ),
    rank=5,
)
def input_fit(x: Inputs, preprocess: Preprocess) -> Checking:
    """Range, and whether some other way from bytes gives exactly these values."""
    (value,) = (x.tensors[name] for name in x.explained[:1])
    if value.ndim != 4 or value.shape[1] != preprocess.channels or not preprocess.invertible:
        raise DoesNotApply(Text("the stated preprocessing tells nothing of this input", "所声明的预处理与这类输入无关"))
    yield from Pass(x)
    fits = _from_bytes(value, preprocess)
    wrong = None if fits else misfit(value, preprocess)
    other = None if fits else _made_by(value, preprocess)
    steps = None if fits else _steps(value)
    if wrong is None and other is None and steps is None:
        return []
    said = [wrong] if wrong is not None else []
    if other is None and steps is not None and wrong is None:
        said.append(_of_steps(steps, preprocess))
    if other is not None:
        name = OTHERS[other]
        said.append(Text(f"The values are those of bytes {name.en}.", f"这些数值恰是字节像素经“{name.zh}”所得。"))
    words = Text(" ".join(one.en for one in said), "".join(one.say("zh") for one in said))
    return [Noticed("high", "input", words, _table(value, preprocess))]


def _from_bytes(value: Tensor, preprocess: Preprocess) -> bool:
    """Whether the way back leads to whole bytes."""
    low, high = preprocess.range
    return _whole(value, np.array(preprocess.mean), np.array(preprocess.std), low, high)


def _made_by(value: Tensor, preprocess: Preprocess) -> str | None:
    """Which other way from bytes gives exactly these values, where exactly one kind does."""
    usual = PRESETS["imagenet"]
    one, zero, half = np.ones(1), np.zeros(1), np.full(1, 0.5)
    mean, std = np.array(preprocess.mean), np.array(preprocess.std)
    ways = {
        "pixels in 0..255, not normalised": (zero, one, 0.0, 255.0),
        "pixels in 0..1, not normalised": (zero, one, 0.0, 1.0),
        "mean 0.5, std 0.5": (half, half, 0.0, 1.0),
        "imagenet": (np.array(usual.mean), np.array(usual.std), 0.0, 1.0),
        "swapped": (std, mean, *preprocess.range),
    }
    if value.shape[1] != 3:
        del ways["imagenet"]
    if not (mean > 0).all():
        del ways["swapped"]
    return next((name for name, way in ways.items() if _whole(value, *way)), None)


def _whole(value: Tensor, mean: np.ndarray, std: np.ndarray, low: float, high: float) -> bool:
    """Whether these numbers lead back to whole bytes that are more than one level."""
    pixels = value.detach().to("cpu").double().numpy()
    levels = (pixels * std.reshape(-1, 1, 1) + mean.reshape(-1, 1, 1) - low) / (high - low) * 255
    nearest = np.rint(levels)
    if nearest.min() < 0 or nearest.max() > 255 or np.ptp(nearest) < 2:
        return False
    return bool(np.abs(levels - nearest).max() < GRID)


def _steps(value: Tensor) -> list[float] | None:
    """The step between the levels of every channel, where all values are whole numbers of it: pictures of bytes."""
    found: list[float] = []
    for channel in value.detach().to("cpu").double().transpose(0, 1).flatten(1).numpy():
        levels = np.unique(np.round(channel, 5))
        if not FEWEST <= len(levels) <= 256:
            return None
        step = float(np.diff(levels).min())
        numbers = (levels - levels[0]) / step
        step = float(np.ptp(levels) / np.rint(numbers[-1]))
        numbers = (levels - levels[0]) / step
        if numbers[-1] > 255.5 or np.abs(numbers - np.rint(numbers)).max() > 5 * GRID:
            return None
        found.append(step)
    return found


def _of_steps(steps: list[float], preprocess: Preprocess) -> Text:
    span = preprocess.range[1] - preprocess.range[0]
    given = ", ".join(f"{span / 255 / step:.3g}" for step in steps)
    stated = ", ".join(f"{one:.3g}" for one in preprocess.std)
    return Text(
        f"The values are bytes that were divided by std {given}, or shifted by another mean; stated is std {stated}.",
        f"这些数值是字节像素除以标准差 {given}（或减去了别的均值）所得，而声明的标准差为 {stated}。",
    )


def _table(value: Tensor, preprocess: Preprocess) -> Table:
    wide = value.detach().double().cpu().transpose(0, 1).flatten(1).numpy()
    least, most = (np.broadcast_to(one, len(wide)) for one in preprocess.limits)
    rows = tuple(
        {
            "channel": i,
            "low": float(one.min()),
            "high": float(one.max()),
            "mean": float(one.mean()),
            "std": float(one.std()),
            "least": float(least[i]),
            "most": float(most[i]),
        }
        for i, one in enumerate(wide)
    )
    return Table(rows=rows, columns=_COLUMNS)
