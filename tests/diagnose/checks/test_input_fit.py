"""The check input_fit."""

import torch

import pellucid as pl
from tests.diagnose.faults import FAULTS, STATED, Coloured, normalised
from tests.diagnose.planted import host


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["swapped normalization"]
    found = plant(0, 2).found()
    assert found[0].check == check == "input_fit"
    assert found[0].evidence.describe("en") and found[0].describe("zh")


def test_what_was_done_is_named():
    _, plant = FAULTS["swapped normalization"]
    assert "swapped" in plant(0, 2).found()[0].said.en
    _, plant = FAULTS["wrong preprocessing"]
    assert "0..255" in plant(0, 2).found()[0].said.en


def test_the_right_preprocessing_and_random_numbers_are_no_finding():
    model = Coloured(host("plain")).eval()
    for x in (normalised(0, STATED[0].mean, STATED[0].std), torch.randn(4, 3, 64, 64).clamp(-1.7, 2.0)):
        assert "input_fit" in pl.Lens(model, preprocess="imagenet").diagnose(x).passed
