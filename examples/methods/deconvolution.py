"""The deconvnet on a jaguar: what the excitation of the answer leads back to."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/deconvolution.png")
asked = parser.parse_args()

result = pl.deconvolution()(lens(), PHOTOS / "jaguar.jpg")
result.save(asked.out)
print(result.describe())
