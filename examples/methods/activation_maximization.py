"""What four classes of a network look like to itself, from noise."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/activation_maximization.png")
asked = parser.parse_args()

classes = ["hen", "jaguar", "macaw", "volcano"]
example = [PHOTOS / "koala.jpg"] * len(classes)  # only its size and the range of pictures are used
view = pl.activation_maximization(n_steps=96, size=128)
result, curves = lens().see(example, view, target=classes)[0]
result.save(asked.out)
print(result.describe())
