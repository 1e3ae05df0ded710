"""`python -m benchmarks.ablation [--quick] [--rounds N] [LAYER ...]`: Ablation-CAM beside pytorch-grad-cam's, and CAMs.

Both sides take away equally many channels; each picks those that it holds most promising, as it offers to its users.
"""

import argparse
import contextlib
import io
import os
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytorch_grad_cam as peer
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torchvision.models import resnet18, resnet50

import pellucid as pl
from benchmarks import page
from benchmarks.clock import interleaved
from benchmarks.sides import LAYERS, TARGET, Case

CHANNELS, TRIED = 256, 32
AT_ONCE = (1, 4, 8, 16, 32)
AIMS = {"layer4": 50.0, "layer3": 3.0}
FIRST, LATER, PEER = "pellucid, a new lens", "pellucid", "pytorch-grad-cam"
CAMS = {
    "grad_cam": peer.GradCAM,
    "grad_cam_plus_plus": peer.GradCAMPlusPlus,
    "hires_cam": peer.HiResCAM,
    "layer_cam": peer.LayerCAM,
    "xgrad_cam": peer.XGradCAM,
}


def theirs(case: Case, make: Callable[..., Any], layer: str, **settings: Any) -> Any:
    """One picture of the peer, without its progress bar."""
    place = case.twin.get_submodule(layer)
    with contextlib.redirect_stderr(io.StringIO()), make(case.twin, [place], **settings) as cam:
        return cam(case.x, [ClassifierOutputTarget(TARGET)])


def ablated_by_peer(case: Case, layer: str, channels: int, width: int, at_once: int) -> Any:
    """The peer's; of `width` channels it takes the ratio of the most promising ones and as many of the least."""
    ratio = channels / 2 / width
    return theirs(case, peer.AblationCAM, layer, batch_size=at_once, ratio_channels_to_ablate=ratio)


def ablated(lens: pl.Lens, case: Case, layer: str) -> Any:
    """One look of pellucid's."""
    return lens.see(case.x, pl.ablation_cam(layer=layer, channels=CHANNELS), target=TARGET)


def ablation(case: Case, layer: str, rounds: int) -> str:
    """One layer measured, as a row of the table."""
    width = pl.activation_maps(layer=layer)(case.model, case.x).values.shape[1]
    each = {str(many): partial(ablated_by_peer, case, layer, TRIED, width, many) for many in AT_ONCE}
    tried = interleaved(each, rounds=1, warm=0)
    best = min(AT_ONCE, key=lambda many: tried.median(str(many)))
    ablated(case.lens, case, layer)
    sides: dict[str, Callable[[], Any]] = {
        FIRST: lambda: ablated(pl.Lens(case.model), case, layer),
        LATER: lambda: ablated(case.lens, case, layer),
        PEER: partial(ablated_by_peer, case, layer, CHANNELS, width, best),
    }
    times = interleaved(sides, rounds, warm=0)
    middle, low, high = times.ratio(PEER, LATER)
    first, first_low, first_high = times.ratio(PEER, FIRST)
    aim = AIMS[layer]
    seconds = f"{times.median(LATER):.2f} | {times.median(FIRST):.2f} | {times.median(PEER):.1f} ({best} at once)"
    ratios = f"{middle:.1f} ({low:.1f}–{high:.1f}) | {first:.1f} ({first_low:.1f}–{first_high:.1f})"
    return f"| {layer} | {seconds} | {ratios} | ≥ {aim:g}: {'yes' if middle >= aim else 'no'} |"


def gradient_cams(case: Case, rounds: int) -> str:
    """Five methods at four layers, as a row of the second table."""
    views = [getattr(pl, name)(layer=layer) for name in CAMS for layer in LAYERS]
    sides: dict[str, Callable[[], Any]] = {
        LATER: lambda: case.lens.see(case.x, *views, target=TARGET),
        PEER: lambda: [theirs(case, make, layer) for make in CAMS.values() for layer in LAYERS],
    }
    cost = case.lens.see(case.x, *views, target=TARGET).cost
    times = interleaved(sides, rounds)
    middle, low, high = times.ratio(PEER, LATER)
    return (
        f"| five gradient CAMs at four layers | {times.median(LATER):.2f} ({cost.forwards} forward, {cost.backwards} "
        f"backward) | {times.median(PEER):.1f} | {middle:.1f} ({low:.1f}–{high:.1f}) |"
    )


def table(rounds: int = 3, *, quick: bool = False, layers: Sequence[str] = tuple(AIMS)) -> list[str]:
    """What was measured, as lines of Markdown.

    Args:
        rounds: in each every side runs once.
        quick: a smaller network and picture.
        layers: where channels are taken away.
    """
    warnings.filterwarnings("ignore", message="Setting (backward|forward, backward) hooks")
    name, make, size = ("resnet18", resnet18, 112) if quick else ("resnet50", resnet50, 224)
    case = Case.of(make, size)
    said = (
        f"{name}, random weights, one picture of {size} × {size}; CPU seconds, one thread, median of {rounds} rounds."
    )
    return [
        f"Ablation-CAM, {CHANNELS} channels: {said}",
        "",
        "| layer | pellucid | a new lens | pytorch-grad-cam | times faster (lowest–highest) | a new lens | aim |",
        "|---|---|---|---|---|---|---|",
        *(ablation(case, layer, rounds) for layer in layers),
        "",
        "| pictures | pellucid | pytorch-grad-cam | times faster (lowest–highest) |",
        "|---|---|---|---|",
        gradient_cams(case, rounds),
    ]


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=__doc__)
    asked.add_argument("--quick", action="store_true", help="a smaller network")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("layers", nargs="*", default=list(AIMS), help="layer4, layer3")
    asked.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    given = asked.parse_args()
    torch.set_num_threads(1)
    text = "\n".join(table(given.rounds, quick=given.quick, layers=given.layers))
    print(text)
    if given.write:
        page.put("ablation", text)


if __name__ == "__main__":
    main()
