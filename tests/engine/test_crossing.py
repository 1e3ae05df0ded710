"""Rules that go through operations: what arrives, what leaves, in every form that a call can have."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.nn import functional

from pellucid.core.errors import MethodFault, NotApplicable
from pellucid.engine.passes import INPUT, Pass
from pellucid.engine.rules import DECONVNET, GUIDED, RECTIFIERS, SMOOTH, Rule
from pellucid.engine.targets.target import Target
from pellucid.inputs.read import read
from tests.engine.asking import ask, see
from tests.networks import NETWORKS, seeded

X = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
GUIDED_THROUGH = Rule("guided", RECTIFIERS | SMOOTH, through=lambda _, __, ___, own: own.clamp(min=0))
DECONVNET_THROUGH = Rule("deconvnet", RECTIFIERS | SMOOTH, through=lambda _, __, arrived, ___: arrived.clamp(min=0))


class Runs(nn.Module):
    """A network written as a function of its layers and the input."""

    def __init__(self, forward, **layers):
        super().__init__()
        self.layers, self.run = nn.ModuleDict(layers), forward

    def forward(self, x):
        return self.run(x, **self.layers)


def net(forward, **layers):
    return seeded(lambda: Runs(forward, **{name: make() for name, make in layers.items()}))()


def plain(model, x, column=1):
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(model(leaf)[:, column].sum(), leaf)[0]


def by_rule(model, x, ops, through, column=1):
    return see(model, x, grads=[INPUT], target=column, rules=Rule("mine", frozenset(ops), through=through)).grad(INPUT)


def double(_, __, ___, own):
    return 2 * own


@pytest.mark.parametrize(
    "name", ["article_net", "functional", "called_twice", "in_place", "residual", "writes_into_input", "series", "rows"]
)
@pytest.mark.parametrize(("through", "before"), [(GUIDED_THROUGH, GUIDED), (DECONVNET_THROUGH, DECONVNET)])
def test_guided_and_deconvnet_written_as_through_are_the_same_bits(name, through, before):
    network = NETWORKS[name]
    model, x = network.build(), read(network.x(2))
    (one, two), cost = ask(model, *(Pass(x, grads=[INPUT], target=Target(1), rules=rule) for rule in (through, before)))
    assert torch.equal(one.grad(INPUT), two.grad(INPUT)) and cost.forwards == 1


def test_in_place_calls_show_what_they_read():
    seen = []

    def look(operation, which, arrived, own):
        seen.append((operation.args[0].clone(), operation.out.clone()))
        return own

    model = net(lambda x, a, b: b(a(x).add_(1.0).relu_()), a=lambda: nn.Linear(5, 4), b=lambda: nn.Linear(4, 3))
    assert torch.equal(by_rule(model, X, {"add"}, look), plain(model, X))
    before = model.layers["a"](X).detach()
    assert len(seen) == 1 and torch.equal(seen[0][0], before) and torch.equal(seen[0][1], before + 1)


@pytest.mark.parametrize("shape", [(2, 4, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("move", [False, True])
def test_a_linear_of_many_axes_is_one_operation_of_many_nodes(shape, move):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    x = x.transpose(1, -1) if move else x
    model = net(
        lambda x, a, b: b((a(x.transpose(1, -1)) if move else a(x)).tanh().flatten(1, -2).mean(1)),
        a=lambda: nn.Linear(5, 4),
        b=lambda: nn.Linear(4, 3),
    )
    shapes = []

    def scaled(operation, which, arrived, own):
        shapes.append((arrived.shape == operation.out.shape, own.shape == operation.args[0].shape))
        return 2 * own

    assert torch.allclose(by_rule(model, x, {"linear"}, scaled), 4 * plain(model, x))
    assert shapes == [(True, True)] * 2


def test_a_product_of_a_tensor_with_itself_has_two_inputs():
    model = net(lambda x, a: a(x * x), a=lambda: nn.Linear(5, 3))
    whiches = []

    def halves(operation, which, arrived, own):
        whiches.append(which)
        assert torch.allclose(own, arrived * operation.args[1 - which])
        return own * (which + 1)

    assert torch.allclose(by_rule(model, X, {"mul"}, halves), 1.5 * plain(model, X))
    assert whiches == [0, 1]


@pytest.mark.parametrize("frozen", [False, True])
def test_weights_are_no_inputs(frozen):
    model = net(lambda x, a: (a(x) * a.bias).cumsum(1), a=lambda: nn.Linear(5, 3)).requires_grad_(not frozen)
    inputs = []

    def look(operation, which, arrived, own):
        inputs.append((operation.name, operation.inputs))
        return own

    assert torch.equal(by_rule(model, X, {"mul", "linear"}, look), plain(model, X))
    assert inputs == [("mul", (0,)), ("linear", (0,))]


def test_residual_branches_arrive_added():
    model = net(lambda x, a, b: b((h := a(x).relu()) + 3 * h), a=lambda: nn.Linear(5, 4), b=lambda: nn.Linear(4, 3))
    assert torch.allclose(
        by_rule(model, X, {"relu"}, lambda _, __, arrived, ___: arrived),
        4 * (model.layers["b"].weight[1] @ model.layers["a"].weight).expand(3, 5),
    )


def test_functional_calls_under_another_state():
    model = net(lambda x, a: functional.linear(x, a.weight, a.bias).relu(), a=lambda: nn.Linear(5, 3))
    state = {"layers.a.weight": torch.ones(3, 5), "layers.a.bias": torch.full((3,), 10.0)}
    weights = []

    def look(operation, which, arrived, own):
        weights.append(operation.args[1].clone())
        return own

    rule = Rule("mine", frozenset({"linear"}), through=look)
    seen = see(model, X, grads=[INPUT], target=1, rules=rule, state=state)
    assert torch.equal(weights[0], torch.ones(3, 5)) and torch.equal(seen.grad(INPUT), torch.ones(3, 5))


def test_half_precision_inside():
    def run(x, a, b):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return b(a(x).relu()).float()

    model = net(run, a=lambda: nn.Linear(5, 8), b=lambda: nn.Linear(8, 3))
    found = by_rule(model, X, {"linear"}, double)
    assert found.dtype == torch.float32 and torch.equal(found, 4 * plain(model, X))


def test_what_comes_out_of_a_pool_with_its_indices():
    model = net(lambda x: functional.max_pool1d(x[:, None], 2, return_indices=True)[0].flatten(1))
    assert torch.equal(by_rule(model, X, {"max_pool1d_with_indices"}, double), 2 * plain(model, X))


def writes_a_view(x, a):
    h = a(x)
    h[:, :2].relu_()
    return h * 1.0


def listed(x, a):
    return torch.einsum("ij,kj->ik", [a(x), a.weight.T])


@pytest.mark.parametrize(
    ("run", "op", "says"),
    [(writes_a_view, "relu", "writes into a part of another"), (listed, "einsum", "a list of tensors")],
)
def test_what_cannot_be_replaced_is_refused_by_name(run, op, says):
    model = net(run, a=lambda: nn.Linear(5, 3))
    with pytest.raises(
        NotApplicable, match=f"mine: the backward of '{op}.0' cannot be replaced.*{says}".replace("'", "'/?")
    ):
        by_rule(model, X, {op}, double)
    by_rule(model, X, {"linear"}, double)


def test_what_the_gradient_does_not_come_to_need_not_be_replaceable():
    def run(x, a):
        h = a(x)
        g = h * 1.0
        g[:, :2].relu_()
        return h

    model = net(run, a=lambda: nn.Linear(5, 3))
    assert torch.equal(by_rule(model, X, {"relu"}, double), plain(model, X))


def test_the_graph_of_other_passes_is_untouched():
    model, x, target = NETWORKS["article_net"].build(), read(NETWORKS["article_net"].x(2)), Target(1)
    rule = Rule("mine", frozenset({"conv2d", "linear", "relu"}), through=double)
    passes = [Pass(x, grads=[INPUT], target=target, rules=one) for one in (rule, None, rule, GUIDED, None)]
    seen, cost = ask(model, *passes)
    assert (cost.forwards, cost.backwards) == (1, 3)
    alone = plain(model, NETWORKS["article_net"].x(2))
    assert torch.equal(seen[1].grad(INPUT), alone) and torch.equal(seen[4].grad(INPUT), alone)
    assert torch.equal(seen[0].grad(INPUT), seen[2].grad(INPUT))
    alone_guided = see(model, NETWORKS["article_net"].x(2), grads=[INPUT], target=1, rules=GUIDED)
    assert torch.equal(seen[3].grad(INPUT), alone_guided.grad(INPUT))


@dataclass(frozen=True)
class Scaled:
    by: float

    def __call__(self, operation, which, arrived, own):
        return self.by * own


def test_rules_of_equal_settings_share_a_backward():
    model, x, target = net(lambda x, a: a(x), a=lambda: nn.Linear(5, 3)), read(X), Target(1)
    rules = [Rule("scaled", frozenset({"linear"}), through=Scaled(by)) for by in (2.0, 3.0, 2.0)]
    seen, cost = ask(model, *(Pass(x, grads=[INPUT], target=target, rules=rule) for rule in rules))
    assert cost.backwards == 2 and torch.allclose(seen[1].grad(INPUT), 1.5 * seen[0].grad(INPUT))


def test_a_rule_that_gives_another_shape_is_at_fault():
    model = net(lambda x, a: a(x), a=lambda: nn.Linear(5, 3))
    with pytest.raises(MethodFault, match="gives a gradient of"):
        by_rule(model, X, {"linear"}, lambda _, __, arrived, ___: arrived)


def test_a_rule_that_raises_is_at_fault():
    model = net(lambda x, a: a(x), a=lambda: nn.Linear(5, 3))
    with pytest.raises(MethodFault, match=r"the rule at '/?linear\.0' raised ZeroDivisionError|layers\.a/linear"):
        by_rule(model, X, {"linear"}, lambda *_: 1 / 0)


def test_a_product_of_two_nodes_to_one_input_is_replaced_once():
    model = net(
        lambda x, a: functional.gelu(functional.normalize(a(x)[None]), approximate="tanh")[0], a=lambda: nn.Linear(5, 3)
    )
    calls = []

    def count(operation, which, arrived, own):
        calls.append(operation.name)
        return own

    assert torch.allclose(by_rule(model, X, {"normalize", "gelu"}, count), plain(model, X), atol=1e-7)
    assert sorted(calls) == ["gelu", "normalize"]


def test_masked_regions_of_the_input_get_nothing():
    window = torch.tensor([1.0, 1, 0, 0, 1])
    model = net(lambda x, a: a(x * window), a=lambda: nn.Linear(5, 3))
    assert not by_rule(model, X, {"linear"}, double)[:, 2:4].any()


def test_the_history_of_a_constant_is_not_followed():
    def run(x, a, b):
        constant = torch.ones(3, 5)
        for _ in range(40):
            constant = a(constant).tanh()
        return b(constant * x)

    model = net(run, a=lambda: nn.Linear(5, 5), b=lambda: nn.Linear(5, 4))
    halved = by_rule(model, X, {"mul"}, lambda _, __, ___, own: own / 2)
    assert torch.equal(halved, plain(model, X) / 2)
