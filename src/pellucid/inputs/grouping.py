"""Which element of an input belongs to which group: one maker of labels for each kind of group."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from pellucid.core.errors import BadSetting, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.inputs.words import word_of_tokens
from pellucid.ops.superpixels import superpixels
from pellucid.results.base import Base

SUPERPIXELS, SEGMENTS, CELLS, BLOCKS = 50, 20, 7, 4
KINDS = ("auto", "superpixels", "grid", "segments", "blocks", "words", "tokens", "columns", "channels", "elements")


@dataclass(frozen=True, eq=False)
class Parts:
    """The groups of one input.

    Args:
        labels: `(batch, *shape)`, 0, 1, ... of each example; the shape broadcasts to the explained value; −1: in none.
        names: per example the names of its groups.
        kind: which kind of group it is.
    """

    labels: Tensor
    names: tuple[tuple[str, ...], ...]
    kind: str


@dataclass(frozen=True, eq=False)
class Explained:
    """What is known of the input that is cut into groups.

    Args:
        name: of the input.
        value: the input, `(batch, ...)`.
        base: what it is drawn on.
        discrete: whether its elements are tokens, explained at their embedding.
    """

    name: str
    value: Tensor
    base: Base | None
    discrete: bool

    @property
    def grid(self) -> tuple[int, ...]:
        """Sizes of the axes that a place on the input has."""
        shape = tuple(self.value.shape)
        return shape[1:] if self.discrete or len(shape) < 3 else shape[2:]

    @property
    def broadcast(self) -> tuple[int, ...]:
        """Shape that labels on the grid take to broadcast to the explained value."""
        if self.discrete:
            return (*self.grid, 1)
        return self.grid if self.value.ndim < 3 else (1, *self.grid)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of group that this input has; the first is the usual one."""
        if self.discrete:
            return ("words", "tokens") if len(self.grid) == 1 else ("tokens",)
        by_rank = {0: (), 1: ("segments", "grid"), 2: ("superpixels", "grid"), 3: ("blocks", "grid")}
        if self.value.ndim < 3:
            return ("columns", "elements")
        return (*by_rank.get(len(self.grid), ("grid",)), "channels", "elements")


def parts(x: Explained, setting: str | int | Tensor) -> Parts:
    """The groups that a setting means for one input.

    Raises:
        BadSetting: this input has no such groups, or the labels do not fit it.
    """
    if isinstance(setting, Tensor):
        return _given(x, setting)
    kind, number = _asked(x, setting)
    if kind == "words":
        return _words(x)
    if kind == "superpixels":
        return _superpixels(x, number or SUPERPIXELS)
    if kind in ("grid", "segments", "blocks"):
        return _cut(x, kind, number)
    size, channels = int(x.value.shape[0]), (int(x.value.shape[1]), *[1] * len(x.grid)) if x.value.ndim > 2 else ()
    shape = {"channels": channels, "elements": tuple(x.value.shape[1:])}.get(kind, x.broadcast)
    count = int(np.prod(shape, dtype=np.int64))
    labels = torch.arange(count, device=x.value.device).reshape(1, *shape).expand(size, *shape)
    return Parts(labels, _named(x, kind, count), kind)


def _asked(x: Explained, setting: str | int) -> tuple[str, int | None]:
    kind, _, number = ("auto", "", str(setting)) if isinstance(setting, int) else setting.partition(":")
    kind = x.kinds[0] if kind == "auto" else kind
    what = f"an input of shape {tuple(x.value.shape)}"
    if kind not in x.kinds:
        known = kind in KINDS
        raise BadSetting(
            f"groups={setting!r}: {what} has no {kind}" if known else f"groups={setting!r}: there is no such grouping",
            nearest=quoted(x.kinds if known else nearest_names(kind, x.kinds)),
            hint="a tensor of labels, one number for each group, does as well",
        )
    if not number:
        return kind, None
    if kind not in ("superpixels", "grid", "segments", "blocks"):
        raise BadSetting(
            Text(
                f"groups={setting!r}: the {kind} of {what} are as many as there are",
                f"groups={setting!r}：这里 {kind} 的数目是固定的",
            ),
            hint=Text(f"groups='{kind}', or a tensor of labels", f"groups='{kind}'，或由标签组成的张量"),
        )
    if not number.isdecimal() or int(number) < 1:
        raise BadSetting(
            Text(
                f"groups={setting!r}: the number of groups is a whole number, at least 1",
                f"groups={setting!r}：组数应为不小于 1 的整数",
            ),
            nearest=f"'{kind}:20'",
        )
    return kind, int(number)


