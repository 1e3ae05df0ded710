"""What becomes of one example once an edit has made many rows of it."""

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.weak import WeakIdKeyDictionary

from pellucid.core.errors import BadSetting, LayerNotFound, NotApplicable
from pellucid.core.text import Text
from pellucid.engine.calls import Call
from pellucid.engine.edits import Edit
from pellucid.engine.memory import out_of_memory

_SHAPES = frozenset({"view", "reshape"})
_EQUAL_BATCHES = frozenset(
    {"cat", "stack", "hstack", "dstack", "column_stack", "matmul", "baddbmm", "scaled_dot_product_attention"}
    | {"grid_sample", "add", "sub", "mul", "div"}
)
"""Functions whose tensors all carry the batch, and that do not broadcast it (or write where they would)."""


class Spread:
    """One edit by `variants` in one forward.

    Args:
        edit: the edit; its `change` makes all rows from one.
        rows: how many it must make.
        picked: which of them are used, None for all.
        entering: how many rows arrive there: one, if what lies before is shared by the variants.
        compares: whether the two variants that change most are to be found.
    """

    def __init__(
        self, edit: Edit, rows: int, *, picked: list[int] | None = None, entering: int = 1, compares: bool = False
    ) -> None:
        self.asked, self.rows, self.picked, self.entering = edit, rows, picked, entering
        self.grown, self.compares = False, compares
        self.farthest: list[int] = []
        self._many: Any = WeakIdKeyDictionary()
        self.edit = replace(edit, change=self._change, spread=self)

    def _change(self, value: Tensor) -> Tensor:
        site = self.asked.site
        if self.grown:
            raise LayerNotFound(
                Text(
                    f"variants are made in one place, but '{site}' is several in this forward",
                    f"变体在一个位置生成，而 '{site}' 在这次前向中有多个位置",
                ),
                hint=Text("name one call: 'relu#1'", "请指明某一次调用：'relu#1'"),
            )
        if value.ndim == 0 or value.shape[0] != self.entering:
            raise NotApplicable(
                Text(
                    f"'{site}' has shape {tuple(value.shape)} for {self.entering} examples: "
                    "its first axis is not the batch, so variants cannot be made there",
                    f"'{site}' 的形状为 {tuple(value.shape)}，样本有 {self.entering} 个："
                    "其第一个轴不是批，无法在此生成变体",
                ),
                hint=Text("take a layer whose first axis is the batch", "请取第一个轴为批的层"),
            )
        made = self.asked.change(value[:1])
        if made.shape != (self.rows, *value.shape[1:]):
            raise BadSetting(
                Text(
                    f"the variants at '{site}' have shape {tuple(made.shape)}, not {(self.rows, *value.shape[1:])}",
                    f"'{site}' 处变体的形状为 {tuple(made.shape)}，而不是 {(self.rows, *value.shape[1:])}",
                )
            )
        self.grown = self.entering == 1
        if self.grown and self.compares:
            with torch.no_grad():
                change = torch.stack([(one - value[0]).abs().max() for one in made.detach()])
                self.farthest = change.topk(min(2, self.rows)).indices.tolist()
        made = made.to(value.dtype) if self.picked is None else made[self.picked]
        if self.grown:
            self._many[made] = True
        return made

    def called(self, call: Call, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """`func(*args, **kwargs)`, as it would have been called had all rows come in.

        Where batches of one and of many do not go together, the one is repeated; where a size says one example, it
        says as many as there are rows.
        """
        if not self.grown or self.rows == 1 or not self._from_many((args, kwargs)):
            return func(*args, **kwargs)
        if call.name in _SHAPES:
            args = self._resized(args)
        try:
            out = func(*args, **kwargs)
        except RuntimeError as error:
            if out_of_memory(error) or call.name not in _EQUAL_BATCHES:
                raise
            out = func(*self._widened(call, args), **self._widened(call, kwargs))
        for one in tree_leaves((out, call.written(args, kwargs))):
            if isinstance(one, Tensor):
                self._many[one] = True
        return out

    def _from_many(self, nest: Any) -> bool:
        return any(one in self._many for one in tree_leaves(nest) if isinstance(one, Tensor))

    def _widened(self, call: Call, nest: Any) -> Any:
        def wide(value: Tensor) -> Tensor:
            many = value.expand(self.rows, *value.shape[1:]) if value.shape[:1] == (1,) else value
            return many.clone() if call.writes else many

        return tree_map_only(Tensor, wide, nest)

    def _resized(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Arguments of `view` and `reshape` whose first size was worked out from one example."""
        value, *sizes = args
        whole = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else tuple(sizes)
        if not isinstance(value, Tensor) or not whole or not all(isinstance(one, int) for one in whole):
            return args
        one_example = (
            whole[0] == 1 and value.shape[0] == self.rows if -1 in whole else prod(whole) * self.rows == value.numel()
        )
        return (value, (whole[0] * self.rows, *whole[1:])) if one_example and whole[0] > 0 else args
