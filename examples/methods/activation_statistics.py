"""How much of every activation is used by a photograph of a lemur."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/activation_statistics.png")
asked = parser.parse_args()

result = pl.activation_statistics()(lens(), PHOTOS / "lemur.jpg")
result.save(asked.out)
print(result.describe())
