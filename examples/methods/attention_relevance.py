"""What an induction head copies: after "3 1 … 3" it says 1, and is led back to that very 1."""

import argparse

import torch
from torch import Tensor, nn

import pellucid as pl

LENGTH = 9


class Induction(nn.Embedding):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        x = super().forward(input)
        word, place = x.split([7, LENGTH], 2)
        place = place + torch.eye(LENGTH)
        before = attend(place.roll(-1, 2), place, word)
        return attend(word, before, word)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return nn.functional.scaled_dot_product_attention(9 * query, key, value, scale=1.0, is_causal=True)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/attention_relevance.png")
asked = parser.parse_args()

model = Induction.from_pretrained(torch.eye(7, 7 + LENGTH))
result = pl.attention_relevance()(model, torch.tensor([[0, 3, 1, 5, 2, 6, 4, 2, 3]]))
result.save(asked.out)
print(result.describe())
