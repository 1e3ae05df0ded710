"""What is kept of calls: their values, who reads them, and whether they read the input itself."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from pellucid.core.errors import NotApplicable
from pellucid.engine.passes import INPUT, Pass
from pellucid.engine.rules import Rule
from pellucid.engine.targets.target import Target
from pellucid.inputs.read import read
from tests.engine.asking import ask, see
from tests.engine.test_crossing import X, by_rule, net, plain

CONV, LINEAR = (lambda: nn.Conv1d(1, 2, 2)), (lambda: nn.Linear(5, 4))


def operations(model, x, *ops):
    kept = []

    def look(operation, which, arrived, own):
        kept.append(operation)
        return own

    by_rule(model, x, ops, look)
    return kept[::-1]


def test_readers_and_uses():
    def run(x, a, n, b):
        h = n(a(x))
        g = h.relu()
        return b(g + h.shape[1] * g.sigmoid())

    first, norm, last = operations(
        net(run, a=LINEAR, n=lambda: nn.BatchNorm1d(4), b=lambda: nn.Linear(4, 3)).eval(), X, "linear", "batch_norm"
    )
    assert first.readers == [norm] and first.uses == 1
    assert norm.readers == [] and norm.uses == 1
    assert last.uses == 0 and (first.first, norm.first, last.first) == (True, False, False)


def test_a_second_reader_of_any_kind_is_counted():
    model = net(lambda x, a, n: n(h := a(x)) + h.sum(), a=LINEAR, n=lambda: nn.BatchNorm1d(4)).eval()
    assert [one.uses for one in operations(model, X, "linear")] == [2]


def test_a_written_tensor_is_another_one():
    model = net(lambda x, a, b: b(a(x).add_(1.0)), a=LINEAR, b=lambda: nn.Linear(4, 3))
    first, last = operations(model, X, "linear")
    assert first.readers == [] and first.uses == 1
    added, _ = operations(model, X, "add", "linear")[1:]
    assert added.name == "add" and [one is last or one.name for one in added.readers] == ["linear"]


@pytest.mark.parametrize(
    ("run", "first"),
    [
        (lambda x, a: a(x), True),
        (lambda x, a: a(x.view(3, 1, 5).squeeze(1)), True),
        (lambda x, a: a(x.flip(1)), False),
        (lambda x, a: a(x - 1), False),
        (lambda x, a: a(x.to(torch.float32)), True),
    ],
)
def test_first_reads_the_input_as_it_entered(run, first):
    assert [one.first for one in operations(net(run, a=LINEAR), X, "linear")] == [first]


def test_keywords_are_inputs_by_name():
    model = net(lambda x, a: functional.linear(input=x, weight=a.weight, bias=a.bias), a=LINEAR)
    (kept,) = operations(model, X, "linear")
    assert kept.inputs == ("input",) and torch.equal(kept.value("input"), X) and kept.args == ()


def test_values_overwritten_behind_the_back_are_refused():
    def run(x, a):
        h = a(x)
        g = h + 1.0
        torch._C._autograd._unsafe_set_version_counter((h,), (h._version + 1,))
        return g

    with pytest.raises(NotApplicable, match="overwritten by code that cannot be seen"):
        operations(net(run, a=LINEAR), X, "add")


def test_the_function_can_be_called_again():
    (kept,) = operations(net(lambda x, a: a(x[:, None]).flatten(1), a=CONV), X, "conv1d")
    assert torch.equal(kept.func(*kept.args, **kept.kwargs), kept.out)


def test_calls_that_give_their_input_back_are_no_operations():
    model = net(lambda x, a: functional.dropout(a(x), training=False).contiguous(), a=LINEAR)
    assert operations(model, X, "contiguous") == []
    assert torch.equal(by_rule(model, X, {"contiguous"}, lambda *_: 1 / 0), plain(model, X))


def test_met_calls_depend_on_the_input():
    def run(x, a):
        table = torch.ones(4).softmax(0)
        return torch.cat([a(x) * table, x @ x.T @ x], 1)

    seen = see(
        net(run, a=LINEAR), X, grads=[INPUT], target=1, rules=Rule("mine", frozenset(), through=lambda *_: 1 / 0)
    )
    met = [(one.name, one.inputs) for one in seen.met if one.name not in ("T", "flatten")]
    assert met == [("linear", (0,)), ("mul", (0,)), ("matmul", (0, 1)), ("matmul", (0, 1)), ("cat", (0,))]


def test_nothing_is_kept_for_passes_without_such_rules():
    model, x, target = net(lambda x, a: a(x), a=LINEAR), read(X), Target(1)
    rule = Rule("mine", frozenset({"linear"}), through=lambda *given: given[-1])
    seen, _ = ask(model, Pass(x, grads=[INPUT], target=target), Pass(x, grads=[INPUT], target=target, rules=rule))
    assert seen[0].met == () and len(seen[1].met) == 1


def test_what_one_factor_is_to_the_other_is_kept():
    def run(x, a):
        h = a(x)
        h = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + 1e-6)
        return (torch.softmax(h, -1) @ h.T) @ h * (h * torch.sigmoid(h))

    kept = {
        (one.name, one.place.n): (one.scale, one.weights) for one in operations(net(run, a=LINEAR), X, "mul", "matmul")
    }
    told = {("mul", 0): (1, None), ("mul", 1): (1, None), ("mul", 2): (None, None)}
    assert kept == {**told, ("matmul", 0): (None, 0), ("matmul", 1): (None, None)}


def test_the_method_is_told_as_well():
    model = net(lambda x, a: (h := a(x)) * h.norm(dim=-1, keepdim=True) + h * h.sigmoid(), a=LINEAR)
    seen = see(
        model, X, grads=[INPUT], target=1, rules=Rule("mine", frozenset({"mul"}), through=lambda *given: given[-1])
    )
    assert [(one.scale, one.unclear) for one in seen.met if one.name == "mul"] == [(None, True), (1, False)]
