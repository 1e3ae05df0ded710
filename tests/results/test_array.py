import numpy as np
import pytest
import torch

from pellucid.results.array import as_array


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        (torch.ones(2, requires_grad=True), "f4"),
        (torch.ones(2, dtype=torch.float16), "f4"),
        (torch.ones(2, dtype=torch.bfloat16), "f4"),
        (torch.ones(2, dtype=torch.float64), "f8"),
        (torch.ones(2, dtype=torch.int64), "i8"),
        (torch.ones(2, dtype=torch.bool), "?"),
        (torch.ones(2, dtype=torch.complex64).conj(), "c8"),
        (np.ones(2, "f2"), "f4"),
        ([1.0, 1.0], "f8"),
    ],
)
def test_numbers_of_every_library(given, dtype):
    array = as_array(given)
    assert array.dtype == np.dtype(dtype)
    assert array.tolist() == [1, 1]


def test_the_array_is_a_copy_that_cannot_be_written():
    given = np.zeros(2)
    array = as_array(given)
    given[0] = 1
    assert array[0] == 0
    assert not array.flags.writeable


def test_what_nobody_can_write_is_not_copied():
    given = np.zeros(4)
    view = given[1:]
    view.setflags(write=False)
    assert not np.shares_memory(as_array(view), given), "its owner can still write"
    given.setflags(write=False)
    assert as_array(given) is given
