"""FullGrad of a koala: where its pixels and the biases of all layers act on the answer."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/full_grad.png")
asked = parser.parse_args()

result = pl.full_grad()(lens(), PHOTOS / "koala.jpg")
result.save(asked.out)
print(result.describe())
