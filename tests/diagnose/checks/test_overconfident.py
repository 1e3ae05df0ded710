"""The check overconfident."""

import pytest
import torch
from torch import nn

import pellucid as pl


def test_the_calibration_error_of_a_sure_guesser():
    """Sure of class 0 everywhere, right in a quarter of 40 examples: the error is three quarters."""
    model = nn.Linear(2, 4)
    with torch.no_grad():
        model.weight.zero_()
        model.bias.copy_(torch.tensor([50.0, 0, 0, 0]))
    found = pl.Lens(model).diagnose(torch.randn(40, 2), labels=[0, 1, 2, 3] * 10)
    (one,) = [one for one in found if one.check == "overconfident"]
    assert one.severity == "medium" and one.evidence.facts["calibration error"] == pytest.approx(0.75)


def test_an_honest_one_is_no_finding():
    model = nn.Linear(2, 4)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    found = pl.Lens(model).diagnose(torch.randn(40, 2), labels=[0, 1, 2, 3] * 10)
    assert "overconfident" in found.passed


def test_sure_and_never_right_asks_about_the_labels_first():
    model = nn.Linear(4, 4, bias=False)
    with torch.no_grad():
        model.weight.copy_(50 * torch.eye(4))
    x, labels = torch.eye(4).repeat(10, 1), [0, 1, 2, 3] * 10
    (one,) = [
        one for one in pl.Lens(model).diagnose(x, labels=[(one + 1) % 4 for one in labels]) if one.place == "output"
    ]
    assert one.advice.en.startswith("Are the labels") and one.advice.zh.startswith("标签")
    assert "overconfident" in pl.Lens(model).diagnose(x, labels=labels).passed


def test_an_output_that_is_nan_is_sure_of_nothing():
    model = nn.Linear(2, 4)
    nn.init.constant_(model.bias, float("nan"))
    found = pl.Lens(model).diagnose(torch.randn(40, 2), labels=[0, 1, 2, 3] * 10)
    assert "overconfident" in {one.check for one in found.not_made}
