"""`python -m benchmarks.maximization [--rounds N] [--write]`: many channels in one batch beside torch-lucent's one.

torch-lucent 0.1.8 is no dependency: it asks for an old kornia and for notebooks. Give a folder that holds it with
kornia 0.4.1, decorator and IPython by `--peer DIR`; without it only pellucid's side is measured.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import nn
from torchvision.models import resnet50

import pellucid as pl
from benchmarks import page
from benchmarks.clock import Times, interleaved
from pellucid.registry import factory

SIDE, STEPS, CHANNELS, LAYER = 128, 32, 16, "layer3"
PELLUCID, ALONE, PEER = "pellucid, 16 channels", "pellucid, 1 channel", "torch-lucent, 1 channel"
AIM = 0.6


def ours(lens: pl.Lens, x: torch.Tensor, channels: int) -> Callable[[], Any]:
    """A look at channels of the layer, with all that a user gets: noise to compare with, pictures, curves."""
    view = factory("activation_maximization")(layer=LAYER, channels=tuple(range(channels)), n_steps=STEPS)
    return lambda: lens.see(x, view)


def theirs(model: nn.Module) -> Callable[[], Any]:
    """The peer's picture of one channel, with its own transforms, shown to the network at the same size."""
    render, param = import_module("lucent.optvis.render"), import_module("lucent.optvis.param")
    settings = {"thresholds": (STEPS,), "fixed_image_size": SIDE, "progress": False, "show_image": False}
    return lambda: render.render_vis(model, f"{LAYER}:0", lambda: param.image(SIDE), **settings)


def table(times: Times, rounds: int) -> str:
    """What was measured, as text."""
    channels = {PELLUCID: CHANNELS, ALONE: 1, PEER: 1}
    said = (
        f"resnet50 of torchvision, random weights, channels of `{LAYER}`, {SIDE} × {SIDE}, {STEPS} steps, float32, one "
        f"thread, CPU seconds, median of {rounds} rounds in which every side ran once. pellucid's seconds include its "
        "first look, eight noise inputs for each channel, and the results."
    )
    rows = ["| side | CPU seconds | milliseconds for a step and a channel | of torch-lucent's (lowest–highest) |"]
    rows.append("|---|---|---|---|")
    for side in times.seconds:
        each = times.median(side) / STEPS / channels[side] * 1000
        ratio = "–"
        if PEER in times.seconds:
            ratios = [one / channels[side] for one in times.ratio(side, PEER)]
            ratio = f"{ratios[0]:.2f} ({ratios[1]:.2f}–{ratios[2]:.2f})"
        rows.append(f"| {side} | {times.median(side):.1f} | {each:.0f} | {ratio} |")
    return "\n".join([said, "", *rows, "", f"The aim for the first row is ≤ {AIM}."])


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.maximization", description=__doc__)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--peer", help="folder that holds torch-lucent and what it imports")
    asked.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    given = asked.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, x = resnet50(weights=None).eval(), torch.rand(1, 3, SIDE, SIDE)
    lens = pl.Lens(model)
    sides = {PELLUCID: ours(lens, x, CHANNELS), ALONE: ours(lens, x, 1)}
    if given.peer:
        sys.path.insert(0, given.peer)
        warnings.simplefilter("ignore")
        sides[PEER] = theirs(model)
    text = table(interleaved(sides, given.rounds, warm=0), given.rounds)
    print(text)
    if given.write:
        page.put("maximization", text)


if __name__ == "__main__":
    main()
