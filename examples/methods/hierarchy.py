"""How the answer koala forms from layer to layer: a ledger that sums to the score at every level."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/hierarchy.png")
asked = parser.parse_args()

result, maps = pl.hierarchy()(lens(), PHOTOS / "koala.jpg")
result.save(asked.out)
print(result.describe())
print(maps.describe())
