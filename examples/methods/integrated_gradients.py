"""Integrated gradients of a koala, from black: how the answer is shared among the pixels."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/integrated_gradients.png", help="where the picture is written")
asked = parser.parse_args()

result = pl.integrated_gradients(n_steps=32)(lens(), PHOTOS / "koala.jpg")
result.save(asked.out)
print(result.describe())
