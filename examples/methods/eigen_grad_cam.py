"""EigenGrad-CAM of two jaguars: the main pattern in what the cells add to the answer."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/eigen_grad_cam.png")
asked = parser.parse_args()

result = pl.eigen_grad_cam()(lens(), PHOTOS / "jaguar.jpg")
result.save(asked.out)
print(result.describe())
