"""Guided Grad-CAM of a German shepherd: fine details, where the class is seen."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/guided_grad_cam.png")
asked = parser.parse_args()

result = pl.guided_grad_cam()(lens(), PHOTOS / "german_shepherd.jpg")
result.save(asked.out)
print(result.describe())
