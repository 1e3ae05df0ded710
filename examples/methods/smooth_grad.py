"""SmoothGrad of a jaguar: the gradient, averaged over noisy copies, loses its grain."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/smooth_grad.png")
asked = parser.parse_args()

result = pl.smooth_grad(of="saliency", n_samples=25, noise=0.1)(lens(), PHOTOS / "jaguar.jpg")
result.save(asked.out)
print(result.describe())
