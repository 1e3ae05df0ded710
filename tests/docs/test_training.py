"""The trainings of the page on vanishing gradients, short and on pictures that are made up."""

import gzip

import numpy as np
import pytest
import torch

from docs.training import accuracies, bars, digits, told, train

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def runs():
    return {(8, name): train(8, name, bars(), 21) for name in ("sigmoid", "relu")}


def test_sigmoids_lose_three_quarters_a_layer_and_rectifiers_nothing(runs) -> None:
    for name, factor in (("sigmoid", 0.25), ("relu", 1.0)):
        flow = runs[8, name].grid("flow")
        kept = [i for i, layer in enumerate(flow.layers) if layer.endswith("weights")]
        assert len(kept) == 8
        assert (flow.values[0, kept[0]] / flow.values[0, kept[-1]]) ** (1 / 7) == pytest.approx(factor, rel=0.15)
    vanishes = [any("vanishes" in note.en for note in one.see("gradient_flow")[0].notes) for one in runs.values()]
    assert vanishes == [True, False]


def test_what_is_told_and_drawn(runs) -> None:
    assert "per layer at step 0" in told(runs[8, "relu"])
    shown = accuracies(runs)
    assert list(shown.curves) == ["8 sigmoid", "8 relu"] and shown.positions == (19.0,)
    assert shown.called("8 relu").zh == "8 层 ReLU"


def test_digits_are_read(tmp_path) -> None:
    table = np.column_stack([np.full((10, 784), 255), np.arange(10)])
    with gzip.open(tmp_path / "digits.csv.gz", "wt") as file:
        np.savetxt(file, table, fmt="%d", delimiter=",")
    read = digits(tmp_path / "digits.csv.gz")
    assert read.x.shape == (10, 1, 28, 28) and float(read.x.max()) == 1.0 and read.kept == 2
    assert sorted(read.labels.tolist()) == list(range(10)) and len(read.training[0]) == 8
