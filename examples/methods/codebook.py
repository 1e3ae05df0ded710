"""The kinds of vector that the middle of the network makes of eight photographs, as colours on the photographs."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/codebook.png")
asked = parser.parse_args()

swept = lens().sweep(f"folder:{PHOTOS}", pl.codebook(layer="_blocks.10", codes=8))
result = swept["codebook"][1]
result.save(asked.out)
print(result.describe())
