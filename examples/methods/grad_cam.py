"""Grad-CAM of a koala: which regions raise the answer."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/grad_cam.png")
asked = parser.parse_args()

result = pl.grad_cam()(lens(), PHOTOS / "koala.jpg")
result.save(asked.out)
print(result.describe())
