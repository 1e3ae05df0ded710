"""What opening a model gave."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from pellucid.core.text import Text
from pellucid.inputs.preprocess import Preprocess

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class StatedInput:
    """One input as the source of a model states it.

    Args:
        name: what the source calls it.
        shape: sizes; None where any size is taken.
        dtype: of its numbers.
    """

    name: str
    shape: Shape
    dtype: torch.dtype = torch.float32

    @property
    def words(self) -> str:
        """`?x3x224x224`: as sizes are written, `?` where any is taken."""
        return "x".join("?" if size is None else str(size) for size in self.shape)

    def zeros(self) -> torch.Tensor:
        """Zeros of that shape, of size 1 where any is taken."""
        return torch.zeros([1 if size is None else size for size in self.shape], dtype=self.dtype)


@dataclass(frozen=True, eq=False)
class OpenedModel:
    """A model and what its source states of it.

    Args:
        model: in evaluation mode.
        name: how to call it in a report.
        preprocess: from a picture to its input, where the source states one.
        labels: a name per class, where the source and the weights state them.
        notes: what the reader must know: whose code ran, which weights it has.
        tokenizer: from a text to its input, where the source has one.
        inputs: the inputs of the model, where the source states them.
    """

    model: nn.Module
    name: str
    preprocess: Preprocess | None = None
    labels: tuple[str, ...] | None = None
    notes: tuple[Text, ...] = ()
    tokenizer: Any = None
    inputs: tuple[StatedInput, ...] = ()
