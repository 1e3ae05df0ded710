"""HiResCAM of a bison: what each cell of the layer adds to the answer."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/hires_cam.png")
asked = parser.parse_args()

result = pl.hires_cam(relu=False)(lens(), PHOTOS / "bison.jpg")
result.save(asked.out)
print(result.describe())
