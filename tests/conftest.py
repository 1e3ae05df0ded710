"""What every test starts from: one thread, fixed seeds, no screen, no colours of the terminal."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["MPLBACKEND"] = "Agg"
os.environ["NO_COLOR"] = "1"
# Nothing may be fetched while a test runs: a library that tries to is told so and fails at once.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"

import random
from collections.abc import Iterator

import hypothesis
import numpy as np
import pytest
import torch

torch.set_num_threads(1)

hypothesis.settings.register_profile(
    "steady",
    derandomize=True,
    deadline=None,
    max_examples=30,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same random numbers for each test, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)  # libraries that are compared with draw from the old generator
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def figures_closed() -> Iterator[None]:
    """No figure outlives its test."""
    yield
    import sys

    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def generator() -> torch.Generator:
    """A generator of its own, for tests that must not touch the global one."""
    return torch.Generator().manual_seed(0)
