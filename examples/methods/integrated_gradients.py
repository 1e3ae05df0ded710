"""Integrated gradients of a koala, from an even grey: how the pixels share the answer."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/integrated_gradients.png")
asked = parser.parse_args()

result = pl.integrated_gradients(n_steps=64)(lens(), PHOTOS / "koala.jpg")
result.save(asked.out)
print(result.describe())
