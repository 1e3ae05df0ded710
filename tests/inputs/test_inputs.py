import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pellucid.inputs.inputs import Inputs
from pellucid.results.base import Base

image, table = torch.randn(4, 3, 5, 5), torch.randn(4, 2)
tokens, mask = torch.randint(0, 9, (4, 6)), torch.ones(4, 6, dtype=torch.bool)


def test_names_and_what_is_explained() -> None:
    assert Inputs((image,)).explained == ("input",)
    assert Inputs((image, table, 3)).explained == ("0", "1")
    assert Inputs((), {"ids": tokens, "mask": mask}).explained == ("ids",)
    assert Inputs((), {"ids": tokens, "boxes": table}).explained == ("boxes",)
    assert Inputs((tokens,)).is_discrete and not Inputs((tokens, image)).is_discrete


def test_rows_cut_every_tensor_with_the_batch_axis_and_its_base() -> None:
    base = Base("image", np.zeros((4, 5, 5, 3)))
    cut = Inputs((image, torch.arange(7), "mode"), base={"0": base}).rows(1, 3)
    assert torch.equal(cut.args[0], image[1:3]) and cut.args[1].shape == (7,) and cut.args[2] == "mode"
    assert cut.base["0"].values is not None and len(cut.base["0"].values) == 2
    words = Base("tokens", names=(("a",), ("b",), ("c",), ("d",)))
    assert Inputs((tokens,), base={"input": words}).rows(1, 3).base["input"].names == (("b",), ("c",))


@given(st.integers(1, 5))
def test_repeated_puts_example_i_of_copy_k_at_row_k_size_plus_i(times: int) -> None:
    many = Inputs((image,), {"table": table, "scale": torch.tensor(2.0)}, embedded={}).repeated(times)
    assert many.size == 4 * times and many.kwargs["scale"].ndim == 0
    assert all(torch.equal(many.args[0][k * 4 + i], image[i]) for k in range(times) for i in range(4))


def test_replaced_swaps_floating_inputs_and_embeds_integer_ones() -> None:
    assert Inputs((image, table)).replaced({"1": table * 2}).args[1].equal(table * 2)
    assert Inputs((tokens,)).replaced({"input": image}).embedded["input"] is image


@pytest.mark.parametrize(
    "other",
    [
        Inputs((image + 1e-7,)),
        Inputs((image.double(),)),
        Inputs((image.transpose(2, 3).contiguous().transpose(2, 3),)),
        Inputs((image, 1)),
        Inputs((), {"x": image}),
        Inputs((image,), embedded={"input": table}),
    ],
)
def test_bits_that_differ(other: Inputs) -> None:
    assert not Inputs((image,)).same_bits(other)


def test_bits_that_are_the_same() -> None:
    nan = torch.tensor([[float("nan"), -0.0]])
    assert Inputs((image, {"a": 1}), {"flag": True}).same_bits(Inputs((image.clone(), {"a": 1}), {"flag": True}))
    assert Inputs((nan,)).same_bits(Inputs((nan.clone(),)))
    assert not Inputs((nan,)).same_bits(Inputs((nan.abs(),)))
    assert Inputs((torch.tensor([1 + 2j]),)).same_bits(Inputs((torch.tensor([1 + 2j]),)))


def test_canvas_is_the_base_with_that_many_axes() -> None:
    bases = {"0": Base("features", np.zeros((1, 2))), "1": Base("image", np.zeros((1, 4, 4, 3)))}
    inputs = Inputs((table, image), base=bases)
    assert inputs.canvas(2) is bases["1"] and inputs.canvas(3) is None and inputs.canvas(1) is None
