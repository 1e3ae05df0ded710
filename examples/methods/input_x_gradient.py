"""Input × gradient of a macaw: what each pixel adds to the answer, to first order."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/input_x_gradient.png")
asked = parser.parse_args()

result = pl.input_x_gradient()(lens(), PHOTOS / "macaw.jpg")
result.save(asked.out)
print(result.describe())
