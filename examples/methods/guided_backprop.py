"""Guided backpropagation of a jaguar: the fine structure that excites the answer."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/guided_backprop.png")
asked = parser.parse_args()

result = pl.guided_backprop()(lens(), PHOTOS / "jaguar.jpg")
result.save(asked.out)
print(result.describe())
