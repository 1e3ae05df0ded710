"""LIME on a macaw: which regions a linear model of the answer counts on."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/lime.png")
asked = parser.parse_args()

result = pl.lime(groups="superpixels:40")(lens(), PHOTOS / "macaw.jpg")
result.save(asked.out)
print(result.describe())
