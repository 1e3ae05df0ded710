"""Grad-CAM++ of three lemurs: an object that is there more than once."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/grad_cam_plus_plus.png")
asked = parser.parse_args()

result = pl.grad_cam_plus_plus()(lens(), PHOTOS / "lemur.jpg")
result.save(asked.out)
print(result.describe())
