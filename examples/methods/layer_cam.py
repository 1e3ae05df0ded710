"""LayerCAM of a macaw at an early layer: fine outlines of what raises the answer."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/layer_cam.png")
asked = parser.parse_args()

result = pl.layer_cam(layer="_blocks.4")(lens(), PHOTOS / "macaw.jpg")
result.save(asked.out)
print(result.describe())
