"""The singular values of the last convolution, beside those of a random matrix of the same size."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/weight_spectrum.png")
asked = parser.parse_args()

result, table = pl.weight_spectrum(layer="_conv_head")(lens())
result.save(asked.out)
print(result.describe())
print(table.describe())
