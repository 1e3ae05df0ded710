"""Attention heads of a small transformer: what each of them does, and which are alike."""

import argparse

import torch
from torch import nn

import pellucid as pl

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/attention_heads.png")
asked = parser.parse_args()

torch.manual_seed(0)
model = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 8, 64, batch_first=True), 4, enable_nested_tensor=False)
x = torch.randn(1, 16, 32).cumsum(1)

result, _ = pl.attention_heads()(model.eval(), x)
result.save(asked.out)
print(result.describe())
