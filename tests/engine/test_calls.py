from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from pellucid.engine.calls import fields, first_tensor, known, part, with_part


class Heard(TorchFunctionMode):
    """Notes every call as the engine knows it, with what it writes."""

    def __init__(self):
        super().__init__()
        self.calls, self.written = [], []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        call = known(func)
        if not call.silent:
            self.calls.append(call)
            self.written.append(call.written(args, kwargs or {}))
        return func(*args, **(kwargs or {}))


def heard(run):
    with Heard() as mode:
        run()
    return mode


X, Y = torch.randn(3, 4), torch.randn(3, 4)


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (lambda: F.relu(X), "relu"),
        (lambda: X.relu(), "relu"),
        (lambda: torch.relu(X), "relu"),
        (lambda: X.clone().relu_(), "relu"),
        (lambda: F.relu(X.clone(), inplace=True), "relu"),
        (lambda: torch.ops.aten.relu(X), "relu"),
        (lambda: torch.ops.aten.relu.default(X), "relu"),
        (lambda: X + Y, "add"),
        (lambda: 1 + X, "add"),
        (lambda: torch.add(X, Y), "add"),
        (lambda: X.clone().add_(Y), "add"),
        (lambda: X - Y, "sub"),
        (lambda: 1 - X, "sub"),
        (lambda: X * Y, "mul"),
        (lambda: 2 * X, "mul"),
        (lambda: X / Y, "div"),
        (lambda: X @ Y.T, "matmul"),
        (lambda: torch.mm(X, Y.T), "matmul"),
        (lambda: X[0], "getitem"),
        (lambda: -X, "neg"),
        (lambda: X**2, "pow"),
        (lambda: X.softmax(1), "softmax"),
        (lambda: F.softmax(X, 1), "softmax"),
        (lambda: torch.cat([X, Y]), "cat"),
        (lambda: torch.concat([X, Y]), "cat"),
        (lambda: X > 0, "gt"),
        (lambda: F.linear(X, Y), "linear"),
        (lambda: X.bool() & Y.bool(), "and"),
    ],
)
def test_one_name_for_every_form_of_an_operation(run, name):
    assert [call.name for call in heard(run).calls if call.name not in ("clone", "T", "bool")] == [name]


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (lambda x: x.relu_(), "relu"),
        (lambda x: F.relu(x, inplace=True), "relu"),
        (lambda x: x.__iadd__(Y), "add"),
        (lambda x: x.__imul__(2), "mul"),
        (lambda x: x.__itruediv__(2), "div"),
        (lambda x: x.__setitem__(0, 1.0), "setitem"),
        (lambda x: torch.add(Y, 1, out=x), "add"),
        (lambda x: x.copy_(Y), "copy"),
        (lambda x: F.dropout(x, 0.5, True, True), "dropout"),
        (lambda x: x.clamp_(min=0), "clamp"),
    ],
)
def test_what_an_in_place_call_is_about_to_write(write, name):
    x = X.clone()
    mode = heard(lambda: write(x))
    assert mode.calls[0].name == name
    assert name == "dropout" or mode.written[0] is x


@pytest.mark.parametrize(
    "read",
    [
        lambda: X + Y,
        lambda: ~X.bool(),
        lambda: X.int(),
        lambda: torch.index_select(X, 0, torch.tensor([0])),
        lambda: X.requires_grad_(False),
        lambda: F.relu(X),
        lambda: X.isnan(),
    ],
)
def test_a_call_that_writes_nothing_says_so(read):
    assert not any(isinstance(one, torch.Tensor) for one in heard(read).written)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: X.shape,
        lambda: X.size(0),
        lambda: X.dim(),
        lambda: X.dtype,
        lambda: X.device,
        lambda: X.requires_grad,
        lambda: X.numel(),
        lambda: X.is_floating_point(),
        lambda: X.grad_fn,
        lambda: X.ndim,
        lambda: X.tolist(),
    ],
)
def test_questions_are_silent(ask):
    assert not heard(ask).calls


def test_recurrent_kernels_are_known():
    lstm, gru = nn.LSTM(3, 4), nn.GRUCell(3, 4)
    assert any(call.recurrent for call in heard(lambda: lstm(torch.randn(2, 1, 3))).calls)
    assert any(call.recurrent for call in heard(lambda: gru(torch.randn(2, 3))).calls)
    assert not any(call.recurrent for call in heard(lambda: F.relu(X)).calls)


def test_multi_head_attention_can_be_stepped_into_and_answers_the_same():
    attention = nn.MultiheadAttention(8, 2).eval()
    x = torch.randn(5, 1, 8)
    found = [call for call in heard(lambda: attention(x, x, x, need_weights=False)).calls if call.inner]
    assert [call.name for call in found] == ["multi_head_attention_forward"]
    args = (
        x,
        x,
        x,
        8,
        2,
        attention.in_proj_weight,
        attention.in_proj_bias,
        None,
        None,
        False,
        0.0,
        attention.out_proj.weight,
        attention.out_proj.bias,
    )
    ordinary = F.multi_head_attention_forward(*args, training=False)[0]
    with Heard() as mode:
        inside = found[0].inner(*args, training=False)[0]
    assert torch.equal(inside, ordinary)
    assert {"linear", "softmax"} <= {call.name for call in mode.calls}


@dataclass
class Record:
    hidden: object
    logits: object


class Pair(NamedTuple):
    left: object
    right: object


A, B, N = torch.zeros(1), torch.ones(2), torch.arange(3)
NESTS = {
    "tensor": (A, "", A),
    "tuple": ((N, A, B), "1", A),
    "list": ([N, [A, B]], "1.0", A),
    "dict": ({"a": N, "b": A}, "b", A),
    "ordered": (OrderedDict(a=A), "a", A),
    "named": (Pair(N, A), "right", A),
    "record": (Record(None, (N, A)), "logits.1", A),
}


@pytest.mark.parametrize("kind", NESTS)
def test_parts_of_a_nest(kind):
    nest, field, tensor = NESTS[kind]
    assert part(nest, field) is tensor and part(nest, "") is tensor and first_tensor(nest) is tensor
    changed = with_part(nest, field, B * 3)
    assert type(changed) is type(nest) and part(changed, field) is not tensor
    assert torch.equal(part(changed, field), B * 3)
    assert torch.equal(first_tensor(with_part(nest, "", B * 4)), B * 4)
    assert part(nest, field) is tensor, "the nest itself is never written"


def test_the_other_parts_stay_what_they_are():
    changed = with_part({"a": N, "b": (A, B)}, "b.1", A)
    assert changed["a"] is N and changed["b"][0] is A and changed["b"][1] is A


@pytest.mark.parametrize("field", ["2", "x", "0.1", "1.x"])
def test_a_part_that_is_not_there(field):
    assert part((A, B), field) is None


def test_integers_are_no_floating_tensor():
    assert first_tensor((N,)) is None and first_tensor((N,), floating=False) is N
    assert first_tensor(torch.zeros(1, dtype=torch.complex64)) is not None
    assert fields("text") == [] and fields(3) == []
