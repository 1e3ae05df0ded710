"""`python -m benchmarks.graph [--quick] [--rounds N]`: the graph of resnet50 beside its forward and torchlens' trace.

torchlens and torchview are no dependencies; they are measured where they can be imported.
"""

import argparse
import os
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import nn
from torchvision.models import resnet18, resnet50

import pellucid as pl
from benchmarks import page
from benchmarks.clock import interleaved

FORWARD, GRAPH, SHAPES = "bare forward", "`flow_graph` with values", "`flow_graph(real=False)`"
LENS, VIEW = "torchlens, `trace`", "torchview, `draw_graph`"
MOST, LEAST = 3.0, 5.0


def table(rounds: int = 5, *, quick: bool = False) -> list[str]:
    """What was measured, as lines of Markdown.

    Args:
        rounds: in each every side runs once.
        quick: resnet18 at half the size.
    """
    torch.manual_seed(0)
    make, size = (resnet18, 112) if quick else (resnet50, 224)
    model, x = make().eval(), torch.randn(1, 3, size, size)
    lens = pl.Lens(model)
    sides: dict[str, Callable[[], Any]] = {
        FORWARD: lambda: _forward(model, x),
        GRAPH: lambda: lens.see(x, pl.flow_graph()),
        SHAPES: lambda: lens.see(x, pl.flow_graph(real=False)),
        **_peers(model, x),
    }
    times = interleaved(sides, rounds)
    rows = []
    for side in sides:
        of_forward, low, high = times.ratio(side, FORWARD)
        of_graph = times.ratio(side, GRAPH)[0]
        aim = {GRAPH: (f"≤ {MOST:g} forwards", of_forward <= MOST), LENS: (f"≥ {LEAST:g} graphs", of_graph >= LEAST)}
        words, held = aim.get(side, ("–", True))
        reached = "–" if words == "–" or quick else f"{words}: {'yes' if held else 'no'}"
        seconds, others = f"{times.median(side):.2f}", f"{of_forward:.2f} ({low:.2f}–{high:.2f}) | {of_graph:.2f}"
        rows.append(f"| {side} | {seconds} | {others} | {reached} |")
    graph = lens.see(x, pl.flow_graph())[0]
    names = ("torch", *(name for name in ("torchlens", "torchview") if find_spec(name)))
    said = (
        f"The graph of {make.__name__}: {graph.facts['operations']} operations, {graph.facts['connections']} "
        f"connections. Random weights, one picture of {size} × {size}, float32, one thread, CPU seconds, median of "
        f"{rounds} rounds. " + ", ".join(f"{name} {version(name)}" for name in names) + "."
    )
    heads = "| side | CPU seconds | of the forward (lowest–highest) | of our graph | aim |"
    return [said, "", heads, "|---|---|---|---|---|", *rows]


def _forward(model: nn.Module, x: torch.Tensor) -> Any:
    with torch.no_grad():
        return model(x)


def _peers(model: nn.Module, x: torch.Tensor) -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {}
    if find_spec("torchlens"):
        found[LENS] = lambda: import_module("torchlens").trace(model, x)
    if find_spec("torchview"):
        draw: Any = import_module("torchview").draw_graph
        found[VIEW] = lambda: draw(model, input_data=x, depth=100, expand_nested=True, device="cpu")
    return found


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.graph", description=__doc__)
    asked.add_argument("--quick", action="store_true", help="a smaller network")
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    given = asked.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    text = "\n".join(table(given.rounds, quick=given.quick))
    print(text)
    if given.write:
        page.put("graph", text)


if __name__ == "__main__":
    main()
