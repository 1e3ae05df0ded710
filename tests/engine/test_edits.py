import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pellucid.core.errors import BadSetting, LayerNotFound
from pellucid.engine.edits import ablate, edit, mask, patch
from pellucid.engine.looker import Looker
from pellucid.engine.passes import OUTPUT, Pass
from pellucid.inputs.read import read
from tests.engine.asking import ask, see
from tests.networks import NETWORKS, seeded


class Net(nn.Module):
    """Functional activations, a module called twice, an addition."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.fc = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1), nn.Linear(4, 3)

    def forward(self, x, at=None, change=None):
        """`change` is what a hand-edited twin does at the place `at`."""

        def here(place, tensor):
            return change(tensor) if place == at else tensor

        x = here("input", x)
        x = here("/relu.0", F.relu(here("conv1", self.conv1(x))))
        y = here("conv2#0", self.conv2(here("conv2#0:in", x)))
        y = here("conv2#1", self.conv2(here("conv2#1:in", y)))
        y = here("/add.0", x + y)
        return here("output", self.fc(here("fc:in", y.mean((2, 3)))))


MODEL = seeded(Net)()
X = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(5))
PLACES = ["input", "conv1", "/relu.0", "conv2#0:in", "conv2#0", "conv2#1:in", "conv2#1", "/add.0", "fc:in", "output"]
DRAW = torch.Generator().manual_seed(7)
KEEP = (torch.rand(8, 8, generator=DRAW) > 0.5).float()
CHANGES = {
    "ablate": (lambda at: ablate(at), torch.zeros_like),
    "ablate to a value": (lambda at: ablate(at, 0.7), lambda t: torch.full_like(t, 0.7)),
    "patch": (lambda at: patch(at, torch.tensor(1.5, dtype=torch.float64)), lambda t: torch.full_like(t, 1.5)),
    "mask": (lambda at: mask(at, torch.tensor(0.25)), lambda t: t * 0.25),
    "function": (lambda at: edit(at, lambda t: t.flip(0).sin()), lambda t: t.flip(0).sin()),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", CHANGES)
def test_an_edit_equals_the_twin_that_was_edited_by_hand(place, kind):
    make, change = CHANGES[kind]
    x = X.clone().requires_grad_()
    expected = MODEL(x, place, change)
    seen = see(MODEL, X, keep=["output", "conv1"], edits=(make(place),))
    assert torch.equal(seen["output"], expected.detach()) and torch.equal(seen.output, expected.detach())
    if expected.requires_grad:
        (gradient,) = torch.autograd.grad(expected[:, 1].sum(), x, allow_unused=True)
        found = (
            see(MODEL, X, grads=["input"], target=1, edits=(make(place),)).grad("input")
            if gradient is not None
            else None
        )
        assert gradient is None or place == "input" or torch.allclose(found, gradient, atol=1e-7)


def test_a_call_index_edits_that_call_alone_and_without_one_all():
    first = MODEL(X, "conv2#0", torch.zeros_like)
    assert torch.equal(see(MODEL, X, keep=["output"], edits=(ablate("conv2#0"),))["output"], first)
    both = see(MODEL, X, keep=["conv2"], edits=(ablate("conv2"),)).at("conv2")
    assert len(both) == 2 and not any(spot.value.any() for spot in both)


def test_the_gradient_at_an_edited_place_is_that_of_what_flows_on():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    x = torch.randn(2, 3)
    seen = see(model, x, keep=["0"], grads=["0"], target=0, edits=(edit("0", lambda t: t + 1),))
    flows = (model[0](x) + 1).detach().requires_grad_()
    assert torch.equal(seen["0"], flows)
    assert torch.equal(seen.grad("0"), torch.autograd.grad(model[2](model[1](flows))[:, 0].sum(), flows)[0])


@pytest.mark.parametrize("name", ["conv1:weight", "fc:bias"])
def test_a_parameter_is_edited_on_a_copy(name):
    path, _, last = name.partition(":")
    before = {key: value.clone() for key, value in MODEL.state_dict().items()}
    twin = seeded(Net)()
    with torch.no_grad():
        getattr(getattr(twin, path), last).mul_(0.5)
    seen = see(MODEL, X, keep=["output", name], edits=(mask(name, torch.tensor(0.5)),))
    assert torch.equal(seen["output"], twin(X).detach())
    assert torch.equal(seen[name], getattr(getattr(twin, path), last).detach())
    assert all(torch.equal(value, before[key]) for key, value in MODEL.state_dict().items())


def test_the_gradient_of_an_edited_parameter_is_taken_where_it_was_edited():
    twin = seeded(Net)()
    with torch.no_grad():
        twin.fc.weight.zero_()
    expected = torch.autograd.grad(twin(X)[:, 1].sum(), twin.fc.weight)[0]
    seen = see(MODEL, X, grads=["fc:weight"], target=1, edits=(ablate("fc:weight"),))
    assert torch.allclose(seen.grad("fc:weight"), expected, atol=1e-6)


def test_a_frozen_parameter_is_edited_too():
    model = seeded(Net)().requires_grad_(False)
    seen = see(
        model, X, keep=["output"], grads=["conv1:weight"], target=0, edits=(mask("conv1:weight", torch.tensor(2.0)),)
    )
    assert seen.grad("conv1:weight").any() and not any(one.requires_grad for one in model.parameters())


def test_edits_apply_in_their_order():
    double, more = edit("conv1", lambda t: t * 2), edit("conv1", lambda t: t + 1)
    plain = see(MODEL, X, keep=["conv1"])["conv1"]
    assert torch.equal(see(MODEL, X, keep=["conv1"], edits=(double, more))["conv1"], plain * 2 + 1)
    assert torch.equal(see(MODEL, X, keep=["conv1"], edits=(more, double))["conv1"], (plain + 1) * 2)


def test_a_part_of_a_tuple_is_edited():
    network = NETWORKS["lstm"]
    seen = see(network.build(), network.x(2), keep=["lstm@1.0", "lstm"], edits=(ablate("lstm@1.0"),))
    assert not seen["lstm@1.0"].any() and seen["lstm"].any()


def test_an_embedding_of_integers_is_edited_as_the_input():
    network = NETWORKS["tied_lm"]
    model, x = network.build(), network.x(2)
    zeros = model.head(model.again(F.relu(model.first(torch.zeros(2, x.shape[1], 6))))).detach()
    assert torch.equal(see(model, x, keep=["output"], edits=(ablate("input"),))["output"], zeros)


def test_the_models_own_tensors_are_not_written():
    x = X.clone()
    see(
        MODEL,
        x,
        keep=["output"],
        edits=(edit("input", lambda t: t.zero_()), edit("conv1", lambda t: t.clone().zero_())),
    )
    assert torch.equal(x, X)


@pytest.mark.parametrize("place", ["conv1", "/relu.0", "conv2#0:in", "input", "fc:weight", "output"])
def test_a_wrong_shape_is_refused_by_name(place):
    with pytest.raises(BadSetting, match=rf"edit at '{place}' gives shape \(1,\), the network has") as caught:
        see(MODEL, X, keep=["output"], edits=(edit(place, lambda t: torch.zeros(1)),))
    assert "the network has (" in caught.value.what


@pytest.mark.parametrize("place", ["conv9", "conv1:gain", "conv1:in:weight"])
def test_a_place_that_cannot_exist_is_refused_before_the_pass(place):
    with pytest.raises(LayerNotFound):
        see(MODEL, X, keep=["output"], edits=(ablate(place),))


@pytest.mark.parametrize("place", ["/relu.7", "conv1#3", "/sigmoid.0", "*.conv"])
def test_a_place_that_this_forward_does_not_have_says_that_nothing_was_edited(place):
    with pytest.raises(LayerNotFound, match="so nothing was edited") as caught:
        see(MODEL, X, keep=["output"], edits=(ablate(place),))
    assert f"'{place}'" in caught.value.what and caught.value.nearest


def test_edits_are_part_of_the_key_of_a_forward():
    looker, x = Looker(MODEL), read(X)
    _, cost = ask(
        looker,
        Pass(x, keep=[OUTPUT]),
        Pass(x, keep=["conv1"]),
        Pass(x, keep=[OUTPUT], edits=(ablate("conv1"),)),
        Pass(x, keep=["conv1"], edits=(ablate("conv1"),)),
        Pass(x, keep=[OUTPUT], edits=(ablate("conv1", 1.0),)),
    )
    assert cost.forwards == 3


def test_equal_edits():
    value = torch.randn(3)
    assert patch("a", value) == patch("a", value.clone()) and hash(patch("a", value)) == hash(patch("a", value.clone()))
    assert (
        ablate("a") == ablate("a") != ablate("a", 1.0)
        and ablate("a") != ablate("b")
        and ablate("a") != patch("a", value)
    )
    assert patch("a", value) != mask("a", value) and patch("a", value) != patch("a", value.double())
    change = torch.sin
    assert edit("a", change) == edit("a", change) != edit("a", torch.cos) and ablate("a") != "a"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda at: edit(at, lambda t: t.no_such_thing), "edit at 'conv1' raised AttributeError"),
        (lambda at: patch(at, torch.zeros(7, 7)), "patch at 'conv1' raised RuntimeError"),
        (lambda at: mask(at, torch.zeros(2, 1, 4, 6, 6)), r"mask at 'conv1' gives shape \(2, 2, 4, 6, 6\)"),
    ],
)
def test_an_edit_that_raises_is_to_blame_and_not_the_model(change, words):
    with pytest.raises(BadSetting, match=words):
        see(MODEL, X, keep=["output"], edits=(change("conv1"),))


@pytest.mark.parametrize("place", ["conv1", "input", "fc:weight"])
def test_a_wrong_edit_fails_alone(place):
    wrong = edit(place, lambda t: torch.zeros(1))
    x = read(X)
    (bad, good, other), _ = ask(
        MODEL,
        Pass(x, keep=[OUTPUT], edits=(wrong,)),
        Pass(x, keep=[OUTPUT]),
        Pass(x, keep=[OUTPUT], edits=(ablate("conv1"),)),
    )
    assert isinstance(bad, BadSetting)
    assert torch.equal(good[OUTPUT], MODEL(X).detach()) and torch.equal(
        other[OUTPUT], MODEL(X, "conv1", torch.zeros_like)
    )


def test_what_is_patched_in_is_not_written_by_the_model() -> None:
    """The model writes into what flows: into a copy of the caller's tensor."""
    value = torch.full((2, 3), -1.0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.ReLU(inplace=True))
    seen = see(model, torch.ones(2, 3), keep=("output",), edits=(patch("0", value),))
    assert not seen["output"].any() and (value == -1).all()
