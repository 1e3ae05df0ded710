import pytest
import torch
from torch import nn

from pellucid.core.errors import BadTarget, NotApplicable
from pellucid.engine.passes import INPUT, Pass
from pellucid.engine.rules import GUIDED
from pellucid.engine.targets import Target
from pellucid.engine.units import unit
from pellucid.inputs.read import read
from tests.engine.asking import ask, see
from tests.networks import seeded

X = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(3))
NET = seeded(lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.Flatten(), nn.Linear(80, 3)))()


def test_the_backward_of_a_unit_begins_at_its_layer():
    leaf = X.clone().requires_grad_()
    inside = NET[:3](leaf)[:, 2]
    where = inside.flatten(1).argmax(1)
    (expected,) = torch.autograd.grad(inside.flatten(1)[range(2), where].sum(), leaf)
    seen = see(NET, X, grads=[INPUT, "0"], target=unit("2", 2))
    assert torch.allclose(seen.grad(INPUT), expected, atol=1e-6)
    assert torch.equal(seen.score, inside.flatten(1)[range(2), where].detach())


def test_a_unit_and_a_class_are_two_backwards_on_one_forward():
    x = read(X)
    asked = (Target(1), Target(unit("2", 2)), Target(unit("2", 2)), Target(unit("2", 2, (0, 0))))
    seen, cost = ask(NET, *(Pass(x, grads=[INPUT], target=target) for target in asked))
    assert (cost.forwards, cost.backwards) == (1, 3)
    assert torch.equal(seen[1].grad(INPUT), seen[2].grad(INPUT)) and not torch.equal(
        seen[1].grad(INPUT), seen[3].grad(INPUT)
    )
    assert not seen[3].grad(INPUT)[:, :, 5:].any(), "one position reads its own window alone"


def test_what_lies_behind_a_unit_has_no_gradient_from_it():
    with pytest.raises(NotApplicable, match="no gradient reaches '4' from the target"):
        see(NET, X, grads=["4"], target=unit("2", 2))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (unit("2", 9), "'2' has 5 channels, 0 to 4, not 9"),
        (unit("2", 0, (9, 0)), "not on the grid"),
        (unit("2", 0, (1,)), "not on the grid"),
    ],
)
def test_units_that_do_not_exist(asked, words):
    with pytest.raises(BadTarget, match=words):
        see(NET, X, grads=[INPUT], target=asked)


def test_rules_hold_below_a_unit():
    plain, guided = (see(NET, X, grads=[INPUT], target=unit("2", 2), rules=rule).grad(INPUT) for rule in (None, GUIDED))
    assert not torch.equal(plain, guided)


def test_a_failed_backward_leaves_the_graph_to_the_next():
    class Once(nn.Linear):
        """Its first backward raises."""

        raised = False

        def forward(self, x):
            out = super().forward(x)
            if out.requires_grad:
                out.register_hook(self.fail)
            return out

        def fail(self, _):
            if not self.raised:
                self.raised = True
                raise ArithmeticError("first")

    x = read(torch.randn(2, 4))
    (bad, good), cost = ask(Once(4, 3), *(Pass(x, grads=[INPUT], target=Target(one)) for one in (0, 1)))
    assert "ArithmeticError: first" in str(bad) and good.grad(INPUT).any() and cost.backwards == 2
