"""Attributions of several copies of a batch, pooled: mean, variance and mean square, element by element."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.inputs.inputs import Inputs
from pellucid.results import Attribution, Base


@dataclass(eq=False)
class Pool:
    """One picture over many copies; sums are relative to the first copy, so that equal copies have no variance at all.

    Args:
        x: the input that was copied.
        asked: what made the pictures, for messages.
    """

    x: Inputs
    asked: Any
    count: int = 0
    notes: tuple[Text, ...] = ()
    _held: dict[str, Any] = field(default_factory=dict)

    def add(self, result: Any, copies: int) -> None:
        """Add a picture of `copies` times the batch.

        Raises:
            NotApplicable: it is no attribution of each example, or of another shape than before.
        """
        rows = self.x.size * copies
        if not isinstance(result, Attribution) or result.axes[:1] != ("batch",) or len(result.values) != rows:
            raise NotApplicable(
                Text(
                    f"{self.asked} gives no attribution of each example, so there is nothing to average",
                    f"{self.asked} 不给出每个样本的归因，因此没有可平均的内容",
                ),
                hint="saliency, input_x_gradient, integrated_gradients, guided_backprop, grad_cam",
            )
        parts = result.values.reshape(copies, self.x.size, *result.values.shape[1:]).astype(np.float64)
        if not self._held:
            self._held = {"first": result, "shift": parts[0], "sum": 0.0, "squares": 0.0}
        if parts[0].shape != self._held["shift"].shape:
            raise NotApplicable(
                Text(
                    f"{self.asked} gives pictures of different shape for different copies",
                    f"{self.asked} 对不同的副本给出形状不同的图像",
                )
            )
        parts = parts - self._held["shift"]
        self._held["sum"] = self._held["sum"] + parts.sum(0)
        self._held["squares"] = self._held["squares"] + np.square(parts).sum(0)
        self.count += copies
        self.notes = tuple(dict.fromkeys((*self.notes, *result.notes)))

    @property
    def first(self) -> Attribution:
        """The picture of the first copies."""
        return self._held["first"]

    @property
    def mean(self) -> np.ndarray:
        """The mean over the copies, `(batch, ...)`."""
        return self._held["shift"] + self._held["sum"] / self.count

    @property
    def variance(self) -> np.ndarray:
        """The mean squared distance from the mean."""
        spread = self._held["squares"] / self.count - np.square(self._held["sum"] / self.count)
        return np.maximum(spread, 0.0)

    @property
    def square(self) -> np.ndarray:
        """The mean of the squares."""
        return self.variance + np.square(self.mean)

    def standard_error(self) -> tuple[float, ...]:
        """Of the mean, as a share of its own size, per example; not a number for a single copy."""
        if self.count < 2:
            return (float("nan"),) * self.x.size
        error = self.variance.reshape(self.x.size, -1).sum(1) / (self.count - 1)
        size = np.square(self.mean).reshape(self.x.size, -1).sum(1)
        return tuple(np.sqrt(error / np.maximum(size, 1e-300)).tolist())

    def base(self) -> Base | None:
        """What the pictures lie on: the clean input; what flowed in a layer for a noisy copy is not shown."""
        base = self.first.base
        if base is None or any(base is one for one in self.x.base.values()):
            return base
        return replace(base, values=None)


def uneven(asked: Any) -> NotApplicable:
    """The refusal of a method that gives another number of pictures for another copy."""
    return NotApplicable(
        Text(
            f"{asked} gives another number of pictures for other noise, so there is no average",
            f"{asked} 在不同的噪声下给出的图像数目不同，因此没有平均",
        )
    )
