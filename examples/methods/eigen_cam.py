"""EigenCAM of a polar bear: what stands out, whatever the answer."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/eigen_cam.png")
asked = parser.parse_args()

result = pl.eigen_cam()(lens(), PHOTOS / "ice_bear.jpg")
result.save(asked.out)
print(result.describe())
