"""Three layers that each look one step back: how much each step of a series can pass on to the last one at most."""

import argparse

import torch
from torch import Tensor, nn

import pellucid as pl


class Backward(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        near = -200.0 * (torch.arange(x.shape[1])[:, None] - 1 - torch.arange(x.shape[1])).abs()
        for _ in range(3):
            x = x + near.expand(len(x), -1, -1).softmax(-1) @ x
        return x[:, -1]


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/attention_max_flow.png")
asked = parser.parse_args()

result = pl.attention_max_flow(query="last")(
    Backward(), torch.randn(1, 10, 4, generator=torch.Generator().manual_seed(0))
)
result.save(asked.out)
print(result.describe())
