"""Relevance of a koala, layer by layer down to its pixels; by the rules of two composites."""

import argparse

import pellucid as pl
from pellucid.zoo.demo import PHOTOS, lens

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/lrp.png")
asked = parser.parse_args()

views = lens().see(PHOTOS / "koala.jpg", pl.lrp(composite="epsilon_gamma_box"), pl.lrp())
result = views[0]
result.save(asked.out)
for one in views:
    print(one.describe())
    print("score", one.facts["score"][0], "arrived at the input", one.facts["sum"][0])
