"""Score-CAM of a koala: the features through which alone the answer is still seen."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/score_cam.png")
asked = parser.parse_args()

result = pl.score_cam()(lens(), PHOTOS / "koala.jpg")
result.save(asked.out)
print(result.describe())
