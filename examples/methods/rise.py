"""RISE on hens: where random masks may hide nothing."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/rise.png")
asked = parser.parse_args()

result = pl.rise(n_samples=1024, tolerance=0.08)(lens(), PHOTOS / "hen.jpg")
result.save(asked.out)
print(result.describe())
