"""What goes along with the units of the first layer in white noise: their filters, found without reading a weight."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/correlation.png")
asked = parser.parse_args()

swept = lens().sweep("noise:96", pl.correlation(layer="_swish#0"))
result = swept["correlation"][0]
result.save(asked.out)
print(result.describe())
