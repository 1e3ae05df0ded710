"""A part of the picture as the target: a mask or a box, on outputs with a grid and on detections."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

from pellucid.core.errors import BadTarget, NotApplicable
from pellucid.core.text import Text
from pellucid.engine.targets.aims import Labels, Resolved, class_index, summed
from pellucid.engine.targets.detections import detected, is_detections

_POOL: dict[int, Callable[..., Tensor]] = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}


@dataclass(frozen=True, eq=False)
class Region:
    """The score of a class, summed over a mask.

    Args:
        mask: `(*grid)` or `(batch, *grid)`.
        target: the class; None: the one that the clean output gives most of the mask to.
        frame: grid of the explained input, `()` where it is not known.
    """

    mask: np.ndarray
    target: Any = None
    frame: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return f"pl.region(mask{self.mask.shape}{'' if self.target is None else f', {self.target!r}'})"

    @property
    def key(self) -> Any:
        """Equal for regions that are the same."""
        return ("region", self.mask.shape, sha256(self.mask.tobytes()).hexdigest(), self.frame)

    def cut(self, block: tuple[int, int], size: int) -> "Region":
        """For some examples of a batch of `size`."""
        each = self.mask.ndim == len(self.frame) + 1 and len(self.mask) == size
        return replace(self, mask=self.mask[slice(*block)]) if each else self

    def resolve(self, output: Tensor, asked: Sequence[Any], labels: Labels) -> Resolved:
        """Fix it on the clean output; `asked` is the class of each example."""
        axis, inside = _laid(self.mask, output, self.frame)
        share = float(inside.double().mean())
        where = Text(f"inside the mask ({share:.0%} of the grid)", f"掩膜之内（占网格的 {share:.0%}）")
        return _over(output, axis, inside, asked, labels, where)


@dataclass(frozen=True)
class Box:
    """What is in a box: the detection that overlaps it best, or the score of a class summed over it.

    Args:
        corners: left, upper, right, lower, in pixels of the explained input.
        target: the class; None: that of the best detection, or the one that the clean output gives most of the box to.
        frame: height and width of the explained input, `()` where they are not known.
    """

    corners: tuple[float, float, float, float]
    target: Any = None
    frame: tuple[int, ...] = ()

    def __repr__(self) -> str:
        numbers = ", ".join(f"{one:g}" for one in self.corners)
        return f"pl.box({numbers}{'' if self.target is None else f', {self.target!r}'})"

    @property
    def key(self) -> Any:
        """Equal for boxes that are the same."""
        return ("box", self.corners, self.frame)

    def cut(self, block: tuple[int, int], size: int) -> "Box":
        """For some examples of a batch of `size`: a box is the same for all."""
        return self

    def resolve(self, output: Tensor | None, raw: Any, asked: Sequence[Any], labels: Labels) -> Resolved:
        """Fix it on the clean output; `asked` is the class of each example."""
        if is_detections(raw):
            return detected(raw, self.corners, asked, labels)
        if output is None or output.ndim != 4:
            shape = (
                Text("") if output is None else Text(f", not {tuple(output.shape)}", f"，而不是 {tuple(output.shape)}")
            )
            raise NotApplicable(
                Text(
                    f"a box needs detections (a list of dicts with boxes and scores) or an output with a grid{shape}",
                    f"方框需要检测结果（由含 boxes 与 scores 的字典组成的列表），或带网格的输出{shape.zh}",
                ),
                hint=Text("a class as target=, or a function of the output", "以类别作为 target=，或给出输出的函数"),
            )
        grid = tuple(output.shape[2:])
        inside = torch.from_numpy(self._mask(self.frame or grid, grid)).expand(len(output), *grid).to(output.device)
        words = ", ".join(f"{one:g}" for one in self.corners)
        return _over(output, 1, inside, asked, labels, Text(f"inside the box ({words})", f"方框 ({words}) 之内"))

    def _mask(self, frame: tuple[int, ...], grid: tuple[int, ...]) -> np.ndarray:
        """The cells whose middle lies in the box; the nearest one where none does."""
        left, upper, right, lower = self.corners
        if left >= frame[1] or upper >= frame[0] or right <= 0 or lower <= 0:
            raise BadTarget(
                Text(
                    f"the box {self.corners} lies outside of the input, {frame[1]} wide and {frame[0]} high",
                    f"方框 {self.corners} 在输入之外，输入宽 {frame[1]}、高 {frame[0]}",
                )
            )
        sides = []
        for low, high, size, cells in ((upper, lower, frame[0], grid[0]), (left, right, frame[1], grid[1])):
            middles = (np.arange(cells) + 0.5) * size / cells
            held = (middles >= low) & (middles < high)
            sides.append(held if held.any() else np.arange(cells) == np.abs(middles - (low + high) / 2).argmin())
        return sides[0][:, None] & sides[1][None]


def region(mask: Any, target: Any = None) -> Region:
    """Explain the score of a class, summed over a mask, for outputs with a grid (segmentation, tokens).

    Args:
        mask: true inside; `(*grid)` for all examples or `(batch, *grid)`, on the grid of the output or of the input
            (then a cell counts if at least half of it is covered).
        target: a class; None: the one that the output gives most of the mask to.
    Raises:
        BadTarget: the mask is empty, or not of zeros and ones.
    """
    if isinstance(mask, str):
        raise BadTarget(
            Text(f"region() takes the mask first, not '{mask}'", f"region() 的第一个参数是掩码，而不是 '{mask}'"),
            hint="pl.region(mask, 'sky')",
        )
    values = mask.detach().cpu().numpy() if isinstance(mask, Tensor) else np.asarray(mask)
    if values.dtype.kind not in "biuf" or (values.dtype.kind == "f" and not np.isin(values, (0, 1)).all()):
        raise BadTarget(
            Text("a mask holds true and false, or zeros and ones", "掩码只含真与假，或 0 与 1"), hint="mask > 0.5"
        )
    if values.ndim == 0 or not values.any():
        raise BadTarget(
            Text(
                f"the mask {values.shape} is empty: nothing would be summed",
                f"掩码 {values.shape} 是空的：没有可求和的内容",
            )
        )
    return Region(np.ascontiguousarray(values.astype(bool)), target)


def box(x0: float, y0: float, x1: float, y1: float, target: Any = None) -> Box:
    """Explain what is in a box, in pixels of the input as the model sees it.

    Of a detector (a list of dicts with `boxes`, `scores`, `labels`, as torchvision gives) it is the score of the
    detection that overlaps the box best, zero where none does; of an output with a grid it is the score of a class
    summed over the box.

    Args:
        x0, y0, x1, y1: left, upper, right and lower side.
        target: a class; None: that of the best detection, or the one that the output gives most of the box to.
    Raises:
        BadTarget: the box has no area.
    """
    if not (x0 < x1 and y0 < y1):
        raise BadTarget(
            Text(f"the box {(x0, y0, x1, y1)} has no area", f"方框 {(x0, y0, x1, y1)} 没有面积"),
            hint="pl.box(left, upper, right, lower)",
        )
    return Box((float(x0), float(y0), float(x1), float(y1)), target)


def _laid(mask: np.ndarray, output: Tensor, frame: tuple[int, ...]) -> tuple[int, Tensor]:
    """Which axis of the output holds the classes, and the cells inside, `(batch, *grid)`."""
    if output.ndim < 3:
        raise NotApplicable(
            Text(
                f"the output {tuple(output.shape)} has no grid to lay a mask on",
                f"输出 {tuple(output.shape)} 没有可放置掩码的网格",
            ),
            hint=Text("give a class as target=", "请用 target= 指定类别"),
        )
    grids = {1: tuple(output.shape[2:]), output.ndim - 1: tuple(output.shape[1:-1])}
    order = sorted(grids, reverse=output.ndim == 3)  # three axes are (batch, position, class) where both would fit
    batch, rank = output.shape[0], output.ndim - 2
    held = mask if mask.ndim == rank + 1 else mask[None]
    if held.ndim != rank + 1 or len(held) not in (1, batch):
        raise BadTarget(
            Text(
                f"a mask of shape {mask.shape} does not fit {batch} examples with the grid {grids[order[0]]}",
                f"形状为 {mask.shape} 的掩码与 {batch} 个样本、网格 {grids[order[0]]} 不符",
            )
        )
    fits = [axis for axis in order if grids[axis] == held.shape[1:]]
    if not fits and frame and held.shape[1:] != frame:
        raise BadTarget(
            Text(
                f"a mask of {held.shape[1:]} lies neither on the grid of the output {grids[1]} nor on "
                f"the input's {frame}",
                f"形状为 {held.shape[1:]} 的掩码既不在输出的网格 {grids[1]} 上，也不在输入的网格 {frame} 上",
            ),
            hint=Text(
                "a mask of the picture as the model sees it, after preprocessing",
                "请给出模型所见图像（预处理之后）的掩码",
            ),
        )
    axis = fits[0] if fits else 1
    inside = torch.from_numpy(held)
    if not fits:
        covered = _POOL[rank](inside.double()[:, None], grids[1])[:, 0]
        most = covered.flatten(1).amax(1).reshape(-1, *[1] * rank)
        inside = (covered >= 0.5) | ((most < 0.5) & (covered > 0))
    return axis, inside.expand(batch, *inside.shape[1:]).to(output.device)


def _over(output: Tensor, axis: int, inside: Tensor, asked: Sequence[Any], labels: Labels, where: Text) -> Resolved:
    """The score of the asked class, or of the one that wins most cells, summed over the cells inside."""
    scores = output.detach().movedim(axis, 1)
    classes, winner = scores.shape[1], scores.argmax(1)
    picks: list[int] = []
    for row, one in enumerate(asked):
        counts = torch.bincount(winner[row][inside[row]], minlength=classes)
        picks.append(int(counts.argmax()) if one is None else class_index(labels, one, classes))
    found = summed(labels, scores, picks, inside, [where] * len(picks), [one is None for one in asked])
    return found if axis == 1 else _moved(found, axis)


def _moved(found: Resolved, axis: int) -> Resolved:
    """The same on outputs whose classes lie along another axis."""
    rival = found.rival

    def pick(out: Tensor, start: int = 0) -> Tensor:
        return found.pick(out.movedim(axis, 1), start)

    return replace(
        found,
        pick=pick,
        key=(*found.key, axis),
        rival=None if rival is None else lambda out: _moved(rival(out.movedim(axis, 1)), axis),
    )
