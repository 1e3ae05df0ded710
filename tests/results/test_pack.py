from pathlib import PurePosixPath

import numpy as np
import pytest
import torch

from pellucid.core.text import Text
from pellucid.results.pack import Packer, unpack
from tests.results import samples


@pytest.mark.parametrize(
    ("value", "packed"),
    [
        pytest.param((1, 2), {"$tuple": [1, 2]}, id="tuple"),
        pytest.param({1: "a"}, {"$map": [[1, "a"]]}, id="keys that are no strings"),
        pytest.param({"$tuple": 1}, {"$map": [["$tuple", 1]]}, id="a key that looks like a mark"),
        pytest.param(float("nan"), {"$float": "nan"}, id="nan"),
        pytest.param(np.float32(0.5), 0.5, id="numpy number"),
        pytest.param(np.bool_(True), True, id="numpy truth"),
        pytest.param(Text("a", "b"), {"$text": ["a", "b"]}, id="text"),
        pytest.param(Text("a", "b", aside=True), {"$text": ["a", "b", True]}, id="aside"),
        pytest.param(PurePosixPath("a/b"), "PurePosixPath('a/b')", id="anything else"),
    ],
)
def test_what_json_lacks(value, packed):
    assert Packer().pack(value, "x") == packed


def test_arrays_are_named_by_their_path():
    packer = Packer()
    packer.pack({"a": [np.zeros(1), torch.ones(2)], "b.c": np.zeros(3), "b": {"c": np.zeros(4)}}, "facts")
    assert {name: array.size for name, array in packer.arrays.items()} == {
        "facts.a.0": 1,
        "facts.a.1": 2,
        "facts.b.c": 3,
        "facts.b.c~": 4,
    }


def test_half_precision_tensors_become_single():
    packer = Packer()
    packer.pack(torch.ones(2, dtype=torch.bfloat16), "x")
    assert packer.arrays["x"].dtype == np.float32


def test_a_record_can_be_left_out():
    packed = Packer(skip=Text).pack((Text("a"), 1), "x")
    assert packed == {"$tuple": [None, 1]}


def test_results_within_results():
    packer = Packer()
    packed = packer.pack((samples.series(),), "beside")
    assert unpack(packed, packer.arrays) == (samples.series(),)
    assert "beside.0.curves.train" in packer.arrays


def test_a_function_prints_without_its_address_in_memory():
    assert "0x" not in Packer().pack(lambda: 0, "x")
