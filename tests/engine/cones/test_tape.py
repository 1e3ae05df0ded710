import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._pytree import tree_iter

from pellucid.engine.cones.tape import CannotReplay, Ref
from tests.engine.replaying import taped
from tests.networks import NETWORKS

X = torch.randn(1, 4, 6, 6, generator=torch.Generator().manual_seed(2))


def names(model):
    return [step.name for step in taped(model, X).steps]


def test_calls_in_order_with_what_they_read_and_made():
    weight = torch.randn(3, 4, 3, 3)
    tape = taped(lambda x: F.relu(F.conv2d(x, weight)) + x[:, :3, 1:-1, 1:-1], X)
    assert [step.name for step in tape.steps] == ["conv2d", "relu", "getitem", "add"]
    assert [step.inputs for step in tape.steps] == [[0], [1], [0], [2, 3]]
    assert [step.outputs for step in tape.steps] == [[1], [2], [3], [4]]
    assert tape.steps[0].args[1] is weight and tape.output == Ref(4)


def test_what_does_not_depend_on_the_input_is_a_constant():
    assert names(lambda x: x * torch.ones(4, 1, 1).exp() + torch.arange(6.0).sqrt()) == ["mul", "add"]


def test_only_what_a_replay_needs_is_kept():
    weight = torch.randn(4, 4, 1, 1)
    tape = taped(lambda x: F.conv2d(torch.tanh(torch.relu(F.conv2d(x, weight))), weight), X)
    assert [value.clean is not None for value in tape.values] == [True, False, False, True, True]


def test_a_value_is_copied_before_it_is_overwritten():
    weight = torch.randn(4, 4, 1, 1)

    def model(x):
        h = F.conv2d(x, weight)
        kept = F.max_pool2d(h, 2)
        h.relu_()
        return F.max_pool2d(h, 2) + kept

    before = F.conv2d(X, weight)
    tape = taped(model, X)
    assert torch.equal(tape.values[1].clean, before) and torch.equal(tape.values[3].clean, before.relu())
    assert [step.writes for step in tape.steps] == [False, False, True, False, False]
    assert tape.steps[2].inputs == [1] and tape.steps[3].inputs == [3]


def test_the_input_itself_may_be_overwritten():
    entered = X.clone()
    tape = taped(lambda x: x.sub_(0.5).mul(2), entered)
    assert torch.equal(tape.values[0].clean, X) and torch.equal(entered, X)


def test_outputs_of_any_nest():
    tape = taped(lambda x: {"a": x + 1, "b": (x.mean(), torch.ones(2))}, X)
    assert [one for one in tree_iter(tape.output) if isinstance(one, Ref)] == [Ref(1), Ref(2)]
    assert [value.rowed for value in tape.values] == [True, True, False]


def reads_item(x):
    return x * x.max().item()


def branches(x):
    return x if x.sum() > 0 else -x


def counts(x):
    return x * torch.from_numpy(x.numpy().copy()).mean()


def drops(x):
    return F.dropout(x, 0.5, training=True)


def writes_through_a_view(x):
    h = x + 1
    h[:, :2].relu_()
    return h.sum(1)


def writes_a_part(x):
    h = x + 1
    h[:, 0] = 0
    return h


def fills_a_constant(x):
    out = torch.zeros(1, 8, 6, 6)
    out[:, :4] = x
    return out


def writes_out(x):
    out = torch.empty_like(x)
    torch.exp(x, out=out)
    return out


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return x * self.calls


@pytest.mark.parametrize(
    "model",
    [
        reads_item,
        branches,
        counts,
        drops,
        writes_through_a_view,
        writes_a_part,
        fills_a_constant,
        writes_out,
        Counting(),
    ],
    ids=lambda one: getattr(one, "__name__", "buffer"),
)
def test_what_cannot_be_played_again(model):
    with pytest.raises(CannotReplay):
        taped(model, X)


@pytest.mark.parametrize("name", ["in_place", "always_drops", "counts_calls"])
def test_networks_that_cannot(name):
    with pytest.raises(CannotReplay):
        taped(NETWORKS[name].build(), NETWORKS[name].x(1))
