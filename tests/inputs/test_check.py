import numpy as np
import pytest
import torch

from pellucid.core.errors import BadInput
from pellucid.inputs.check import as_tensor, checked

CPU = torch.device("cpu")


def ready(x: torch.Tensor, **how: object) -> torch.Tensor:
    return checked(x, "x", **{"alone": True, "device": CPU, "dtype": None, **how})[0]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0)[::-1].reshape(2, 3),
        np.arange(6, dtype=">i4").reshape(2, 3).T,
        np.ones((2, 2), bool),
        np.ones(3, np.complex64),
        np.float32(3),
    ],
)
def test_arrays_become_tensors_of_their_own(array) -> None:
    array = np.asarray(array)
    array.setflags(write=False)
    tensor = as_tensor(array, "x")
    np.testing.assert_array_equal(tensor.numpy(), array)
    tensor.zero_()
    assert array.any()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([[1], [1, 2]], dtype=object), "objects"),
        (np.array(["a"]), "<U1"),
        (np.zeros(2, "M8[s]"), "datetime"),
        (np.zeros(2, np.longdouble), "number type"),
    ],
)
def test_arrays_that_hold_no_numbers(array, words) -> None:
    with pytest.raises(BadInput, match=words):
        as_tensor(array, "x")


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (torch.tensor(1.0), "no axis"),
        (torch.rand(0, 3), r"empty: its shape is \(0, 3\)"),
        (torch.rand(2, 0), "empty"),
        (torch.eye(3).to_sparse(), "dense"),
        (
            torch.tensor([[1, float("nan")], [float("inf"), float("nan")]]),
            r"2 NaN and 1 infinite among 4 values, the first at \(0, 1\)",
        ),
        (torch.tensor([1.0, -float("inf")]), "1 infinite among 2"),
    ],
)
def test_refused(x, words) -> None:
    with pytest.raises(BadInput, match=words):
        ready(x)


def test_masks_may_hold_minus_infinity_but_not_nan() -> None:
    mask = torch.tensor([[0.0, -float("inf")]])
    assert torch.equal(
        checked(mask, "x['attention_mask']", alone=False, device=CPU, dtype=torch.float64)[0], mask.double()
    )
    with pytest.raises(BadInput, match="NaN"):
        checked(mask * 0, "x['attention_mask']", alone=False, device=CPU, dtype=None)


def test_cast_is_told() -> None:
    cast, note = checked(torch.rand(2, 3, dtype=torch.float64), "x", alone=True, device=CPU, dtype=torch.bfloat16)
    assert cast.dtype == torch.bfloat16 and "float64 was cast to bfloat16" in note.en and "float64" in note.zh
    x = torch.rand(2, 3)
    same, note = checked(x, "x", alone=True, device=CPU, dtype=torch.float32)
    assert note is None and same.data_ptr() == x.data_ptr()
    whole = torch.tensor([1, 2])
    assert ready(whole, dtype=torch.float16).dtype == torch.int64


def test_values_that_the_models_type_cannot_hold() -> None:
    with pytest.raises(BadInput, match="too large for float16"):
        ready(torch.tensor([1e6]), dtype=torch.float16)


def test_scalars_beside_other_inputs() -> None:
    assert ready(torch.tensor(3), alone=False).ndim == 0
    with pytest.raises(BadInput, match="no axis"):
        ready(torch.tensor(3.0), alone=False)


def test_moved_to_the_device() -> None:
    assert ready(torch.rand(2, 3), device=torch.device("meta")).is_meta
