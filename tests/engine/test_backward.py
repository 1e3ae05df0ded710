import pytest
import torch
from torch import nn

import pellucid as pl

x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))


def net(*layers: nn.Module) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 3), *layers, nn.Flatten(), nn.Linear(64, 3)).eval()


def test_one_backward_for_each_target_and_rule() -> None:
    lens = pl.Lens(net(nn.ReLU()))
    views = lens.see(x, pl.saliency(), pl.guided_backprop(), pl.grad_cam(), target=pl.targets(0, 1))
    assert (views.cost.forwards, views.cost.backwards) == (1, 4)


def fail(_: torch.Tensor) -> torch.Tensor:
    raise ZeroDivisionError("in the backward")


class Breaks(nn.Module):
    def forward(self, value: torch.Tensor) -> torch.Tensor:
        if value.requires_grad:
            value.register_hook(fail)
        return value


def test_a_backward_that_raises_takes_no_forward_picture_with_it() -> None:
    views = pl.Lens(net(Breaks())).see(x, pl.saliency(), pl.activation_maps(layer="0"))
    assert isinstance(views[0], pl.Failure) and "the backward raised ZeroDivisionError" in views[0].reason
    assert isinstance(views[0].error, pl.ModelFailed) and isinstance(views[0].error.__cause__, ZeroDivisionError)
    assert isinstance(views[1], pl.Gallery)


class Silu(nn.Module):
    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return value * torch.sigmoid(value)


def test_a_rule_that_does_not_apply_leaves_the_gradient_alone() -> None:
    views = pl.Lens(net(Silu())).see(x, pl.guided_backprop(), pl.saliency())
    assert "composed in Python" in views[0].reason and "'1/mul.0'" in views[0].reason
    assert isinstance(views[1], pl.Attribution)


def test_an_output_without_gradient() -> None:
    class Rounds(nn.Module):
        def forward(self, value: torch.Tensor) -> torch.Tensor:
            return value.detach()

    with pytest.raises(pl.NotApplicable, match="carries no gradient"):
        pl.saliency()(nn.Sequential(nn.Flatten(), nn.Linear(108, 2), Rounds()), x)
