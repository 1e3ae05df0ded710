"""The labels of the very samples that a `Sample` of equal size and seed chooses, as the sweep read them."""

from dataclasses import dataclass

from torch import Tensor

from pellucid.engine.passes import Layer
from pellucid.engine.sweeps.reducers import Sample, Samples, State


@dataclass(frozen=True)
class Labels:
    """State: that of a `Sample` that is `whole`, with `vectors (k, 1)`: the label, -1 where there is none.

    Args:
        site: any layer that the samples reach.
        k, seed: those of the `Sample`.
    """

    site: Layer
    k: int
    seed: int = 0

    def update(self, state: State | None, cells: Tensor, samples: Samples) -> State:  # noqa: ARG002
        return self._sample.update(state, samples.labels.double()[:, None, None], samples)

    def merge(self, a: State, b: State) -> State:
        return self._sample.merge(a, b)

    @property
    def _sample(self) -> Sample:
        return Sample(self.site, self.k, whole=True, seed=self.seed)
