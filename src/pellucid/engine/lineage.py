"""Whether a tensor depends on an explained input, read off the autograd graph."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge
from torch.utils._pytree import tree_iter

if TYPE_CHECKING:
    from pellucid.engine.recording import Entry

_KEEPS_ORDER = ("Clone", "View", "UnsafeView", "ReshapeAlias", "Squeeze", "Unsqueeze", "ToCopy", "Alias")


class Lineage:
    """Answers for one forward; remembers every node that it has seen.

    Args:
        entries: explained inputs; those at an embedding get their edge while the model runs.

    `custom` holds the `torch.autograd.Function`s that were met on the way, which no function call shows: the name and
    how many of the values that it reads depend on an explained input.
    """

    def __init__(self, entries: "Iterable[Entry]") -> None:
        self.entries = tuple(entries)
        self.custom: list[tuple[str, int]] = []
        self._known: dict[Any, bool] = {}

    def inputs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[int | str, ...]:
        """Positions and names of the arguments that depend on an explained input."""
        return tuple(key for key, value in (*enumerate(args), *kwargs.items()) if self.reaches(value))

    def reaches(self, value: Any) -> bool:
        """Whether a tensor, or any tensor of a nest, depends on an explained input."""
        if isinstance(value, Tensor):
            differentiates = value.requires_grad and not torch.is_inference_mode_enabled()
            return differentiates and self.descends(get_gradient_edge(value).node)
        if not isinstance(value, (tuple, list, dict)):
            return False
        return any(self.reaches(one) for one in tree_iter(value) if isinstance(one, Tensor))

    def entered(self, node: Any) -> tuple[int, ...] | None:
        """Whether what a node made is an explained input as it entered, at most reshaped and then padded.

        Returns:
            How it was padded, as in `torch.nn.functional.pad`; None if it is something else.
        """
        padding: tuple[int, ...] = ()
        if _made_by(node) == "ConstantPadNd" and max(node._saved_pad, default=0) < 2**31:
            # Cropping, a negative padding, is saved as an unsigned number.
            padding, node = tuple(node._saved_pad), node.next_functions[0][0]
        while node is not None and not self._is_entry(node):
            if _made_by(node) not in _KEEPS_ORDER:
                return None
            node = node.next_functions[0][0]
        return None if node is None else padding

    def _is_entry(self, node: Any) -> bool:
        return any(one.edge is not None and one.edge.node is node for one in self.entries)

    def descends(self, node: Any) -> bool:
        known, waiting = self._known, [node]
        while waiting:
            top = waiting[-1]
            if top in known:
                waiting.pop()
                continue
            below = [one for one, _ in top.next_functions if one is not None]
            unknown = [one for one in below if one not in known]
            if self._is_entry(top):
                known[top] = True
            elif unknown:
                waiting += unknown
            else:
                known[top] = any(known[one] for one in below)
                if known[top] and hasattr(top, "_forward_cls"):
                    self.custom.append((type(top).__name__.removesuffix("Backward"), sum(known[one] for one in below)))
        return known[node]


def _made_by(node: Any) -> str:
    return node.name().rstrip("0123456789").removesuffix("Backward")
