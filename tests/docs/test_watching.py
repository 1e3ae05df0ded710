"""The page on watching a training: its code runs, and what it makes is there."""

import pytest
import torch
import torch.distributed as distributed
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import pellucid as pl
from docs.build import WRITTEN
from tests.docs.test_build import blocks
from tests.integrations.test_lightning import Classifier
from tests.integrations.test_trainer import Model

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning:lightning", "ignore::FutureWarning:lightning", "ignore:'pin_memory' argument:UserWarning"
)


def test_every_library_is_watched_as_the_page_says(tmp_path, monkeypatch):
    for name in ("HF_HUB_OFFLINE", "TQDM_DISABLE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.chdir(tmp_path)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    data = TensorDataset(torch.randn(32, 4), torch.arange(32) % 3)
    named = {
        "pl": pl, "cross_entropy": cross_entropy, "model": model, "loader": DataLoader(data, batch_size=8),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1), "module": Classifier(), "transformer": Model(),
        "rows": [{"x": torch.randn(3), "labels": i % 2} for i in range(32)],
    }  # fmt: skip
    for block in blocks((WRITTEN / "watching.md").read_text(encoding="utf-8")):
        if "DistributedDataParallel" in block:
            distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
        exec(compile(block, "page", "exec"), named)
    distributed.destroy_process_group()
    steps = {path.name: pl.Run.open(path).history.last + 1 for path in (tmp_path / "runs").iterdir()}
    assert steps == {"first": 8, "lightning": 8, "trainer": 4, "accelerate": 2, "parallel": 4}
    assert {pl.Run.open(path).state for path in (tmp_path / "runs").iterdir()} == {"finished"}
    assert (tmp_path / "training.html").exists() and list((tmp_path / "board").iterdir())


def test_both_languages_have_the_same_code():
    one, other = (blocks((WRITTEN / page).read_text(encoding="utf-8")) for page in ("watching.md", "zh/watching.md"))
    assert one == other and len(one) == 7
