"""What opening a model gave."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from pellucid.core.text import Text
from pellucid.inputs.preprocess import Preprocess


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
    """

    model: nn.Module
    name: str
    preprocess: Preprocess | None = None
    labels: tuple[str, ...] | None = None
    notes: tuple[Text, ...] = ()
    tokenizer: Any = None
