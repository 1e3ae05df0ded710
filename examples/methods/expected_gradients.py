"""Expected gradients of a hen, measured from other photographs instead of an even grey."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/expected_gradients.png")
asked = parser.parse_args()

look = lens()
others = look.read([PHOTOS / f"{name}.jpg" for name in ("bison", "ice_bear", "jaguar", "koala")]).tensors["input"]
result = pl.expected_gradients(baselines=others, n_samples=50)(look, PHOTOS / "hen.jpg")
result.save(asked.out)
print(result.describe())
