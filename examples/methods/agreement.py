"""Why this answer, and not the other: a picture with two animals, by four methods side by side."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import composite, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/agreement.png")
asked = parser.parse_args()

result, matrix = pl.agreement()(lens(), composite())
result.save(asked.out)
print(result.describe())
print(matrix.describe())
