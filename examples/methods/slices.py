"""A few levels of the network side by side: weights, activation, gradient."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/slices.png")
asked = parser.parse_args()

result = pl.slices(layer=["_conv_stem", "_blocks.*._depthwise_conv", "_conv_head"])(lens(), PHOTOS / "jaguar.jpg")
result.save(asked.out)
print(result.describe())
