"""Which first filters a photograph of a koala would change, and how, if it were trained on."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/gradient_maps.png")
asked = parser.parse_args()

result = pl.gradient_maps()(lens(), PHOTOS / "koala.jpg")
result.save(asked.out)
print(result.describe())
