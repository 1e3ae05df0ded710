"""The operations of a network and the shapes that flow between them; of a model without values as well."""

import argparse
from collections import Counter

import torch
from torch import nn

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/flow_graph.png")
asked = parser.parse_args()

result = pl.flow_graph()(lens(), PHOTOS / "koala.jpg")
result.save(asked.out)
print(result.describe())
costly = max(result.nodes, key=lambda node: node["flops"])
print(f"{result.facts['flops'] / 1e6:,.0f} million FLOPs, most of them in {costly['site']}: {costly['attributes']}")

# On the meta device nothing is allocated and nothing computed: 24 blocks of 8,192 features, 18 billion parameters.
with torch.device("meta"):
    block = nn.TransformerEncoderLayer(8192, 64, 28672, batch_first=True)
    large = nn.TransformerEncoder(block, 24, enable_nested_tensor=False).eval()
graph = pl.flow_graph()(large, torch.empty(1, 2048, 8192, device="meta"))
print(f"{graph.facts['parameters'] / 1e9:.0f} billion parameters, {graph.facts['operations']} operations")
print("folded:", Counter(len(paths) for paths in graph.folds), "and", graph.facts["flops"] / 1e12, "TFLOPs")
