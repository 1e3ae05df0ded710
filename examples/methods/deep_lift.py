"""DeepLIFT of a koala, from an even grey: the whole difference of the scores, shared among the pixels."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/deep_lift.png")
asked = parser.parse_args()

result = pl.deep_lift()(lens(), PHOTOS / "koala.jpg")
result.save(asked.out)
print(result.describe())
