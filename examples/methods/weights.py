"""The first filters that the network has learned."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/weights.png")
asked = parser.parse_args()

result = pl.weights()(lens())
result.save(asked.out)
print(result.describe())
