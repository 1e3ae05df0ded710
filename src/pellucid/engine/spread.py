"""What becomes of one example once an edit has made many rows of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map_only

from pellucid.core.errors import BadSetting, LayerNotFound, NotApplicable
from pellucid.engine.calls import Call
from pellucid.engine.edits import Edit
from pellucid.engine.memory import out_of_memory

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
    """

    def __init__(self, edit: Edit, rows: int, *, picked: list[int] | None = None, entering: int = 1) -> None:
        self.asked, self.rows, self.picked, self.entering = edit, rows, picked, entering
        self.grown = False
        self.farthest: list[int] = []
        self.edit = replace(edit, change=self._change, spread=self)

    def _change(self, value: Tensor) -> Tensor:
        site = self.asked.site
        if self.grown:
            raise LayerNotFound(
                f"variants are made in one place, but '{site}' is several in this forward",
                hint="name one call: 'relu#1'",
            )
        if value.ndim == 0 or value.shape[0] != self.entering:
            raise NotApplicable(
                f"'{site}' has shape {tuple(value.shape)} for {self.entering} examples: "
                "its first axis is not the batch, so variants cannot be made there",
                hint="take a layer whose first axis is the batch",
            )
        made = self.asked.change(value[:1])
        if made.shape != (self.rows, *value.shape[1:]):
            raise BadSetting(
                f"the variants at '{site}' have shape {tuple(made.shape)}, not {(self.rows, *value.shape[1:])}"
            )
        self.grown = self.entering == 1
        if self.grown:
            with torch.no_grad():
                change = (made - value).detach().flatten(1).abs().amax(1)
                self.farthest = change.topk(min(2, self.rows)).indices.tolist()
        return made if self.picked is None else made[self.picked]

    def called(self, call: Call, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """`func(*args, **kwargs)`; where batches of one and of many do not go together, the one is repeated."""
        if not self.grown or call.name not in _EQUAL_BATCHES:
            return func(*args, **kwargs)
        try:
            return func(*args, **kwargs)
        except RuntimeError as error:
            mixed = {one.shape[:1] for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)}
            if out_of_memory(error) or not mixed >= {(1,), (self.rows,)} or self.rows == 1:
                raise
        written = call.writes

        def widened(value: Tensor) -> Tensor:
            many = value.expand(self.rows, *value.shape[1:]) if value.shape[:1] == (1,) else value
            return many.clone() if written else many

        return func(*tree_map_only(Tensor, widened, args), **tree_map_only(Tensor, widened, kwargs))
