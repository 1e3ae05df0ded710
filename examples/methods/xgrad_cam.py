"""XGrad-CAM of a German shepherd: channels weighed where they are active."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/xgrad_cam.png")
asked = parser.parse_args()

result = pl.xgrad_cam()(lens(), PHOTOS / "german_shepherd.jpg")
result.save(asked.out)
print(result.describe())
