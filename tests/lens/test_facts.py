from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadRequest
from pellucid.inputs.data.open import open_data
from pellucid.inputs.data.preparation import Preparation
from pellucid.lens.facts import facts_of
from pellucid.lens.feed import Feed
from pellucid.lens.provenance import Origin

ROWS = torch.randn(9, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def net(stride: int = 1) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 5, 3, stride), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


class Words:
    """A tokenizer with a vocabulary."""

    padding_side, model_max_length = "right", 16

    def __init__(self, vocabulary: dict[str, int]) -> None:
        self.vocabulary = vocabulary

    def get_vocab(self) -> dict[str, int]:
        return self.vocabulary


def facts(
    model: nn.Module | None = None, data: Any = ROWS, preprocess: Any = None, tokenizer: Any = None, seed: int = 0
) -> dict[str, Any]:
    lens = pl.Lens(net() if model is None else model)
    looker = lens._looker
    feed = Feed(open_data(data), Preparation(preprocess, tokenizer, dtype=torch.float32), lens.read)
    return facts_of(feed, Origin(looker, "net"), looker, seed)


def halved() -> Callable[[Image.Image], torch.Tensor]:
    return lambda picture: torch.from_numpy(np.array(picture)).permute(2, 0, 1) / 2


def doubled() -> Callable[[Image.Image], torch.Tensor]:
    return lambda picture: torch.from_numpy(np.array(picture)).permute(2, 0, 1) * 2


def other_weights() -> nn.Module:
    model = net()
    nn.init.ones_(model.get_parameter("0.bias"))
    return model


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"model": other_weights()}, {"weights"}),
        ({"model": net(2)}, {"architecture"}),
        ({"data": ROWS + 1}, {"data"}),
        ({"data": ROWS.double()}, {"data"}),
        ({"preprocess": halved()}, {"preprocessing"}),
        ({"preprocess": "imagenet"}, {"preprocessing"}),
        ({"tokenizer": Words({"a": 0})}, {"tokenizer"}),
        ({"seed": 1}, {"seed"}),
    ],
    ids=["weights", "stride", "data", "numbers", "function", "preset", "tokenizer", "seed"],
)
def test_what_the_result_depends_on_is_named(settings: dict[str, Any], named: set[str]) -> None:
    one, two = facts(), facts(**settings)
    assert {name for name in one if one[name] != two[name]} == named


def test_equal_settings_of_other_objects_are_equal() -> None:
    assert facts() == facts(net(), ROWS.clone())
    assert facts(preprocess=halved()) == facts(preprocess=halved()) != facts(preprocess=doubled())
    assert facts(tokenizer=Words({"a": 0})) == facts(tokenizer=Words({"a": 0}))
    assert facts(tokenizer=Words({"a": 0})) != facts(tokenizer=Words({"b": 0}))


def test_precision_is_a_fact() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert facts()["precision"] == "matmul highest, autocast to torch.bfloat16"
    assert facts()["precision"] == "matmul highest"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model": other_weights()}, "weights differ"),
        ({"model": net(2)}, "architecture differ"),
        ({"data": ROWS + 1}, "data differ"),
        ({"data": ROWS[:8]}, "data, samples differ"),
        ({"batch_size": 3}, "batch size, shard differ"),
        ({"seed": 1}, "seed differ"),
        ({"view": pl.top_regions(layer="0", k=2)}, "gathered differ"),
        ({"view": pl.top_regions(layer="1", k=3)}, "gathered differ"),
    ],
    ids=["weights", "stride", "data", "fewer", "batches", "seed", "k", "layer"],
)
def test_a_sweep_goes_on_only_as_it_began(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    def swept(model: Any = None, data: Any = ROWS, view: Any = None, **settings: Any) -> Any:
        lens = pl.Lens(net() if model is None else model)
        view = pl.top_regions(layer="0", k=3) if view is None else view
        return lens.sweep(data, view, folder=tmp_path / "run", resume=True, **{"batch_size": 2, **settings})

    first = swept()
    with pytest.raises(BadRequest, match=named):
        swept(**change)
    again = swept()
    assert [one.digest for one in first[0]] == [one.digest for one in again[0]]
