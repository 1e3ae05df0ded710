"""The ledger sums to the score at every level; maps sum to their level's evidence; how early a class is read off."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet18

import pellucid as pl
from tests.networks import NETWORKS, seeded
from tests.oracle import naive

EXACT = [
    "article_net",
    "in_place",
    "called_twice",
    "residual",
    "segmentation",
    "functional",
    "rows",
    "series",
    "volume",
]
EXACT += ["two_inputs", "dict_output", "child_named_output", "unused_branch", "checkpointed"]


def seen(network: str, **settings: object) -> tuple[object, ...]:
    """All results on a network of the zoo, in double precision."""
    x = NETWORKS[network].x(2)
    x = tuple(one.double() for one in x) if isinstance(x, tuple) else x.double()
    given = pl.hierarchy(**settings)(NETWORKS[network].build().double(), x)
    return given if isinstance(given, tuple) else (given,)


def restated(model: nn.Module, layer: nn.Module, x: Tensor, target: list[int]) -> Tensor:
    """`Σ a ∂f/∂a` of a module that is called once, per example."""
    value, gradient = naive.layer_gradient(model, layer, x, target)
    return (value * gradient).flatten(1).sum(1)


def test_evidence_is_value_times_gradient() -> None:
    model, x = NETWORKS["article_net"].build().double(), NETWORKS["article_net"].x(2).double()
    ledger = pl.hierarchy(layer=("conv1", "conv2", "fc1", "fc3"))(model, x, target=[1, 2])[0]
    assert ledger.labels == ("input", "conv1", "conv2", "fc1", "fc3")
    shares = naive.input_x_gradient(model, x, [1, 2]).flatten(1).sum(1)
    expected = [shares, *(restated(model, model.get_submodule(one), x, [1, 2]) for one in ledger.labels[1:])]
    np.testing.assert_allclose(ledger.curves["evidence"], [float(one[0]) for one in expected], rtol=1e-10)
    later = float(naive.chosen(model(x).detach(), [1, 2])[0]) - ledger.curves["evidence"]
    np.testing.assert_allclose(ledger.curves["constants"], later, atol=1e-15)
    assert float(ledger.curves["constants"][-1]) == 0.0


@pytest.mark.parametrize("network", EXACT)
def test_the_ledger_sums_to_the_score_at_every_level(network: str) -> None:
    ledger = seen(network)[0]
    score = ledger.targets[0].score
    total = sum(ledger.curves.values())
    np.testing.assert_allclose(total, np.full(len(ledger.labels), score), atol=1e-13 * abs(score))
    assert ledger.facts["rest"] <= 1e-13 * abs(score) and "rest" not in ledger.curves
    assert len(ledger.labels) >= 3 and "sum to the score" in ledger.notes[0].en


@pytest.mark.parametrize("network", ["smooth", "tiny_vit", "channels_behind"])
def test_what_bends_is_the_rest(network: str) -> None:
    ledger = seen(network)[0]
    total = sum(ledger.curves.values())
    np.testing.assert_allclose(total, np.full(len(ledger.labels), ledger.targets[0].score), atol=1e-12)
    assert ledger.facts["rest"] > 1e-3 and "bends" in ledger.notes[0].en
    assert abs(ledger.curves["rest"][-1]) < 1e-12


def test_resnet_has_its_blocks_as_levels() -> None:
    model = seeded(lambda: resnet18(num_classes=10))().double()
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).double()
    ledger, maps = pl.hierarchy()(model, x)
    assert ledger.labels[:4] == ("input", "relu", "maxpool", "layer1.0") and ledger.labels[-1] == "fc"
    assert "layer2" in ledger.labels and "layer2.0.conv1" not in ledger.labels
    assert ledger.facts["rest"] <= 1e-12 and maps.facts["levels"][0] == "input"


def test_maps_sum_to_the_evidence_of_their_level() -> None:
    ledger, maps = seen("residual")
    assert maps.axes == ("batch", "level", "height", "width") and maps.values.shape[:2] == (2, 3)
    for k, name in enumerate(maps.facts["levels"]):
        at = ledger.labels.index(name)
        np.testing.assert_allclose(maps.values[0, k].sum(), ledger.curves["evidence"][at], rtol=0.02)
    assert maps.images[0].shape[2] == 3 and len(maps.images) == 4


def test_one_forward_and_one_backward() -> None:
    lens, x = pl.Lens(NETWORKS["residual"].build()), NETWORKS["residual"].x(2)
    cost = lens.see(x, pl.hierarchy(), pl.saliency(), pl.grad_cam()).cost
    assert (cost.forwards, cost.backwards) == (1, 1)


def test_fewer_levels_end_at_the_last() -> None:
    every, few = seen("article_net")[0].labels, seen("article_net", levels_shown=3)[0].labels
    assert len(few) == 4 and few[-1] == every[-1] and set(few) < set(every)


def test_two_examples() -> None:
    first, second, maps = seen("residual", examples=2)
    assert first.targets != second.targets or first.facts["evidence"] != second.facts["evidence"]
    assert len(maps.images) == 8 and str(maps.groups[-1]) != str(maps.groups[0])


def test_the_difference_of_two_classes_is_the_difference_of_their_ledgers() -> None:
    model, x = NETWORKS["article_net"].build().double(), NETWORKS["article_net"].x(1).double()
    one, two, both = (
        pl.hierarchy()(model, x, target=target)[0].curves["evidence"] for target in (1, 2, pl.contrast(1, 2))
    )
    np.testing.assert_allclose(one - two, both, atol=1e-15)


def labelled(count: int = 20) -> tuple[Tensor, Tensor]:
    """Pictures of two classes, red and blue."""
    generator = torch.Generator().manual_seed(0)
    shown, labels = torch.randn(count, 3, 32, 32, generator=generator), torch.arange(count) % 2
    shown[labels == 0, 0] += 1.0
    shown[labels == 1, 2] += 1.0
    return shown, labels


def test_classes_that_differ_in_colour_are_told_at_the_input() -> None:
    shown, labels = labelled()
    model = NETWORKS["article_net"].build()
    views = pl.Lens(model).see(shown[:1], pl.hierarchy(labelled=(shown, labels)), target=0)
    ledger, _, read = views[0]
    assert read.labels == ledger.labels and read.curves["right"][0] == 1.0 and read.curves["margin"][0] > 0.5
    assert views.cost.forwards == 2 and (np.abs(read.curves["margin"]) <= 1).all()
    assert read.facts["right"] == tuple(read.curves["right"].tolist())


def test_read_off_is_the_nearest_class_mean_of_pooled_activations() -> None:
    shown, labels = labelled()
    model = NETWORKS["article_net"].build()
    read = pl.hierarchy(layer="conv2", labelled=(shown, labels))(model, shown[:1], target=1)[-1]
    pooled = naive.activation(model, model.conv2, shown)[0].mean((2, 3))
    means = torch.stack([pooled[labels == k].mean(0) for k in (0, 1)])
    near, far = ((pooled[0] - means[k]).norm() for k in (1, 0))
    np.testing.assert_allclose(read.curves["margin"][1], float((far - near) / (far + near)), rtol=1e-4)


def test_a_class_without_examples_has_no_margin() -> None:
    shown, labels = labelled()
    read = pl.hierarchy(labelled=(shown, labels))(NETWORKS["article_net"].build(), shown[:1], target=7)[-1]
    assert "margin" not in read.curves and "No labelled example" in read.notes[0].en


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((torch.zeros(4, 3, 8, 8), (0, 1, 0, 1)), "are not like the input"),
        ((torch.zeros(4, 3, 32, 32), (0, 0, 0, 0)), "4 labels of 1 classes"),
        ((torch.zeros(4, 3, 32, 32), (0, 1)), "2 labels"),
        ((torch.zeros(2, 3, 32, 32), ("cat", "dog")), "no class is called 'cat'"),
    ],
)
def test_errors(given: tuple[Tensor, tuple[object, ...]], says: str) -> None:
    with pytest.raises(pl.BadSetting, match=says):
        pl.hierarchy(labelled=given)(NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1))
