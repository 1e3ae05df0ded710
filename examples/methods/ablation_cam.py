"""Ablation-CAM of a koala: the features without which the answer would fall."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/ablation_cam.png")
asked = parser.parse_args()

result = pl.ablation_cam()(lens(), PHOTOS / "koala.jpg")
result.save(asked.out)
print(result.describe())
