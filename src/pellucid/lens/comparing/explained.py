"""A lens for which the explained output is all that the model returns: data are swept for the first tensor."""

from functools import wraps
from typing import Any

from torch import Tensor, nn

from pellucid.engine.looker import unwrapped
from pellucid.engine.targets.output import Select, explained
from pellucid.lens.lens import Lens

INSIDE = "model."  # what paths of the model begin with there


def selected(lens: Lens) -> Select:
    """What it was told to explain, as `output=`."""
    return lens._looker.select  # noqa: SLF001


class _Explained(nn.Module):
    """The model, and of its output the explained tensor alone."""

    def __init__(self, model: nn.Module, select: Select) -> None:
        super().__init__()
        self.model, self.select = model, select
        self.training = model.training  # not train(), which would set the modes inside

        @wraps(model.forward)  # the inputs are named as those of the model
        def forward(*args: Any, **kwargs: Any) -> Tensor:
            return explained(self.model(*args, **kwargs), self.select)[0]

        self.forward = forward


def explaining(lens: Lens) -> Lens:
    """A lens on the same model, whose paths lie in `INSIDE`."""
    return Lens(
        _Explained(unwrapped(lens.model), selected(lens)),
        name=lens.name,
        labels=lens.labels,
        preprocess=lens.preprocess,
        tokenizer=lens.tokenizer,
        features=lens.features,
        batch_size=lens.batch_size,
    )


def is_part(lens: Lens) -> bool:
    """Whether it was made by `explaining`."""
    return isinstance(lens.model, _Explained)
