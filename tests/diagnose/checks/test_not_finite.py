"""The check not_finite."""

import torch
from torch import nn

import pellucid as pl
from tests.diagnose.faults import FAULTS


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["NaN born in a log"]
    found = plant(0, 2).found()
    assert found[0].check == check == "not_finite"
    assert found[0].evidence.describe("en") and found[0].describe("zh")


def test_the_operation_is_named():
    _, plant = FAULTS["NaN born in a log"]
    assert plant(0, 1).found()[0].place.endswith("/log.0")


def test_a_weight_that_is_not_finite_is_named():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    with torch.no_grad():
        model[1].weight[0, 0] = float("nan")
    assert pl.Lens(model).diagnose(torch.randn(2, 4))[0].place == "1.weight"


def test_a_mask_of_minus_infinity_is_no_fault():
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    mask = nn.Transformer.generate_square_subsequent_mask(6)
    found = pl.Lens(model).diagnose({"src": torch.randn(2, 6, 8), "src_mask": mask.clamp(min=-1e9)})
    assert "not_finite" in found.passed
