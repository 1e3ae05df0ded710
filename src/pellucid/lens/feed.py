"""A data set on its way into the model of a lens."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import torch
from PIL import Image

from pellucid.core.errors import BadInput
from pellucid.core.text import Text
from pellucid.engine.sweeps.gather import Batch
from pellucid.inputs.data.batches import batches
from pellucid.inputs.data.data import Bad, Data, Sample
from pellucid.inputs.data.noise import Noise
from pellucid.inputs.data.preparation import Preparation
from pellucid.inputs.inputs import Inputs


class Feed:
    """What a sweep reads.

    Args:
        data: the samples.
        preparation: how they become what the model is called with.
        read: makes an input to draw on of a list of samples, as `Lens.read` does.
        on_bad: "skip" passes samples on that cannot be read; "fail" raises.
        outputs: names of the network's own classes.
    """

    def __init__(
        self,
        data: Data,
        preparation: Preparation,
        read: Callable[[Any], Inputs],
        *,
        on_bad: Literal["skip", "fail"] = "skip",
        outputs: tuple[str, ...] = (),
    ) -> None:
        self.outputs = outputs
        self.data, self.preparation, self._read, self.on_bad = data, preparation, read, on_bad
        self.notes: dict[Text, None] = dict.fromkeys(data.notes)
        self._labels: dict[int, int | None] = {}  # of samples that were read one by one

    def __len__(self) -> int:
        return len(self.data)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.data.classes

    @property
    def white(self) -> float | None:
        return self.data.reader.white if isinstance(self.data.reader, Noise) else None

    def name(self, ordinal: int) -> str:
        return self.data.name(ordinal)

    def label(self, ordinal: int) -> int | None:
        """The class of a sample; where only reading tells, it is read once."""
        known = self.data.reader.label(ordinal)
        if known is not None:
            return known
        if ordinal not in self._labels:
            sample = self.data.read(ordinal)
            self._labels[ordinal] = None if isinstance(sample, Bad) else sample.label
        return self._labels[ordinal]

    def batches(self, span: range, size: int) -> Iterator[Batch]:
        """Samples in batches.

        Raises:
            BadInput: one cannot be read, and that ends the sweep.
        """
        for one in batches(self.data, self.preparation, span, batch_size=size):
            self.notes.update(dict.fromkeys(one.notes))
            if one.bad and self.on_bad == "fail":
                first = one.bad[0]
                raise BadInput(
                    Text(f"'{first.name}' cannot be read: {first.reason}", f"无法读取 '{first.name}'：{first.reason}"),
                    hint=Text('on_bad="skip" leaves it out and lists it', 'on_bad="skip" 可略去它并列出'),
                )
            bad = tuple((each.ordinal, each.reason) for each in one.bad)
            yield Batch(one.x, tuple(one.ordinals.tolist()), tuple(one.labels.tolist()), bad)

    def inputs(self, ordinals: list[int]) -> Inputs:
        """Some samples again, with what they are drawn on.

        Raises:
            BadInput: one of them cannot be read any more.
        """
        samples: list[Sample] = []
        for ordinal in ordinals:
            one = self.data.read(ordinal)
            if isinstance(one, Bad):
                raise BadInput(
                    Text(
                        f"'{one.name}' cannot be read any more: {one.reason}",
                        f"无法再次读取 '{one.name}'：{one.reason}",
                    )
                )
            self._labels[ordinal] = one.label
            samples.append(one)
        values = [one.x for one in samples]
        if isinstance(values[0], (tuple, dict)):
            return self.preparation.together([self.preparation.one(one) for one in samples])
        if isinstance(values[0], (str, Image.Image)):
            return self._read(values)
        return self._read(torch.stack([torch.as_tensor(one) for one in values]))
