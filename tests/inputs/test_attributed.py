import numpy as np
import pytest
import torch

from pellucid.inputs.attributed import attributed
from pellucid.inputs.inputs import Inputs
from pellucid.results.base import Base

IMAGE, SERIES = Base("image", np.zeros((1, 4, 4, 3))), Base("series", np.zeros((1, 2, 5)))
TOKENS, ROW = Base("tokens", names=(("a", "b"),)), Base("features", np.zeros((1, 3)))


@pytest.mark.parametrize(
    ("base", "shape", "axes", "complete", "partial"),
    [
        (IMAGE, (1, 3, 4, 4), ("batch", "channel", "height", "width"), "sum", "max_abs"),
        (SERIES, (1, 2, 5), ("batch", "channel", "time"), "sum", "max_abs"),
        (TOKENS, (1, 2, 7), ("batch", "token", "feature"), "sum", "l2"),
        (ROW, (1, 3), ("batch", "feature"), "none", "none"),
        (None, (1, 2, 3), ("batch", "axis 1", "axis 2"), "none", "none"),
    ],
)
def test_axes_and_reduction_follow_the_base(
    base: Base | None, shape: tuple[int, ...], axes: tuple[str, ...], complete: str, partial: str
) -> None:
    x = Inputs((torch.zeros(shape),), base={"input": base} if base else {})
    for whole, reduction in ((True, complete), (False, partial)):
        (result,) = attributed(x, {"input": torch.ones(shape)}, complete=whole, signed=True)
        assert (result.axes, result.reduction, result.base, result.signed) == (axes, reduction, base, True)


def test_one_result_for_each_input() -> None:
    x = Inputs((torch.zeros(1, 3, 4, 4), torch.zeros(1, 3)), base={"0": IMAGE, "1": ROW})
    results = attributed(x, dict(x.tensors), complete=True)
    assert [result.input for result in results] == ["0", "1"]


def test_inputs_that_are_not_explained_are_named() -> None:
    x = Inputs((torch.zeros(1, 4, dtype=torch.long), torch.zeros(1, 5, dtype=torch.long)))
    (result,) = attributed(x, {"0": torch.ones(1, 4, 2)}, complete=True)
    assert [note.en for note in result.notes] == ["Explained: '0'. Held as given: '1'."]
    assert "'1'" in result.notes[0].zh
