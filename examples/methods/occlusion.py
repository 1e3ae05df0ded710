"""Occlusion of a jaguar: which part of the picture, covered by grey, lowers the answer most."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/occlusion.png")
asked = parser.parse_args()

result = pl.occlusion(size=48, stride=16)(lens(), PHOTOS / "jaguar.jpg")
result.save(asked.out)
print(result.describe())
