import argparse
import datetime as dt
import functools
from pathlib import Path

import numpy as np
import pytest
import torch

from pellucid.core.errors import BadWeights
from pellucid.inputs.checkpoints.checkpoint import read_weights
from pellucid.inputs.checkpoints.inert import INERT, Inert


def test_what_training_tools_leave_beside_the_weights_is_read_as_nothing(tmp_path: Path) -> None:
    beside = {
        "hyper": argparse.Namespace(rate=1, path=Path("a")),
        "date": dt.datetime(2026, 1, 1),  # noqa: DTZ001
        "best": np.float64(0.5),
        "seen": np.int64(3),
        "partial": functools.partial(print, 1),
    }
    torch.save({"state_dict": {"weight": torch.ones(2)}, **beside}, tmp_path / "a.ckpt")
    with pytest.raises(BadWeights, match=r"asks to run .*print"):
        read_weights(tmp_path / "a.ckpt")
    del beside["partial"]
    torch.save({"state_dict": {"weight": torch.ones(2)}, **beside}, tmp_path / "a.ckpt")
    tensors, _ = read_weights(tmp_path / "a.ckpt")
    assert torch.equal(tensors["weight"], torch.ones(2))


def test_none_of_the_named_classes_is_made() -> None:
    assert {made for made, _ in INERT} == {Inert}
    one = Inert(1, a=2)
    one.__setstate__({"b": 3})
    one["c"] = 4
    assert vars(one) == {}
