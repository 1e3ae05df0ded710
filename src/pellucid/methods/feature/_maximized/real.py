"""The best of real samples: the same objective over a data set, gathered in one sweep."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from pellucid.engine.passes import Layer
from pellucid.engine.sweeps.reducers import Samples, State
from pellucid.ops.ranking import NOTHING, keys


@dataclass(frozen=True, eq=False)
class Directions:
    """Several directions, equal by their numbers.

    Args:
        values: `(unit, channel)`.
    """

    values: Tensor

    @property
    def digest(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 over shape and numbers."""
        found = self.values.detach().cpu().double().contiguous()
        return sha256(f"{tuple(found.shape)}".encode() + found.numpy().tobytes()).hexdigest()[:16]

    def __repr__(self) -> str:
        return self.digest

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Directions) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True)
class Best:
    """The samples on which an objective of a layer is largest, for each unit; of equal ones the earlier.

    State: `keys (unit, k)` in falling order (`ops.ranking`). Where a sample has NaN it is left out.

    Args:
        of: mean of each channel, each channel at one position, mean square of everything, or the mean over positions of
            the cosine with each direction.
        k: how many samples.
        position: of "neuron", and how many positions there are; samples with another grid are left out.
        directions: of "direction".
    """

    site: Layer
    of: Literal["channel", "neuron", "norm", "direction"] = "channel"
    k: int = 1
    position: tuple[int, int] = (0, 1)
    directions: Directions | None = None

    def update(self, state: State | None, cells: Tensor, samples: Samples) -> State:
        made = keys(self.scores(cells).T.contiguous(), samples.ordinals)
        empty = torch.full((len(made), self.k), NOTHING, device=made.device)
        return self.merge({"keys": empty} if state is None else state, {"keys": made})

    def merge(self, a: State, b: State) -> State:
        return {"keys": torch.cat([a["keys"], b["keys"]], 1).topk(self.k, 1).values}

    def scores(self, cells: Tensor) -> Tensor:
        """The objective `(batch, unit)` of `(batch, channel, position)`."""
        precise = cells.to(torch.promote_types(cells.dtype, torch.float32))
        if self.of == "norm":
            return precise.square().mean((1, 2))[:, None]
        if self.of == "direction" and self.directions is not None:
            aims = normalize(self.directions.values.to(precise), dim=1)
            return (aims @ normalize(precise, dim=1)).mean(2)
        if self.of == "neuron":
            at, positions = self.position
            return precise[:, :, at] if cells.shape[2] == positions else precise[:, :, 0] * torch.nan
        return precise.mean(2)


@dataclass(frozen=True)
class Answers:
    """How many samples there are of each class: by their label, or where there is none by the largest output.

    State: `count (class,)`.

    Args:
        labelled: whether labels are numbered as the outputs are.
    """

    site: Layer
    labelled: bool = True

    def update(self, state: State | None, cells: Tensor, samples: Samples) -> State:
        found, classes = cells[:, :, 0].argmax(1), cells.shape[1]
        if self.labelled:
            known = (samples.labels >= 0) & (samples.labels < classes)
            found = torch.where(known, samples.labels, found)
        batch = {"count": torch.bincount(found, minlength=classes)}
        return batch if state is None else self.merge(state, batch)

    def merge(self, a: State, b: State) -> State:
        return {"count": a["count"] + b["count"]}


def most_frequent(count: Tensor, most: int) -> tuple[int, ...]:
    """The classes of which there are most samples, of equal ones the first."""
    order: Sequence[int] = count.argsort(descending=True, stable=True)[:most].tolist()
    return tuple(one for one in order if count[one] > 0)
