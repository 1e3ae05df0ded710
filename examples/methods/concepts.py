"""What makes a hen for the network, in pieces of one photograph of hens."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/concepts.png")
asked = parser.parse_args()

swept = lens().sweep(f"folder:{PHOTOS}", pl.concepts(of="hen", concepts=5, crop=0.25))
result = swept["concepts"][0]
result.save(asked.out)
print(result.describe())
