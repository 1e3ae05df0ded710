"""What a sweep keeps of a layer: summaries that are updated batch by batch and merged in any grouping.

A reducer is a description, equal and hashed by its settings; what it has gathered is a state, a dict of tensors. States
of integers and keys are exact in any order; sums of floats are the same wherever their merges are grouped alike.
"""

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from pellucid.engine.passes import Layer
from pellucid.inputs.inputs import Inputs
from pellucid.ops.ranking import NOTHING, keys, shuffled

State = dict[str, Tensor]
_LATEST = torch.iinfo(torch.int64).max


@dataclass(frozen=True, eq=False)
class Samples:
    """The samples of a batch.

    Args:
        ordinals: their numbers in the data set, int64 `(batch,)`.
        labels: their classes, int64 `(batch,)`; -1 where there is none.
        x: what the network is called with, the same rows; never written into.
    """

    ordinals: Tensor
    labels: Tensor
    x: Inputs | None = None


def _counting(cells: Tensor) -> torch.dtype:
    """A type that counts positions exactly: what is counted as a norm is counted fast."""
    return torch.float32 if cells.shape[2] < 2**24 and cells.dtype != torch.float64 else torch.float64


class Reducer(Protocol):
    """A mergeable summary of what a layer computes.

    Args:
        site: the layer; of several places each has a state of its own.
    """

    @property
    def site(self) -> Layer: ...

    def update(self, state: State | None, cells: Tensor, samples: Samples) -> State:
        """The state with one more batch; None: there was none before.

        Args:
            cells: `(batch, channel, position)`, detached; never written into.
        """
        ...

    def merge(self, a: State, b: State) -> State:
        """The state of the samples of both, of which no sample is in both."""
        ...


@dataclass(frozen=True)
class Top:
    """The samples in which each channel is largest, each sample once, and where in them (the first such position).

    State: `keys (channel, k)` in falling order (`ops.ranking`), `positions (channel, k)`, -1 where there is nothing,
    `nan (channel,)`: samples left out because the channel holds NaN.
    """

    site: Layer
    k: int = 16

    def update(self, state: State | None, cells: Tensor, samples: Samples) -> State:
        channels = cells.shape[1]
        if state is None:
            state = {
                "keys": torch.full((channels, self.k), NOTHING, device=cells.device),
                "positions": torch.full((channels, self.k), -1, device=cells.device),
                "nan": torch.zeros(channels, dtype=torch.int64, device=cells.device),
            }
        made = keys(cells.amax(2).T, samples.ordinals)
        state = {**state, "nan": state["nan"] + (made == NOTHING).sum(1)}
        moved = (made.amax(1) > state["keys"][:, -1]).nonzero()[:, 0]
        if not len(moved):
            return state
        found, order = torch.cat([state["keys"][moved], made[moved]], 1).topk(self.k, 1)
        positions = state["positions"][moved].gather(1, order.clamp(max=self.k - 1))
        rows, columns = (order >= self.k).nonzero(as_tuple=True)
        positions[rows, columns] = cells[order[rows, columns] - self.k, moved[rows]].argmax(1)
        best = {"keys": found, "positions": positions.where(found != NOTHING, -1)}
        return {**state, **{name: state[name].index_copy(0, moved, best[name]) for name in best}}

    def merge(self, a: State, b: State) -> State:
        return {**self._best(a, b), "nan": a["nan"] + b["nan"]}

    def _best(self, a: State, b: State) -> State:
        found, order = torch.cat([a["keys"], b["keys"]], 1).topk(self.k, 1)
        positions = torch.cat([a["positions"], b["positions"]], 1).gather(1, order)
        return {"keys": found, "positions": torch.where(found == NOTHING, -1, positions)}


@dataclass(frozen=True)
class Moments:
    """Sums of each channel and of its square, over samples and positions.

    State, `(channel,)`: `count` of values, `total` and `squares` in double precision (added of single-precision sums of
    each sample), `broken`: samples left out because a sum is not finite. The variance is good where it is not below
    about 1e-6 of the squared mean.
    """

    site: Layer

    def update(self, state: State | None, cells: Tensor, samples: Samples) -> State:
        precise = torch.promote_types(cells.dtype, torch.float32)
        totals = cells.sum(2, dtype=precise).double()
        squares = torch.linalg.vector_norm(cells, dim=2, dtype=precise).double() ** 2
        fine = totals.isfinite() & squares.isfinite()
        batch = {
            "count": fine.sum(0) * cells.shape[2],
            "total": totals.where(fine, 0.0).sum(0),
            "squares": squares.where(fine, 0.0).sum(0),
            "broken": (~fine).sum(0),
        }
        return batch if state is None else self.merge(state, batch)

    def merge(self, a: State, b: State) -> State:
        return {name: a[name] + b[name] for name in a}


@dataclass(frozen=True)
class Extremes:
    """Range, zeros and what is not finite, of each channel.

    State, `(channel,)`: `low` and `high` of the finite samples, `count` of values, `zeros` among them, `silent`:
    samples in which the channel is zero at every position, `nan`, `above`, `below`: samples that hold NaN, +Inf, -Inf.
    """

    site: Layer

    def update(self, state: State | None, cells: Tensor, samples: Samples) -> State:
        low, high = cells.amin(2), cells.amax(2)
        nan = high.isnan()
        fine = low.isfinite() & high.isfinite()
        zeros = cells.shape[2] - torch.linalg.vector_norm(cells, 0, 2, dtype=_counting(cells)).to(torch.int64)
        batch = {
            "low": low.where(fine, torch.inf).amin(0).double() + 0.0,  # -0 as 0, else the order would show
            "high": high.where(fine, -torch.inf).amax(0).double() + 0.0,
            "count": torch.full_like(zeros[0], zeros.shape[0] * cells.shape[2]),
            "zeros": zeros.sum(0),
            "silent": (zeros == cells.shape[2]).sum(0),
            "nan": nan.sum(0),
            "above": (high == torch.inf).sum(0),
            "below": (low == -torch.inf).sum(0),
        }
        return batch if state is None else self.merge(state, batch)

    def merge(self, a: State, b: State) -> State:
        added = {name: a[name] + b[name] for name in a if name not in ("low", "high")}
        return {"low": torch.minimum(a["low"], b["low"]), "high": torch.maximum(a["high"], b["high"]), **added}


