"""How samples become what a model is called with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pellucid.core.errors import BadInput
from pellucid.core.text import Text
from pellucid.inputs.call import bound_names, check_count
from pellucid.inputs.check import as_tensor, checked
from pellucid.inputs.data.data import Sample
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.preprocess import Preprocess, preprocess_of
from pellucid.inputs.text import tokenize

_ENDLESS = 10**9  # what tokenizers state as the longest text where there is no limit


class NotStated(BadInput):
    """The model lacks what this kind of sample needs: no fault of a sample."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """One sample as tensors with a batch axis of one.

    Args:
        arguments: by position (numbers) or by keyword (words).
        text: what they were made of, where texts of other lengths can be padded to one batch with it.
    """

    sample: Sample
    arguments: Mapping[int | str, Tensor]
    text: str | None = None

    @property
    def shape(self) -> Any:
        """What two samples of one batch have in common."""
        if self.text is not None:
            return "text"
        return tuple((name, tuple(one.shape), one.dtype) for name, one in self.arguments.items())

    @property
    def nbytes(self) -> int:
        """Memory of its tensors."""
        return sum(one.nbytes for one in self.arguments.values())


class Preparation:
    """What a model needs to be known of it before samples can be brought to it; the settings are those of a lens.

    Args:
        preprocess: makes the tensor of a picture; see `preprocess_of`.
        tokenizer: called as `tokenizer(texts, return_tensors="pt")`.
        device: where batches are moved.
        dtype: the floating type of the model.
        accepts: the model's `forward`, for the names and the number of its parameters.
    """

    def __init__(
        self,
        preprocess: Any = None,
        tokenizer: Any = None,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
        accepts: Callable[..., Any] | None = None,
    ) -> None:
        self.preprocess: Preprocess | None = None if preprocess is None else preprocess_of(preprocess)
        self.tokenizer, self.device, self.dtype, self.accepts = tokenizer, torch.device(device), dtype, accepts

    def reads(self, x: Any) -> bool:
        """Whether `x` is a text to this model; then it has to be prepared in the thread of the caller."""
        return isinstance(x, str) and self.tokenizer is not None

    def one(self, sample: Sample) -> Prepared:
        """One sample, on the processor.

        Raises:
            NotStated: the model lacks a preprocessing or tokenizer.
            BadInput: the sample is empty, not finite, too long, or nothing that a model takes.
        """
        x = sample.x
        if self.reads(x):
            return self._text(sample)
        if isinstance(x, Mapping):
            named = {str(name): value for name, value in x.items()}
        else:
            named = dict(enumerate(x)) if isinstance(x, tuple) else {0: x}
        made: dict[int | str, Tensor] = {}
        for name, value in named.items():
            alone = len(named) == 1
            tensor = self._tensor(value, "the sample" if alone else f"the sample's {name}", sample if alone else None)
            if self.preprocess is not None and self.preprocess.by is None and isinstance(value, Image.Image):
                made[name] = tensor.to(self.dtype or tensor.dtype)  # made of bytes by our own numbers: always finite
                continue
            made[name], _ = checked(
                tensor,
                "The sample" if alone else f"The sample's {name}",
                alone=alone,
                device=torch.device("cpu"),
                dtype=self.dtype,
            )
        return Prepared(sample, made)

    def together(self, samples: Sequence[Prepared]) -> Inputs:
        """Samples of one shape as one call of the model.

        Raises:
            BadInput: the model's forward does not take these names, or so many arguments.
        """
        notes: list[Text] = []
        for one in samples:
            notes.extend(note for note in one.sample.notes if note not in notes)
        texts = [one.text for one in samples if one.text is not None]
        joined: Mapping[Any, Any] = tokenize(texts, self.tokenizer) if texts else _joined(samples)
        args = tuple(value.to(self.device) for name, value in joined.items() if isinstance(name, int))
        named = {name: value for name, value in joined.items() if isinstance(name, str)}
        check_count(args, self.accepts)
        if named:
            by_tokenizer = self.reads(samples[0].sample.x)
            taken, _ = bound_names(named, self.accepts, may_drop=by_tokenizer)
            taken.sort(key=lambda name: name != "input_ids")  # a stable sort: the first is what is explained
            named = {
                name: value.to(self.device) if isinstance(value := named[name], Tensor) else value for name in taken
            }
        return Inputs(args, named, notes=tuple(notes))

    def _text(self, sample: Sample) -> Prepared:
        made = tokenize(sample.x, self.tokenizer)
        tensors: dict[int | str, Tensor] = {name: value for name, value in made.items() if isinstance(value, Tensor)}
        length = next(iter(tensors.values())).shape[-1]
        longest = getattr(self.tokenizer, "model_max_length", None)
        if isinstance(longest, int) and longest < min(length, _ENDLESS):
            raise BadInput(
                Text(
                    f"The text is {length:,} tokens long; the model takes {longest:,}.",
                    f"文本有 {length:,} 个词元；模型最多接受 {longest:,} 个。",
                )
            )
        pads = getattr(self.tokenizer, "pad_token", "") is not None
        return Prepared(sample, tensors, sample.x if pads else None)

    def _tensor(self, value: Any, where: str, sample: Sample | None) -> Tensor:
        if isinstance(value, Image.Image):
            if self.preprocess is None:
                raise NotStated(
                    "Pictures need the model's preprocessing, and none is stated.",
                    hint="pl.Lens(model, preprocess='imagenet'), or another preset, a Preprocess, or transforms",
                )
            as_given = self.preprocess.by is not None and sample is not None and sample.given is not None
            return self.preprocess(sample.given if as_given and sample is not None and sample.given else value)
        if isinstance(value, str) and self.tokenizer is not None:
            raise BadInput(
                f"{where[:1].upper()}{where[1:]} is a text among other inputs, which is not tokenized here.",
                hint="let the data set give tokens",
            )
        if isinstance(value, str):
            raise NotStated("Texts need the model's tokenizer, and none is stated.", hint="pl.Lens(model, tokenizer=…)")
        if isinstance(value, Tensor):
            return value.detach().cpu()[None]
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise BadInput(f"{where[:1].upper()}{where[1:]} holds rows of different length.") from error
        return as_tensor(array, where)[None]


def _joined(samples: Sequence[Prepared]) -> dict[int | str, Tensor]:
    return {name: torch.cat([one.arguments[name] for one in samples]) for name in samples[0].arguments}
