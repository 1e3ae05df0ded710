"""What eight channels in the middle of the network answer to most, in eight photographs."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/top_regions.png")
asked = parser.parse_args()

swept = lens().sweep(f"folder:{PHOTOS}", pl.top_regions(layer="_blocks.4", k=5))
result = swept["top_regions"][0]
result.save(asked.out)
print(result.describe())
