"""How large the gradient is at every layer, on its way back from the answer."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/gradient_flow.png")
asked = parser.parse_args()

result = pl.gradient_flow()(lens(), PHOTOS / "koala.jpg")
result.save(asked.out)
print(result.describe())
