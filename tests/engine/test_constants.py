"""What is added on the way: the score is the sum of input times gradient and of these."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from pellucid.engine.constants import arguments, fixed, scale_and_shift
from pellucid.engine.passes import INPUT, Pass
from pellucid.engine.rules import GUIDED
from pellucid.engine.targets.target import Target
from pellucid.inputs.read import read
from tests.engine.asking import ask, see
from tests.engine.test_crossing import X, net, plain
from tests.networks import NETWORKS


def shifted(module):
    """A normalisation whose numbers are no special ones."""
    generator = torch.Generator().manual_seed(3)
    for name, value in (*module.named_parameters(), *module.named_buffers()):
        if value.is_floating_point():
            value.data = torch.rand(value.shape, generator=generator, dtype=value.dtype) + (0.5 if "var" in name else 0)
    return module


def split(model, x, target=1):
    """The score, and what input and constants make of it."""
    seen = see(model, x, keep=[INPUT], grads=[INPUT], target=target, constants=True)
    total = (seen[INPUT] * seen.grad(INPUT)).flatten(1).sum(1)
    for one in seen.constants:
        total = total + (one.value * one.gradient).flatten(1).sum(1)
    return seen, total


@pytest.mark.parametrize(
    "name", ["article_net", "functional", "in_place", "called_twice", "residual", "series", "volume"]
)
def test_piecewise_linear_networks_are_the_sum(name):
    model, x = NETWORKS[name].build().double(), NETWORKS[name].x(2).double()
    seen, total = split(model, x)
    torch.testing.assert_close(total, seen.scores, rtol=1e-10, atol=1e-12)
    assert bool(seen.constants) == any(key.endswith("bias") for key, _ in model.named_parameters())


FORMS = {
    "add": (lambda x: x + 2.5, 2.5),
    "add a row": (lambda x: x + torch.arange(4.0), torch.arange(4.0)),
    "number first": (lambda x: 2 - x, 2.0),
    "rsub": (lambda x: torch.rsub(x, torch.arange(4.0), alpha=2), torch.arange(4.0)),
    "subtracted": (lambda x: torch.sub(x, torch.arange(4.0), alpha=3), -3 * torch.arange(4.0)),
    "subtracted from": (lambda x: torch.sub(torch.arange(4.0), x), torch.arange(4.0)),
    "in place": (lambda x: x.add_(torch.arange(4.0), alpha=2), 2 * torch.arange(4.0)),
    "onto a constant": (lambda x: torch.arange(4.0).repeat(3, 1).add_(x), torch.arange(4.0)),
    "keyword": (lambda x: torch.add(input=torch.ones(4), other=x, alpha=2), torch.ones(4)),
}


@pytest.mark.parametrize("form", FORMS)
def test_additions_of_every_form(form):
    run, value = FORMS[form]
    model = net(lambda x, a, b: b(run(a(x))), a=lambda: nn.Linear(5, 4), b=lambda: nn.Linear(4, 3))
    seen, total = split(model, X)
    torch.testing.assert_close(total, seen.scores)
    (added,) = [one for one in seen.constants if one.kind == "added"]
    expected = torch.as_tensor(value)
    assert torch.equal(added.value.expand(3, 4), expected.expand(3, 4))
    assert added.address in ("/add.0", "/sub.0", "/rsub.0") and added.gradient.shape == (3, 4)


def test_two_that_depend_on_the_input_are_no_constant():
    model = net(lambda x, a: (h := a(x)) + h - x.sum(), a=lambda: nn.Linear(5, 4))
    assert [one.kind for one in split(model, X)[0].constants] == ["bias"]


def test_what_only_constants_make_is_one_constant():
    model = net(lambda x, a, p: a(x) + p(torch.ones(1, 5)), a=lambda: nn.Linear(5, 4), p=lambda: nn.Linear(5, 4))
    seen, total = split(model, X)
    torch.testing.assert_close(total, seen.scores)
    assert [one.kind for one in seen.constants] == ["bias", "added"]


NORMS = {
    "batch": (lambda: nn.BatchNorm2d(4), True),
    "instance with fixed statistics": (lambda: nn.InstanceNorm2d(4, affine=True, track_running_stats=True), True),
    "batch without weights": (lambda: nn.BatchNorm2d(4, affine=False), True),
    "instance": (lambda: nn.InstanceNorm2d(4, affine=True), False),
    "group": (lambda: nn.GroupNorm(2, 4), False),
    "layer": (lambda: nn.LayerNorm([4, 3, 3]), False),
}


@pytest.mark.parametrize("name", NORMS)
def test_normalisations(name):
    make, linear = NORMS[name]
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)).double()
    model = (
        net(lambda x, a, n: n(a(x)).flatten(1), a=lambda: nn.Conv2d(3, 4, 2), n=lambda: shifted(make())).double().eval()
    )
    seen, total = split(model, x)
    kinds = [one.kind for one in seen.constants]
    assert kinds == ["bias", "norm"]
    if linear:
        torch.testing.assert_close(total, seen.scores, rtol=1e-10, atol=1e-12)
    else:
        norm = model.layers["n"]
        channels = norm.bias if name == "layer" else norm.bias.reshape(4, 1, 1)
        assert torch.equal(seen.constants[1].value, channels.detach())


def test_every_function_called_batch_norm():
    norm, x = shifted(nn.BatchNorm1d(4)).eval(), torch.randn(2, 4)
    given = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    mine = arguments("batch_norm", functional.batch_norm, (x, *given[:2]), {"weight": given[2], "bias": given[3]})
    theirs = arguments(
        "batch_norm", torch.batch_norm, (x, norm.weight, norm.bias, *given[:2], False, 0.1, 1e-5, False), {}
    )
    for one in (mine, theirs):
        scale, shift = scale_and_shift(one)
        assert torch.allclose(scale * x + shift, norm(x), atol=1e-6)
    assert fixed(theirs) and not fixed({"training": True, "running_mean": x})


@pytest.mark.parametrize("layers", [(nn.Conv1d, 1), (nn.Conv3d, 3), (nn.ConvTranspose2d, 2)])
def test_biases_of_convolutions(layers):
    make, axes = layers
    x = torch.randn(2, 3, *(4,) * axes, generator=torch.Generator().manual_seed(0)).double()
    model = net(lambda x, a: a(x).relu().flatten(1), a=lambda: make(3, 2, 2)).double()
    seen, total = split(model, x)
    torch.testing.assert_close(total, seen.scores)
    assert seen.constants[0].value.shape == (2, *(1,) * axes)


def test_they_cost_no_pass_of_their_own():
    network = NETWORKS["article_net"]
    model, x, target = network.build(), read(network.x(2)), Target(1)
    passes = [
        Pass(x, grads=[INPUT], target=target),
        Pass(x, target=target, constants=True),
        Pass(x, keep=["conv1"], target=target),
    ]
    seen, cost = ask(model, *passes)
    assert (cost.forwards, cost.backwards) == (1, 1)
    assert seen[0].constants == () == seen[2].constants and len(seen[1].constants) == 5
    assert torch.equal(seen[0].grad(INPUT), plain(model, network.x(2)))
    layouts = [one.layout.grid if one.layout else None for one in seen[1].constants]
    assert layouts[0] == (28, 28) and layouts[-1] is None


def test_a_rule_changes_the_gradients_that_reach_them():
    model = net(lambda x, a, b: b(a(x).relu()), a=lambda: nn.Linear(5, 4), b=lambda: nn.Linear(4, 3))
    seen = see(model, X, target=1, constants=True, rules=GUIDED)
    assert (seen.constants[0].gradient >= 0).all() and seen.constants[0].gradient.any()


def test_a_unit_inside_sees_only_what_comes_before():
    import pellucid as pl

    model = net(lambda x, a, b: b(a(x).relu()), a=lambda: nn.Linear(5, 4), b=lambda: nn.Linear(4, 3))
    seen = see(model, X, target=pl.unit("layers.a", 2), constants=True)
    assert [one.address for one in seen.constants] == ["layers.a/linear.0"]
