from collections.abc import Callable

import pytest
import torch

from pellucid.ops.ascent import Ascent


@pytest.mark.parametrize(("peer", "ahead", "rate"), [(torch.optim.Adam, False, 0.05), (torch.optim.NAdam, True, 1.0)])
def test_steps_are_those_of_torch(peer: Callable[..., torch.optim.Optimizer], ahead: bool, rate: float) -> None:
    """To single precision, in which torch holds the product of NAdam's momenta."""
    draw = torch.Generator().manual_seed(0)
    start = torch.randn(4, 5, generator=draw, dtype=torch.float64)
    gradients = [torch.randn(4, 5, generator=draw, dtype=torch.float64) * 10.0**-i for i in range(8)]
    mine, theirs = start.clone(), start.clone().requires_grad_()
    ascent, optimiser = Ascent([mine], rate, ahead), peer([theirs], lr=rate)
    for gradient in gradients:
        ascent.step([gradient])
        theirs.grad = -gradient
        optimiser.step()
        assert torch.allclose(mine, theirs.detach(), rtol=1e-6, atol=1e-6)
