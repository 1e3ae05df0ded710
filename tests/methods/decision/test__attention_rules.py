"""Which operations AttnLRP changes, and what each argument of an operation gets."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pellucid.engine.passes import INPUT
from pellucid.methods.decision._attention_rules import AttentionRules, opaque, unruled
from tests.engine.asking import see

X = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(0)).double()


class Runs(nn.Module):
    def __init__(self, run: object) -> None:
        super().__init__()
        self.run = run

    def forward(self, x: Tensor) -> Tensor:
        return self.run(x).flatten(1).sum(1, keepdim=True)  # type: ignore[operator]


def passed(run: object, form: str = "attn", gamma: float = 0.0) -> Tensor:
    return see(Runs(run), X, grads=[INPUT], target=0, rules=AttentionRules(form, gamma).rule).grad(INPUT)


def own(run: object) -> Tensor:
    x = X.clone().requires_grad_()
    return torch.autograd.grad(Runs(run)(x).sum(), x)[0]


@pytest.mark.parametrize(
    "run",
    [
        lambda x: x.softmax(-1)[:, :, 0],
        lambda x: F.linear(x, torch.arange(12.0).double().reshape(2, 6)) + x.sum(-1, keepdim=True),
        lambda x: x * torch.arange(6.0).double() / 3,
        lambda x: x / x.exp().sum(-1, keepdim=True),
        lambda x: F.max_pool1d(F.relu(x), 2),
        lambda x: F.conv1d(x, torch.arange(24.0).double().reshape(2, 4, 3)),
    ],
)
def test_the_plain_gradient_passes(run: object) -> None:
    torch.testing.assert_close(passed(run), own(run), rtol=0, atol=0)


def test_what_is_added_to_a_product_gets_all_of_it() -> None:
    def run(x: Tensor) -> Tensor:
        return torch.baddbmm(x[:, :, :4], x, x.mT)

    torch.testing.assert_close(passed(run), own(lambda x: x[:, :, :4] + (x @ x.mT) / 2))


def test_a_mask_that_depends_on_the_input_gets_half() -> None:
    q, v = (torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(i)).double() for i in (1, 2))

    def fused(x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, x, v + x**2, attn_mask=x[:, :, :4])[:, :, :3]

    def eager(x: Tensor) -> Tensor:
        return ((q @ x.mT / 6**0.5 + x[:, :, :4]).softmax(-1) @ (v + x**2))[:, :, :3]

    for form in ("attn", "cp"):
        torch.testing.assert_close(passed(fused, form), passed(eager, form))


def test_gamma_without_end_reads_only_what_agrees() -> None:
    weight = torch.tensor([[1.0, 2.0, -3.0, 0.5, 0.0, -1.0]]).double()
    x, found = (
        X[0, 0].abs(),
        see(
            Runs(lambda x: F.linear(x, weight)),
            X[:1, :1].abs(),
            grads=[INPUT],
            target=0,
            rules=AttentionRules("attn", 1e9).rule,
        ).grad(INPUT)[0, 0],
    )
    z = (weight[0] * x).sum()
    share = (weight[0] * z).clamp(min=0) * x
    torch.testing.assert_close(x * found, z * share / share.sum(), rtol=1e-5, atol=1e-7)


def test_forms_with_other_settings_are_other_rules() -> None:
    assert AttentionRules("attn", 0.0).rule == AttentionRules("attn", 0.0).rule
    assert len({AttentionRules(form, gamma).rule for form in ("attn", "cp") for gamma in (0.0, 0.1)}) == 4


def test_calls_without_a_rule_are_named_in_order() -> None:
    def run(x: Tensor) -> Tensor:
        return x.exp() / x.mean(-1, keepdim=True) + F.normalize(x) / 2

    seen = see(Runs(run), X, grads=[INPUT], target=0, rules=AttentionRules("attn", 0.0).rule)
    assert unruled(seen.met) == ["exp", "div"] and opaque(seen.met) == []


def test_a_sigmoid_keeps_its_half_like_a_bias() -> None:
    torch.testing.assert_close(X * passed(torch.sigmoid), torch.sigmoid(X) - 0.5)


def test_a_gated_unit_equals_its_product() -> None:
    product = passed(lambda x: x.chunk(2, 1)[0] * torch.sigmoid(x.chunk(2, 1)[1]))
    torch.testing.assert_close(passed(lambda x: F.glu(x, 1)), product)
