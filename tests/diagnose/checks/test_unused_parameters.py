"""The check unused_parameters."""

import pellucid as pl
from tests.diagnose.faults import FAULTS
from tests.networks import NETWORKS


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["unused branch"]
    found = plant(0, 2).found()
    assert found[0].check == check == "unused_parameters"
    assert found[0].evidence.describe("en") and found[0].describe("zh")


def test_what_another_output_reads_is_to_know_only():
    network = NETWORKS["dict_output"]
    (one,) = [one for one in pl.Lens(network.build()).diagnose(network.x(4)) if one.check == "unused_parameters"]
    assert one.severity == "info" and "other tensors" in one.said.en and "其他张量" in one.said.zh
