"""The operations of a network and the shapes that flow between them."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/flow_graph.png")
asked = parser.parse_args()

result = pl.flow_graph()(lens(), PHOTOS / "koala.jpg")
result.save(asked.out)
print(result.describe())
