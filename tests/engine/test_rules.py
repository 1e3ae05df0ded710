from contextlib import nullcontext
from threading import Thread

import pytest
import torch
from torch import nn

from pellucid.core.errors import NotApplicable
from pellucid.engine.passes import INPUT, Pass
from pellucid.engine.rules import DECONVNET, GUIDED, Rule, in_force, positive
from pellucid.engine.targets.target import Target
from pellucid.inputs.read import read
from tests.engine.asking import ask, see
from tests.networks import seeded

X = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
NET = seeded(lambda: nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3)))()


def by_hand(guided):
    """The two rules written out layer by layer."""
    first = NET[0](X)
    second = NET[2](first.relu())
    gradient = NET[4].weight[1].expand(3, 6)
    for linear, before in ((NET[2], second), (NET[0], first)):
        gradient = gradient.clamp(min=0) * (before > 0 if guided else 1.0)
        gradient = gradient @ linear.weight
    return gradient.detach()


@pytest.mark.parametrize("rule", [GUIDED, DECONVNET], ids=lambda rule: rule.name)
def test_rules_equal_their_formulas(rule):
    assert torch.allclose(
        see(NET, X, grads=[INPUT], target=1, rules=rule).grad(INPUT), by_hand(rule is GUIDED), atol=1e-7
    )


def test_a_rule_lives_for_one_backward():
    x, target = read(X), Target(1)
    passes = [Pass(x, grads=[INPUT], target=target, rules=rule) for rule in (GUIDED, None, DECONVNET, GUIDED)]
    seen, cost = ask(NET, *passes)
    leaf = X.clone().requires_grad_()
    assert torch.equal(seen[1].grad(INPUT), torch.autograd.grad(NET(leaf)[:, 1].sum(), leaf)[0])
    assert torch.equal(seen[0].grad(INPUT), seen[3].grad(INPUT)) and (cost.forwards, cost.backwards) == (1, 3)


@pytest.mark.parametrize("fault", [None, RuntimeError, KeyboardInterrupt])
def test_no_hook_stays_on_a_node(fault):
    def change(gradient):
        calls.append(1)
        if fault:
            raise fault
        return gradient

    calls = []
    leaf = X.clone().requires_grad_()
    out = leaf.relu()
    rule = Rule("mine", frozenset({"relu"}), before=change, instead=change)
    with in_force(rule, [("relu", out.grad_fn)]), pytest.raises(fault) if fault else nullcontext():
        torch.autograd.grad(out.sum(), leaf, retain_graph=True)
    assert len(calls) == (1 if fault else 2)
    torch.autograd.grad(out.sum(), leaf, retain_graph=True)
    assert len(calls) == (1 if fault else 2)


def test_operations_that_the_rule_does_not_name_are_left_alone():
    leaf = X.clone().requires_grad_()
    out = leaf.tanh()
    with in_force(GUIDED, [("tanh", out.grad_fn)]):
        assert torch.allclose(torch.autograd.grad(-out.sum(), leaf, retain_graph=True)[0], (out**2 - 1).detach())
    with in_force(None, [("relu", out.grad_fn)]):
        pass


def test_rules_hold_in_whatever_thread_the_backward_runs():
    leaf, answers = X.clone().requires_grad_(), []
    out = leaf.relu()
    with in_force(DECONVNET, [("relu", out.grad_fn)]):
        thread = Thread(target=lambda: answers.append(torch.autograd.grad((out * torch.tensor(-1.0)).sum(), leaf)[0]))
        thread.start()
        thread.join()
    assert torch.equal(answers[0], torch.zeros_like(X))


def test_positive():
    assert positive(torch.tensor([-1.0, 0.0, 2.0])).tolist() == [0.0, 0.0, 2.0]


def test_without_an_activation_the_reader_is_told():
    seen = see(nn.Linear(5, 2), X, grads=[INPUT], target=0, rules=GUIDED)
    assert any("equals the plain gradient" in note.en and "等于普通梯度" in note.zh for note in seen.notes)


def test_smooth_activations_are_an_analogue_and_say_so():
    seen = see(nn.Sequential(nn.Linear(5, 4), nn.GELU(), nn.Linear(4, 2)), X, grads=[INPUT], target=0, rules=GUIDED)
    assert any("gelu" in note.en and "analogue" in note.en for note in seen.notes)
    assert not see(NET, X, grads=[INPUT], target=0, rules=GUIDED).notes


def test_the_relu_inside_a_recurrent_kernel_cannot_be_reached():
    class Steps(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.RNN(5, 4, nonlinearity="relu", batch_first=True)

        def forward(self, x):
            return self.rnn(x)[0][:, -1]

    with pytest.raises(NotApplicable, match=r"the ReLU inside torch\.rnn_relu cannot be reached"):
        see(Steps(), torch.randn(2, 3, 5), grads=[INPUT], target=0, rules=GUIDED)


@pytest.mark.parametrize(
    "form", [lambda h: h.relu_(), lambda h: h.clamp(min=0), lambda h: torch.relu(h), lambda h: h.clamp_min(0)]
)
def test_every_form_of_a_rectifier_is_reached(form):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = NET[0], NET[2], NET[4]

        def forward(self, x):
            return self.c(form(self.b(form(self.a(x)))))

    for rule in (GUIDED, DECONVNET):
        assert torch.allclose(
            see(Net(), X, grads=[INPUT], target=1, rules=rule).grad(INPUT), by_hand(rule is GUIDED), atol=1e-7
        )


def test_an_activation_of_a_part_of_a_tensor_is_refused():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = NET[0], NET[2]

        def forward(self, x):
            h = self.a(x)
            h[:, :2].relu_()
            return self.b(h)

    with pytest.raises(NotApplicable, match=r"'/relu\.0' writes into a part of another tensor"):
        see(Net(), X, grads=[INPUT], target=0, rules=GUIDED)