def _given(x: Explained, labels: Tensor) -> Parts:
    """Labels of the caller's: any whole numbers, negative for what is in no group."""
    size, whole, shape = int(x.value.shape[0]), tuple(x.value.shape[1:]), tuple(labels.shape)
    if labels.is_complex() or bool((labels.double() != labels.double().round()).any()):
        raise BadSetting(
            Text("groups: the labels are not whole numbers", "groups：标签不是整数"),
            hint=Text("one number for each group", "每组一个编号"),
        )
    if shape not in (x.grid, whole, (size, *x.grid), (size, *whole)):
        raise BadSetting(
            Text(
                f"groups: the labels are of shape {shape}, the input is {tuple(x.value.shape)}",
                f"groups：标签的形状为 {shape}，而输入为 {tuple(x.value.shape)}",
            ),
            nearest=f"{x.grid} or {(size, *x.grid)}",
        )
    on_grid = shape in (x.grid, (size, *x.grid))
    every = labels.long().cpu().expand(size, *(x.grid if on_grid else whole))
    rows = every.reshape(size, *(x.broadcast if on_grid else whole))
    made, names = [], []
    for row in rows:
        known, places = torch.unique(row, return_inverse=True)
        below = int((known < 0).sum())
        made.append((places - below).clamp(min=-1))
        names.append(tuple(f"#{int(one)}" for one in known[below:]))
    if not all(names):
        raise BadSetting(
            Text(
                "groups: every label is negative, and negative labels are in no group",
                "groups：标签全为负，而负标签不属于任何组",
            )
        )
    return Parts(torch.stack(made).to(x.value.device), tuple(names), "labels")


def _superpixels(x: Explained, count: int) -> Parts:
    pictures = x.base.values if x.base is not None and x.base.kind == "image" else None
    if pictures is None:
        wide = x.value.detach().abs() if x.value.is_complex() else x.value.detach()
        pictures = wide.double().cpu().movedim(1, -1).numpy()
    found = [torch.from_numpy(superpixels(np.asarray(one), count)) for one in pictures]
    labels = torch.stack(found).reshape(-1, *x.broadcast).to(x.value.device)
    return Parts(labels, tuple(_numbered(int(one.max()) + 1) for one in found), "superpixels")


def _cut(x: Explained, kind: str, number: int | None) -> Parts:
    """Equal boxes: `number` along every axis."""
    each = number or {1: SEGMENTS, 2: CELLS, 3: BLOCKS}.get(len(x.grid), CELLS)
    counts = [min(each, side) for side in x.grid]
    labels = torch.zeros(x.grid, dtype=torch.long)
    for axis, (side, count) in enumerate(zip(x.grid, counts, strict=True)):
        along = torch.arange(side) * count // side
        labels = labels * count + along.reshape(-1, *[1] * (len(x.grid) - axis - 1))
    size = int(x.value.shape[0])
    shaped = labels.reshape(1, *x.broadcast).expand(size, *x.broadcast).to(x.value.device)
    total = int(np.prod(counts))
    names = _spans(x.grid[0], counts[0]) if len(counts) == 1 else _numbered(total)
    return Parts(shaped, (names,) * size, kind)


def _spans(side: int, count: int) -> tuple[str, ...]:
    edges = [-(-i * side // count) for i in range(count + 1)]
    return tuple(f"{a}" if b == a + 1 else f"{a}–{b - 1}" for a, b in pairwise(edges))


def _words(x: Explained) -> Parts:
    found = [word_of_tokens(names) for names in _tokens(x)]
    labels = torch.tensor([places for places, _ in found], device=x.value.device).reshape(-1, *x.broadcast)
    return Parts(labels, tuple(words for _, words in found), "words")


def _tokens(x: Explained) -> Sequence[Sequence[str]]:
    if x.base is not None and x.base.kind == "tokens" and len(x.base.names) == len(x.value):
        return x.base.names
    return [[str(one) for one in row] for row in x.value.tolist()]


def _named(x: Explained, kind: str, count: int) -> tuple[tuple[str, ...], ...]:
    size = int(x.value.shape[0])
    if kind == "tokens" and len(x.grid) == 1:
        return tuple(tuple(name.strip() or name for name in row) for row in _tokens(x))
    names = x.base.names[0] if x.base is not None and len(x.base.names) == 1 and not x.discrete else ()
    return (names if len(names) == count else _numbered(count),) * size


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"#{i}" for i in range(count))
