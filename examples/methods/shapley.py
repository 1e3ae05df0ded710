"""Shapley values of a German shepherd, from its blurred picture: how the regions share the answer."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/shapley.png")
asked = parser.parse_args()

result = pl.shapley(groups="superpixels:30", baselines="blur", n_samples=16)(lens(), PHOTOS / "german_shepherd.jpg")
result.save(asked.out)
print(result.describe())