@dataclass(frozen=True)
class ClassMeans:
    """Sums of each channel's mean over positions, by the label of the sample.

    State: `total (class, channel)` in double precision, `count (class,)` of labelled samples, `broken (channel,)`:
    samples left out because the mean is not finite.
    """

    site: Layer
    classes: int

    def update(self, state: State | None, cells: Tensor, samples: Samples) -> State:
        means = cells.mean(2, dtype=torch.promote_types(cells.dtype, torch.float32)).double()
        known = (samples.labels >= 0) & (samples.labels < self.classes)
        fine = means.isfinite()
        member = torch.nn.functional.one_hot(samples.labels.where(known, 0), self.classes).double() * known[:, None]
        batch = {
            "total": member.T @ means.where(fine, 0.0),
            "count": member.sum(0).to(torch.int64),
            "broken": (~fine & known[:, None]).sum(0),
        }
        return batch if state is None else self.merge(state, batch)

    def merge(self, a: State, b: State) -> State:
        return {name: a[name] + b[name] for name in a}


@dataclass(frozen=True)
class Sample:
    """A fixed random sample of vectors: those whose shuffled number of sample and position is smallest.

    Every vector has the same chance, and the choice depends on neither order nor grouping. Reducers of equal `seed`
    that are `whole` choose the same samples at every layer.

    State: `order (k,)` in rising order, `ordinals (k,)`, `positions (k,)`, -1 where there is nothing, `vectors
    (k, channel)`, `seen ()`: vectors to choose from.

    Args:
        k: how many vectors.
        whole: one vector for each sample, the mean over its positions.
        seed: of the shuffle.
    """

    site: Layer
    k: int = 16384
    whole: bool = False
    seed: int = 0

    def update(self, state: State | None, cells: Tensor, samples: Samples) -> State:
        cells = cells.mean(2, keepdim=True) if self.whole else cells
        size, channels, positions = cells.shape
        if state is None:
            nothing = torch.full((self.k,), -1, device=cells.device)
            state = {
                "order": torch.full((self.k,), _LATEST, device=cells.device),
                "ordinals": nothing,
                "positions": nothing,
                "vectors": torch.zeros(self.k, channels, dtype=cells.dtype, device=cells.device),
                "seen": torch.zeros((), dtype=torch.int64, device=cells.device),
            }
        places = torch.arange(positions, device=cells.device)
        order = shuffled((samples.ordinals[:, None] << 32) | places, self.seed)
        rows, columns = (order < state["order"][-1]).nonzero(as_tuple=True)
        if len(rows) > self.k:
            nearest = order[rows, columns].topk(self.k, largest=False).indices
            rows, columns = rows[nearest], columns[nearest]
        if not len(rows):
            return {**state, "seen": state["seen"] + size * positions}
        vectors = cells[rows, :, columns]
        batch = {
            "order": order[rows, columns],
            "ordinals": samples.ordinals[rows],
            "positions": columns,
            "vectors": vectors.where(~vectors.isnan(), torch.nan),  # every NaN the same
            "seen": torch.tensor(size * positions, device=cells.device),
        }
        return self.merge(state, batch)

    def merge(self, a: State, b: State) -> State:
        order, chosen = torch.cat([a["order"], b["order"]]).topk(self.k, largest=False)
        parts = {name: torch.cat([a[name], b[name]])[chosen] for name in ("ordinals", "positions", "vectors")}
        return {"order": order, **parts, "seen": a["seen"] + b["seen"]}


@dataclass(frozen=True)
class Covariance:
    """Mean and covariance of the channels, over samples and positions, in double precision (Chan et al. 1979).

    State: `count ()`, `mean (channel,)`, `scatter (channel, channel)`, the sum of squared deviations, `broken ()`:
    vectors left out because they are not finite.
    """

    site: Layer
    whole: bool = field(default=False)

    def update(self, state: State | None, cells: Tensor, samples: Samples) -> State:
        vectors = (cells.mean(2) if self.whole else cells.transpose(1, 2).flatten(0, 1)).double()
        fine = vectors.isfinite().all(1)
        broken = (~fine).sum()
        vectors = vectors[fine] if bool(broken) else vectors
        mean = vectors.mean(0) if len(vectors) else vectors.new_zeros(vectors.shape[1])
        centred = vectors - mean
        batch = {
            "count": torch.tensor(len(vectors), device=cells.device),
            "mean": mean,
            "scatter": centred.T @ centred,
            "broken": broken,
        }
        return batch if state is None else self.merge(state, batch)

    def merge(self, a: State, b: State) -> State:
        count = a["count"] + b["count"]
        share = b["count"].double() / count.clamp(min=1)
        gap = b["mean"] - a["mean"]
        return {
            "count": count,
            "mean": a["mean"] + gap * share,
            "scatter": a["scatter"] + b["scatter"] + torch.outer(gap, gap) * (a["count"] * share),
            "broken": a["broken"] + b["broken"],
        }
