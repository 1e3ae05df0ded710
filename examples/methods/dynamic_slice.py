"""The few units of the last blocks that carry the answer koala, and the score without all others."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/dynamic_slice.png")
asked = parser.parse_args()

layers = ["_blocks.11", "_blocks.12", "_blocks.13", "_blocks.14", "_blocks.15", "_swish#1"]
result, trial, shares = pl.dynamic_slice(theta=0.9, layer=layers, steps=2, controls=1)(lens(), PHOTOS / "koala.jpg")
result.save(asked.out)
print(result.describe())
print(trial.describe())
print(shares.describe())
