"""Which queries of an attention count, which are compared, and which keys are separators."""

import torch
from torch import Tensor

from pellucid.engine.attention.attention import Attention
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.words import is_special
from pellucid.methods.attention._tokens import names_of


def sample(weights: Tensor, counts: Tensor | None, most: int) -> Tensor:
    """`(head, query, key)`: evenly spread queries of all examples, those that are no padding."""
    flat = weights.transpose(0, 1).flatten(1, 2)
    which = torch.arange(flat.shape[1]) if counts is None else counts.flatten().nonzero()[:, 0].cpu()
    picked = which[torch.linspace(0, len(which) - 1, min(most, len(which))).long()]
    return flat[:, picked.to(flat.device)]


def counted(x: Inputs, one: Attention) -> Tensor | None:
    """`(row, query)`: which tokens are no padding, where the input says so."""
    mask = x.tensors.get("attention_mask")
    fits = mask is not None and tuple(mask.shape) == (one.shape[0], one.shape[2]) and one.kind == "self"
    return mask.bool() if mask is not None and fits else None


def separators(x: Inputs, one: Attention) -> Tensor | None:
    """`(row, key)`: special tokens but the first of a text."""
    names = [[str(name) for name in row] for row in names_of(x, one, "key")]
    marked = torch.tensor([[i > 0 and is_special(name) for i, name in enumerate(row)] for row in names])
    return marked.expand(one.shape[0], -1) if marked.any() and len(marked) in (1, one.shape[0]) else None
