from typing import Any

import numpy as np
import pytest
import torch

from pellucid.core.errors import NotApplicable
from pellucid.core.sites import Place
from pellucid.engine.passes import INPUT, Pass, Spot
from pellucid.engine.roles import Layout
from pellucid.engine.targets.target import Target
from pellucid.inputs.attributed import attributed, layered, placed
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.read import read
from pellucid.results.base import Base
from tests.engine.asking import ask
from tests.networks import NETWORKS

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


def _spot(shape: tuple[int, ...], layout: Layout | None = None) -> Spot:
    return Spot(Place("a"), "a", torch.ones(shape), torch.ones(shape), layout=layout)


def _picture(examples: int) -> Inputs:
    return Inputs((torch.zeros(examples, 3, 8, 8),), base={"input": Base("image", np.zeros((examples, 8, 8, 3)))})


def test_a_layer_on_the_grid_is_drawn_on_the_picture() -> None:
    value = torch.arange(2 * 5 * 4 * 4.0).reshape(2, 5, 4, 4)
    for layout, shown in (
        (Layout("channels_first", (4, 4)), value),
        (Layout("channels_last", (4, 4)), value.movedim(1, -1)),
        (Layout("tokens", (4, 4)), value.flatten(2).transpose(1, 2)),
    ):
        result = layered(_picture(2), _spot(tuple(shown.shape), layout), shown, complete=True, signed=True)
        assert result.axes == ("batch", "channel", "height", "width") and result.layer == "a"
        assert np.array_equal(result.values, value.numpy()) and result.heat.shape == (2, 8, 8)
        assert (result.reduction, result.base.kind) == ("sum", "image")
    assert (
        layered(_picture(2), _spot((2, 5, 4, 4), Layout("channels_first", (4, 4))), value, complete=False).reduction
        == "max_abs"
    )


def test_what_lies_on_the_class_token_is_told() -> None:
    value = torch.zeros(2, 17, 3)
    value[:, 1:], value[1, 0] = 1.0, -16.0
    spot = _spot((2, 17, 3), Layout("tokens", (4, 4), 1))
    result = layered(_picture(2), spot, value, complete=True, facts={"sum": (48.0, 0.0)})
    assert result.facts == {"sum": (48.0, 0.0), "off the grid": (0.0, -48.0)}
    assert np.array_equal(result.values, np.ones((2, 3, 4, 4)))
    assert "50%" in result.notes[0].en and "50%" in result.notes[0].zh
    value[:, 0] = 0
    assert not layered(_picture(2), spot, value, complete=True).notes


@pytest.mark.parametrize(
    ("base", "shape", "axes", "drawn", "reduction"),
    [
        (IMAGE, (2, 5), ("batch", "feature"), "features", "none"),
        (TOKENS, (2, 2, 5), ("batch", "token", "feature"), "tokens", "sum"),
        (TOKENS, (2, 3, 5), ("batch", "token", "feature"), None, "sum"),
        (SERIES, (2, 5, 7), ("batch", "token", "feature"), None, "sum"),
        (IMAGE, (2, 4, 6, 6), ("batch", "axis 1", "axis 2", "axis 3"), None, "none"),
    ],
)
def test_a_layer_beside_the_grid(base: Base, shape: tuple[int, ...], axes: Any, drawn: Any, reduction: str) -> None:
    x = Inputs((torch.zeros(2, 2),), base={"input": base})
    result = layered(x, _spot(shape), torch.ones(shape), complete=True)
    assert (result.axes, result.reduction) == (axes, reduction) and result.values.shape == shape
    assert (None if result.base is None else result.base.kind) == drawn
    if drawn == "features":
        assert np.array_equal(result.base.values, np.ones(shape)), "the activation stands beside its bar"


@pytest.mark.parametrize("shape", [(2,), (8, 3), (1, 4, 4)])
def test_a_layer_without_an_axis_of_examples_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(NotApplicable, match="no axis for the 2 examples"):
        layered(_picture(2), _spot(shape), torch.ones(shape), complete=True)


def test_inputs_belong_together_and_places_stand_alone() -> None:
    network = NETWORKS["two_inputs"]
    layer = (INPUT, "fc")
    (seen,), _ = ask(network.build(), Pass(read(network.x(2)), keep=[layer], grads=[layer], target=Target(1)))
    spots = seen.at(layer)
    values = [spot.value * spot.gradient for spot in spots]
    x = read(network.x(2))
    results = placed(x, spots, values, complete=True, facts=lambda some: {"parts": len(some)}, signed=True)
    assert [(one.input, one.layer, one.facts["parts"]) for one in results] == [
        ("0", "", 2),
        ("1", "", 2),
        ("input", "fc", 1),
    ]


def test_where_texts_end_is_not_told() -> None:
    ids = torch.tensor([[1, 2]])
    x = read({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
    (result,) = attributed(x, {"input_ids": torch.zeros(1, 2, 3)}, complete=True)
    assert result.notes == ()
