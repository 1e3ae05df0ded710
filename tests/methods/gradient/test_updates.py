"""Updates: a naive restatement, and what plain gradient descent must give."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl

torch.set_num_threads(1)


def trained(rate, steps=6, *, naive=None):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    x = torch.randn(16, 4, dtype=torch.float64)
    with pl.Lens(model).watch(optimizer, every=1) as run:
        for _ in range(steps):
            optimizer.zero_grad()
            model(x).pow(2).mean().backward()
            before = {name: value.detach().clone() for name, value in model.named_parameters()}
            optimizer.step()
            if naive is not None:
                for layer in ("0", "2"):
                    own = [name for name in before if name.startswith(layer)]
                    now = dict(model.named_parameters())
                    moved = sum(float((now[name].detach() - before[name]).square().sum()) for name in own)
                    naive.setdefault(layer, []).append(
                        (moved / sum(float(before[n].square().sum()) for n in own)) ** 0.5
                    )
    return run


def test_it_is_the_norm_of_the_difference_beside_that_of_the_weights():
    naive = {}
    result = trained(0.1, naive=naive).see(pl.updates())[0]
    assert list(result.curves) == ["0", "2"] and result.axes[0] != "batch"
    for layer, values in naive.items():
        np.testing.assert_allclose(result.curves[layer], values, rtol=1e-9)


def test_the_first_ratio_is_proportional_to_the_rate():
    whole, half = (trained(rate, 2).see("updates")[0] for rate in (0.2, 0.1))
    for layer in ("0", "2"):
        assert half.curves[layer][0] == pytest.approx(0.5 * whole.curves[layer][0], rel=1e-9)


def test_too_little_and_too_much_are_named():
    notes = [note.en for rate in (1e-6, 10.0) for note in trained(rate).see("updates")[0].notes]
    assert any("Hardly moves in the end: 0, 2." in note for note in notes)
    assert any("more than 3% a step" in note for note in notes)
