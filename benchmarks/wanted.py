"""`python -m benchmarks.wanted --photographs DIR`: what optimised inputs reach beside the best real ones.

On EfficientNet-Lite0 with its ImageNet weights: of some channels of a middle layer, how many optimised inputs, looked
at unmoved, exceed the best of the squares of the photographs at the same size; and of ten classes, how many pictures
the network itself recognises. DIR as for docs.units. No part of a test: it takes minutes.
"""

import argparse
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

import pellucid as pl
from docs.units import photographs_of, squares
from pellucid.registry import factory

LAYER, CHANNELS, AIM = "_blocks.9", 64, 0.8
CLASSES = (  # drawn by lot: numpy.random.default_rng(0).permutation(1000)[:10]
    "beagle",
    "curly-coated retriever",
    "kuvasz",
    "Cardigan",
    "ibex",
    "brassiere",
    "crash helmet",
    "perfume",
    "speedboat",
    "volleyball",
)


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.wanted", description=__doc__)
    asked.add_argument("--photographs", type=Path, required=True, help="where gcompris-qt-data was unpacked")
    asked.add_argument("--side", type=int, default=224, help="of real and of optimised inputs")
    asked.add_argument("--steps", type=int, default=256)
    asked.add_argument("--layer", default=LAYER)
    asked.add_argument("--channels", type=int, default=CHANNELS)
    asked.add_argument("--prior", default="fourier")
    asked.add_argument("--only", choices=("channels", "classes"))
    given = asked.parse_args()
    torch.set_num_threads(1)
    demo = pl.open("demo")
    stated = pl.Preprocess((127.0,), (128.0,), size=given.side, resize=given.side * 256 // 224, range=(0.0, 255.0))
    lens = pl.Lens(demo.model, name=demo.name, labels=demo.labels, preprocess=stated)
    settings: dict[str, Any] = {"n_steps": given.steps, "prior": given.prior}
    if given.only != "classes":
        channels(lens, given, settings)
    if given.only != "channels":
        classes(lens, settings)


def channels(lens: pl.Lens, given: argparse.Namespace, settings: dict[str, Any]) -> None:
    """The channels of a middle layer beside the squares of the photographs."""
    began = time.process_time()
    with TemporaryDirectory() as folder:
        for name, picture in squares(sorted(photographs_of(given.photographs).items())):
            picture.save(Path(folder) / f"{name}.png")
        wanted = tuple(range(given.channels))
        view = factory("activation_maximization")(layer=given.layer, channels=wanted, k=0, **settings)
        pictures = lens.sweep(f"folder:{folder}", view)[0][0]
    facts = pictures.facts
    triples = list(zip(facts["objective"], facts["best of data"], facts["best of noise"], strict=True))
    more, noisy = [made > real for made, real, _ in triples], sum(made > noise for made, _, noise in triples)
    print(
        f"{given.layer}, {given.side} px, {given.steps} steps, prior {given.prior}: {sum(more)} of {len(more)} "
        f"channels ({sum(more) / len(more):.0%}, wanted {AIM:.0%}) exceed the best of {facts['samples']} real squares; "
        f"{noisy} exceed the best of noise; "
        f"{time.process_time() - began:.0f} CPU seconds"
    )
    for i, (made, real, noise) in enumerate(triples):
        if made <= real:
            print(f"  channel {i}: {made:.3g}, best real {real:.3g}, best of noise {noise:.3g}")


def classes(lens: pl.Lens, settings: dict[str, Any]) -> None:
    """Ten class pictures, looked at by the network."""
    began = time.process_time()
    facts: dict[str, Any] = {"recognised": 0}
    for one in CLASSES:
        found = lens.see(None, factory("activation_maximization")(**settings), target=one)[0][0]
        facts["recognised"] += found.facts["recognised"]
        info = found.targets[0]
        print(
            f"  {one}: logit {info.score:.3g}, p = {info.probability:.2f}, {found.facts['steps'][0]} steps", flush=True
        )
    print(f"{facts['recognised']} of {len(CLASSES)} recognised, {time.process_time() - began:.0f} CPU seconds")


if __name__ == "__main__":
    main()
