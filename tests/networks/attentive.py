"""Attention written in every way that people write it: one set of weights, one answer."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Way = Literal["fused", "matmul", "bmm", "einsum", "turned", "module"]
WAYS: tuple[Way, ...] = ("fused", "matmul", "bmm", "einsum", "turned", "module")


class Attentive(nn.Module):
    """`(batch, token, 8)` to `(batch, 3)`: one attention of `heads` heads, their mean, a linear head.

    Args:
        way: how the attention is written.
        groups: how many sets of keys and values the heads share.
    """

    def __init__(self, way: Way, *, heads: int = 4, groups: int = 4, causal: bool = False) -> None:
        super().__init__()
        self.way, self.heads, self.groups, self.causal = way, heads, groups, causal
        generator = torch.Generator().manual_seed(0)
        self.query = nn.Linear(8, 8)
        self.key = nn.Linear(8, 2 * groups)
        self.value = nn.Linear(8, 2 * groups)
        self.out = nn.Linear(8, 8)
        self.head = nn.Linear(8, 3)
        self.softmax = nn.Softmax(-1)
        self.drop = nn.Dropout(0.3)
        for one in self.parameters():
            nn.init.normal_(one, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores."""
        query, key, value = (
            part(x).unflatten(2, (-1, 2)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        mixed = self.attend(query, key, value).transpose(1, 2).flatten(2)
        return self.head((x + self.out(mixed)).tanh().mean(1))

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """`(batch, head, token, 2)`."""
        if self.way == "fused":
            return functional.scaled_dot_product_attention(
                query, key, value, is_causal=self.causal, enable_gqa=self.groups < self.heads
            )
        key, value = (one.repeat_interleave(self.heads // self.groups, 1) for one in (key, value))
        scores = query @ key.transpose(2, 3) / 2**0.5
        if self.causal:
            later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
            scores = scores.masked_fill(later, float("-inf"))
        match self.way:
            case "einsum":
                return torch.einsum("bhij,bhjd->bhid", scores.softmax(3), value)
            case "turned":
                return (value.transpose(2, 3) @ scores.softmax(-1).transpose(-2, -1)).transpose(2, 3)
            case "bmm":
                weights = functional.softmax(scores, dim=-1).flatten(0, 1)
                return torch.bmm(self.drop(weights), value.flatten(0, 1)).unflatten(0, (-1, self.heads))
            case "module":
                return torch.matmul(self.drop(self.softmax(scores)), value)
            case _:
                return torch.softmax(scores, dim=-1).to(value.dtype) @ value
