"""The operations of a network and the shapes that flow between them; of a model without values as well."""

import argparse

from torch import empty, nn

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/flow_graph.png")
asked = parser.parse_args()

result = pl.flow_graph()(lens(), PHOTOS / "koala.jpg")
result.save(asked.out)
print(result.describe())

block = nn.TransformerEncoderLayer(8192, 64, 28672, batch_first=True, device="meta")
large = nn.TransformerEncoder(block, 24, enable_nested_tensor=False).eval()
print(pl.flow_graph()(large, empty(1, 2048, 8192, device="meta")).describe())
