"""What a model answers every sample of a data set with, at each position of its output."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.engine.passes import OUTPUT, Layer
from pellucid.engine.sweeps.reducers import Samples, State
from pellucid.engine.targets.vocabulary import texts_of

POSITIONS = 256  # of one sample at most, evenly spread
_ROWS = ("ordinals", "labels", "positions", "answers", "confidences", "margins", "surprise", "followed")


@dataclass(frozen=True)
class Answers:
    """The largest of a model's scores, and by how much it leads.

    State, by sample: `ordinals`, `labels`, `positions` (how many its output has), int64 `(sample,)`; `answers`, int32,
    -1 where there is no position, `confidences` (probability after softmax), `margins` (largest minus second score),
    float32 `(sample, position)`; `surprise`, the sum over a text of -log p of the token that follows, float64, and
    `followed`, over how many tokens, 0 where the scores are not as many as the numbers of tokens `(sample,)`.
    `classes ()`: how many scores there are.
    """

    site: Layer = OUTPUT

    def update(self, state: State | None, cells: Tensor, samples: Samples) -> State:
        count, classes, positions = cells.shape
        scores = cells.to(torch.promote_types(cells.dtype, torch.float32))
        spread = torch.linspace(0, positions - 1, min(positions, POSITIONS), device=cells.device).round().long()
        chosen = scores.index_select(2, spread)
        top = chosen.topk(min(2, classes), 1)
        surprise, followed = _surprise(scores, _tokens(samples, positions))
        batch = {
            "ordinals": samples.ordinals,
            "labels": samples.labels,
            "positions": torch.full((count,), positions, device=cells.device),
            "answers": top.indices[:, 0].int(),
            "confidences": (top.values[:, 0] - chosen.logsumexp(1)).exp().float(),
            "margins": (top.values[:, 0] - top.values[:, -1]).float(),
            "surprise": surprise,
            "followed": followed,
            "classes": torch.tensor(classes, device=cells.device),
        }
        return batch if state is None else self.merge(state, batch)

    def merge(self, a: State, b: State) -> State:
        order = torch.cat([a["ordinals"], b["ordinals"]]).argsort()
        width = max(a["answers"].shape[1], b["answers"].shape[1])
        joined = {name: torch.cat([_wide(a[name], width), _wide(b[name], width)])[order] for name in _ROWS}
        return {**joined, "classes": torch.maximum(a["classes"], b["classes"])}


def _wide(rows: Tensor, width: int) -> Tensor:
    """With as many positions; -1 where there are none."""
    return rows if rows.ndim == 1 else torch.nn.functional.pad(rows, (0, width - rows.shape[1]), value=-1)


def _tokens(samples: Samples, positions: int) -> Tensor | None:
    """What is read at each position, `(sample, position)`, padding left out; None where it is no text."""
    texts = texts_of(samples.x)
    if texts is None:
        return None
    tokens = texts.ids if len(texts.ids) > 1 else texts.ids[:, texts.places(0)]
    return tokens if tokens.shape[1] == positions else None


def _surprise(scores: Tensor, tokens: Tensor | None) -> tuple[Tensor, Tensor]:
    """The sum of -log p of every token from the scores at the one before it, and how many tokens these are."""
    nothing = torch.zeros(len(scores), dtype=torch.float64, device=scores.device)
    if tokens is None or tokens.shape[1] < 2 or int(tokens.max()) >= scores.shape[1]:
        return nothing, nothing.long()
    before, after = scores[:, :, :-1], tokens[:, 1:].long()
    found = before.logsumexp(1) - before.gather(1, after[:, None])[:, 0]
    return found.double().sum(1), torch.full_like(nothing, after.shape[1]).long()
