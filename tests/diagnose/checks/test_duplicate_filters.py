"""The check duplicate_filters."""

import pytest
import torch

from pellucid.diagnose.checks.duplicate_filters import twins
from tests.diagnose.faults import FAULTS


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["duplicated filters"]
    found = plant(0, 2).found()
    assert found[0].check == check == "duplicate_filters"
    assert found[0].evidence.describe("en") and found[0].describe("zh")


def test_the_share_is_counted():
    rows = torch.randn(10, 20)
    assert twins(rows) == 0
    rows[3] = rows[7]
    assert twins(rows) == pytest.approx(0.2)
    rows[5] = -rows[4]
    assert twins(rows) == pytest.approx(0.2)
