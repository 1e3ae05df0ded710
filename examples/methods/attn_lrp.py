"""An attention head made by hand copies what followed the last token's earlier twin: relevance names that token, 5."""

import argparse

from torch import Tensor, eye, nn, tensor

import pellucid as pl


class Copies(nn.Embedding):
    def forward(self, tokens: Tensor) -> Tensor:
        x = super().forward(tokens)
        return nn.functional.scaled_dot_product_attention(9 * x, nn.functional.pad(x, (0, 0, 1, -1)), x, scale=1.0)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/attn_lrp.png")
asked = parser.parse_args()
result = pl.attn_lrp()(Copies.from_pretrained(eye(6)), tensor([[0, 3, 1, 5, 2, 4, 2, 1]]), target=(-1, 5))
result.save(asked.out)
