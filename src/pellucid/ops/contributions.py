"""How long the vectors are that attention adds up: what a query takes from each key."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.ops.precision import in_double

_PIECE = 2**22  # numbers


def lengths(
    values: Float[Tensor, "row head key feature"], weight: Float[Tensor, "head feature out"] | None
) -> Float[Tensor, "row head key"]:
    """`‖v W_O‖` of each head; of the values themselves where there is no `weight`.

    Source:   Kobayashi et al. 2020, arXiv:2004.10102, section 3.
    """
    if weight is None:
        return values.norm(dim=-1)
    made = [torch.einsum("rhkf,hfo->rhko", one, weight).norm(dim=-1) for one in _pieces(values, weight)]
    return torch.cat(made, 2)


def products(
    values: Float[Tensor, "row head key feature"], weight: Float[Tensor, "head feature out"] | None
) -> Float[Tensor, "row key head head"]:
    """Inner products of what the heads make of each key, `v W_O`, in double precision.

    Without `weight` the heads stand side by side, so that different ones are at right angles.
    """
    if weight is None:
        return torch.diag_embed(in_double(values).square().sum(-1).transpose(1, 2))
    found: list[Tensor] = []
    for one in _pieces(in_double(values), weight):
        made = torch.einsum("rhkf,hfo->rkho", one, in_double(weight))
        found.append(made @ made.mT)
    return torch.cat(found, 1)


def together(
    weights: Float[Tensor, "row head query key"], inner: Float[Tensor, "row key head head"]
) -> Float[Tensor, "row query key"]:
    """`‖Σ_h α^h v^h W_O^h‖` out of the inner products of its terms: no vector for each pair of query and key is made.

    Two heads that cancel leave up to 1e-8 of what each of them adds.
    """
    row, heads, _, keys = weights.shape
    found: list[Tensor] = []
    for one in weights.split(max(1, _PIECE // (row * heads * keys)), 2):
        share = in_double(one).permute(0, 3, 2, 1)
        found.append(((share @ inner) * share).sum(-1).clamp(min=0).sqrt().transpose(1, 2))
    return torch.cat(found, 1).to(weights)


def _pieces(values: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
    """Some keys at a time."""
    row, heads, _, _ = values.shape
    return values.split(max(1, _PIECE // (row * heads * weight.shape[-1])), 2)


def rank_agreement(
    weights: Float[Tensor, "row head query key"], norms: Float[Tensor, "row head query key"]
) -> Float[Tensor, "row"]:
    """Spearman's correlation over the keys that a query looks at, mean over heads and queries; equal values share their
    mean rank. Queries with fewer than three such keys, or with a single value for all, do not count: NaN if none does.
    """
    from scipy.stats import rankdata

    allowed = (weights > 0).cpu().numpy()
    count = allowed.sum(-1, keepdims=True)
    centred = list[np.ndarray]()
    for one in (weights, norms):
        ranks = rankdata(np.where(allowed, one.double().cpu().numpy(), np.inf), axis=-1)
        mean = np.where(allowed, ranks, 0.0).sum(-1, keepdims=True) / np.maximum(count, 1)
        centred.append(np.where(allowed, ranks - mean, 0.0))
    both, (first, second) = (centred[0] * centred[1]).sum(-1), [np.sqrt((one**2).sum(-1)) for one in centred]
    counts = (count[..., 0] > 2) & (first > 0) & (second > 0)
    found = torch.from_numpy(np.where(counts, both / np.where(counts, first * second, 1.0), np.nan))
    return found.flatten(1).nanmean(1)
