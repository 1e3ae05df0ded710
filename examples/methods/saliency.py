"""Saliency of a macaw: where a small change of the picture would change the answer most."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/saliency.png")
asked = parser.parse_args()

result = pl.saliency()(lens(), PHOTOS / "macaw.jpg")
result.save(asked.out)
print(result.describe())
