"""What does not depend on a large network: the import, and what a look adds on a tiny one."""

import subprocess
import sys
from statistics import median

import torch
from torch import nn

import pellucid as pl
from benchmarks.clock import Times, interleaved

_IMPORT = """
import time, torch
began = time.process_time()
import pellucid
bare = time.process_time() - began
pellucid.Lens, pellucid.grad_cam
print(bare, time.process_time() - began)
"""
LOOKS = 50


def import_seconds(rounds: int) -> tuple[float, float]:
    """CPU seconds that `import pellucid` adds after `import torch`; and with the first use of a lens and a method.

    Each round is a process of its own; the time is taken inside it.
    """
    each = []
    for _ in range(rounds + 1):
        ran = subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True)
        each.append(tuple(map(float, ran.stdout.split())))
    return median(one for one, _ in each[1:]), median(both for _, both in each[1:])


def tiny_looks(rounds: int) -> Times:
    """`LOOKS` looks at one picture of a network so small that nothing but overhead is left, and as many bare passes."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
    lens, x = pl.Lens(model), torch.randn(1, 3, 8, 8)

    def bare() -> None:
        for _ in range(LOOKS):
            leaf = x.clone().requires_grad_()
            torch.autograd.grad(model(leaf)[:, 1].sum(), leaf)

    def look() -> None:
        for _ in range(LOOKS):
            lens.see(x, pl.saliency(), target=1)

    return interleaved({"bare": bare, "look": look}, rounds)
