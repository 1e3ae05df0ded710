"""What an import costs and what it brings along."""

import subprocess
import sys

import pytest

from tests.architecture.source import PACKAGE, ROOT, package

HEAVY = {
    "matplotlib",
    "PIL",
    "transformers",
    "timm",
    "torchvision",
    "rich",
    "click",
    "sklearn",
    "pandas",
    "ray",
    "scipy.stats",
}
SECONDS = 0.3
TIMED = """
import sys, time
import torch
before = set(sys.modules)
start = time.perf_counter()
import pellucid
print(time.perf_counter() - start)
print(*sorted(set(sys.modules) - before))
"""
WITHOUT_TORCH = """
import importlib, sys
for name in ("torch", "torchvision", "timm"):
    sys.modules[name] = None
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def python(code: str, *arguments: str) -> str:
    """Run code in a fresh interpreter that finds the package where it lies."""
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1", "PATH": ""},
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_import_is_fast_and_light():
    seconds = []
    for _ in range(3):
        first, second = python(TIMED).splitlines()
        seconds.append(float(first))
        assert not HEAVY & set(second.split()), "heavy libraries load when used"
        if min(seconds) < SECONDS:
            return
    pytest.fail(f"import pellucid takes {min(seconds):.2f} s beyond torch, more than {SECONDS} s")


def test_core_results_and_render_work_without_torch():
    names = [
        ".".join(("pellucid", *source.path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        for source in package()
        if source.name.startswith(("core/", "results/", "render/"))
    ]
    assert names
    python(WITHOUT_TORCH, *names)
