import math

import numpy as np
import pytest
import torch
from torch import nn

from pellucid.engine.monitor.budget import Budget
from pellucid.engine.monitor.history import History
from pellucid.engine.monitor.monitor import Monitor
from pellucid.engine.monitor.parameters import Parameters, owner
from pellucid.engine.monitor.transfer import Transfer


def test_owners():
    assert owner("layer1.0.conv.weight") == "layer1.0.conv" and owner("scale") == ""
    assert owner("fc.parametrizations.weight.original0") == "fc"


def stepped(model, optimizer, **given):
    parameters, transfer = Parameters(model), Transfer()
    parameters.before(optimizer, transfer, first=True, dear=True, closure=False, **given)
    optimizer.step()
    parameters.after(optimizer, transfer)
    return transfer.start().read()


def test_the_update_is_what_the_weights_moved_by():
    model = nn.Linear(4, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    model(torch.randn(2, 4)).sum().backward()
    before = model.weight.detach().clone()
    found = stepped(model, optimizer)
    assert found["update", "weight"] == pytest.approx(float((model.weight.detach() - before).norm()), rel=1e-6)
    assert found["weight", "weight"] == pytest.approx(float(before.norm()), rel=1e-6)


def test_sparse_gradients_are_measured():
    model = nn.Embedding(10, 4, sparse=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model(torch.tensor([1, 1, 3])).sum().backward()
    found = stepped(model, optimizer)
    assert found["gradient", "weight"] == pytest.approx(math.sqrt(4 * 4 + 4))
    assert found["update", "weight"] == pytest.approx(0.5 * found["gradient", "weight"], rel=1e-5)


def test_non_finite_elements_are_counted():
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.weight.grad = torch.full((3, 4), float("nan"))
    model.bias.grad = torch.zeros(3)
    found = stepped(model, optimizer)
    assert found["bad_gradient", "weight"] == 12 and ("bad_gradient", "bias") not in found


def test_parameters_without_an_optimizer_are_measured_beside():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    optimizer = torch.optim.SGD(model[1].parameters(), lr=0.1)
    model(torch.randn(2, 2)).sum().backward()
    found = stepped(model, optimizer)
    assert ("gradient", "0.weight") in found and ("update", "0.weight") not in found
    assert Parameters(model).rows["0"].elements == 6


@pytest.mark.parametrize("named", [True, False])
def test_gradients_that_a_closure_makes_are_those_of_this_step(named):
    model, x = nn.Linear(3, 1, bias=False), torch.randn(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    history = History()
    monitor = Monitor(model, [optimizer], lambda item: history.add((item,)), Budget(0.01, 1))
    monitor.open()
    gradients, weights = [], []

    def closure():
        optimizer.zero_grad()
        weights.append(float(model.weight.detach().norm()))
        loss = model(x).square().mean()
        loss.backward()
        gradients.append(float(model.weight.grad.norm()))
        return loss

    for _ in range(3):
        optimizer.step(closure=closure) if named else optimizer.step(closure)
    monitor.close()
    assert not monitor.guard.error
    np.testing.assert_allclose(history.grid("gradient").values[:, 0], gradients, rtol=1e-6)
    np.testing.assert_allclose(history.grid("weight").values[:, 0], weights, rtol=1e-6)
