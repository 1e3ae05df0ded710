"""What a model answers every sample of a data set with."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.engine.passes import OUTPUT, Layer
from pellucid.engine.sweeps.reducers import Samples, State


@dataclass(frozen=True)
class Answers:
    """The largest of a model's scores, and by how much it leads.

    State, by sample: `ordinals`, `labels`, `answers`, int64; `confidences` (probability after softmax), `margins`
    (largest minus second score), float64; `classes ()`: how many scores there are; `several ()`: 1 where a sample has
    more than one answer, which are then not compared.
    """

    site: Layer = OUTPUT

    def update(self, state: State | None, cells: Tensor, samples: Samples) -> State:
        several = cells.shape[2] > 1 or cells.shape[1] < 2
        scores = cells[:, :, 0].double() if not several else cells.new_zeros(len(cells), 2).double()
        top = scores.topk(2, 1)
        batch = {
            "ordinals": samples.ordinals,
            "labels": samples.labels,
            "answers": top.indices[:, 0],
            "confidences": scores.softmax(1).amax(1),
            "margins": top.values[:, 0] - top.values[:, 1],
            "classes": torch.tensor(cells.shape[1], device=cells.device),
            "several": torch.tensor(int(several), device=cells.device),
        }
        return batch if state is None else self.merge(state, batch)

    def merge(self, a: State, b: State) -> State:
        order = torch.cat([a["ordinals"], b["ordinals"]]).argsort()
        rows = ("ordinals", "labels", "answers", "confidences", "margins")
        joined = {name: torch.cat([a[name], b[name]])[order] for name in rows}
        return {**joined, "classes": torch.maximum(a["classes"], b["classes"]), "several": a["several"] | b["several"]}
