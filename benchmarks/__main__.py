"""`python -m benchmarks [--quick] [--write]`: measure, print a table, and with `--write` put it into the README."""

import argparse
import os
import platform
import warnings
from collections.abc import Callable
from importlib.metadata import version
from time import process_time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torchvision.models import resnet18, resnet50

from benchmarks import page, sides, small
from benchmarks.clock import Times, interleaved
from benchmarks.sides import Case

BARE, TEN, TWELVE, ALONE = "bare forward + backward", "pellucid, ten", "pellucid, twelve", "pellucid, one by one"
CAPTUM, WITH_CAMS = "Captum, twelve calls", "Captum with pytorch-grad-cam"
# side, compared with, aim, whether less is better
AIMS = (
    (TEN, BARE, 1.2, True),
    (TWELVE, BARE, 2.5, True),
    (CAPTUM, TWELVE, 2.7, False),
    (WITH_CAMS, TWELVE, 3.5, False),
)


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    asked.add_argument("--quick", action="store_true", help="a smaller network and fewer rounds, under a minute")
    asked.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    given = asked.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="Setting (backward|forward, backward) hooks")
    name, make, size, rounds = ("resnet18", resnet18, 112, 3) if given.quick else ("resnet50", resnet50, 224, 5)
    case = Case.of(make, size)
    began = process_time()
    first = sides.looked(case, sides.twelve())
    first_seconds = process_time() - began
    runs: dict[str, Callable[[], Any]] = {
        BARE: lambda: sides.bare(case),
        TEN: lambda: sides.looked(case, sides.ten()),
        TWELVE: lambda: sides.looked(case, sides.twelve()),
        ALONE: lambda: sides.one_by_one(case),
        CAPTUM: lambda: sides.captum(case),
        WITH_CAMS: lambda: sides.captum_with_cams(case),
    }
    times = interleaved(runs, rounds)
    said = (
        f"{name} of torchvision, random weights, one picture of {size} × {size}, float32, one thread, CPU seconds, "
        f"median of {rounds} rounds in which every side ran once, after one round of warming up. {_versions()}"
    )
    ratios = _ratios(times, judged=not given.quick)
    text = "\n".join([said, "", *_sides(times), "", *ratios, "", *_others(first, first_seconds, rounds)])
    print(text)
    if given.write:
        page.put("measured", text)


def _versions() -> str:
    names = ("torch", "torchvision", "captum", "grad-cam", "numpy")
    return f"Python {platform.python_version()}, " + ", ".join(f"{one} {version(one)}" for one in names) + "."


def _sides(times: Times) -> list[str]:
    rows = ["| side | CPU seconds | of one bare forward + backward (lowest–highest) |", "|---|---|---|"]
    for side in times.seconds:
        middle, low, high = times.ratio(side, BARE)
        rows.append(f"| {side} | {times.median(side):.2f} | {middle:.2f} ({low:.2f}–{high:.2f}) |")
    return rows


def _ratios(times: Times, *, judged: bool) -> list[str]:
    """The aims are meant for the large network; on a small one overhead weighs more."""
    rows = ["| ratio | measured (lowest–highest) | aim | reached |", "|---|---|---|---|"]
    for side, other, aim, less in AIMS:
        middle, low, high = times.ratio(side, other)
        reached = ("yes" if (middle <= aim if less else middle >= aim) else "no") if judged else "–"
        said = f"{'≤' if less else '≥'} {aim}"
        rows.append(f"| {side} / {other} | {middle:.2f} ({low:.2f}–{high:.2f}) | {said} | {reached} |")
    return rows


def _others(first: Any, first_seconds: float, rounds: int) -> list[str]:
    cost, tiny = first.cost, small.tiny_looks(rounds)
    bare_import, used_import = small.import_seconds(rounds)
    look, bare = (tiny.median(side) / small.LOOKS * 1000 for side in ("look", "bare"))
    passes = f"{cost.forwards} forward, {cost.backwards} backwards, {cost.kept_bytes / 2**20:.1f} MiB of tensors kept"
    first, small_one = f"{first_seconds:.2f} s", f"{look:.1f} ms; {bare:.1f} ms"
    imports = f"{bare_import * 1000:.1f} ms; {used_import * 1000:.0f} ms"
    rows = {
        "the twelve together": passes,
        "the first look of a lens, which also hashes the weights and traces the network": first,
        "one look at saliency on a network of five layers; its bare forward + backward": small_one,
        "`import pellucid` after `import torch`; with the first use of a lens and a method": imports,
    }
    return ["| what | measured |", "|---|---|", *(f"| {what} | {measured} |" for what, measured in rows.items())]


if __name__ == "__main__":
    main()
