"""What the channels of an early layer answer to a photograph of a bison."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/activation_maps.png")
asked = parser.parse_args()

result = pl.activation_maps(layer="_blocks.1._swish#0", channels=12)(lens(), PHOTOS / "bison.jpg")
result.save(asked.out)
print(result.describe())
