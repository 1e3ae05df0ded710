import torch
from torch import nn

from pellucid.engine.monitor.activations import Activations
from pellucid.engine.monitor.transfer import Transfer
from pellucid.engine.monitor.walk import Walk

torch.set_num_threads(1)


def seen(model, x, **given):
    transfer, rows = Transfer(), {}
    numbers = {}

    def row(one, key):
        rows[one.address] = one.kind
        return numbers.setdefault(key, one.address)

    made = Activations(transfer, row, lambda work: work(), **given)
    walk = Walk(dict(model.named_modules()), made)
    walk.begin(model)
    out = model(x)
    walk.end(model, out)
    out.sum().backward()
    made.close()
    return made, transfer.start().read(), rows


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.pool, self.act = nn.Conv2d(1, 3, 3), nn.MaxPool2d(2), nn.GELU()

    def forward(self, x):
        return self.act(self.pool(torch.relu(self.conv(x))))


def test_places_are_layers_with_weights_and_activations():
    made, found, rows = seen(Functional(), torch.randn(2, 1, 6, 6))
    assert rows == {"conv": "Conv2d", "/relu.0": "relu", "act": "GELU"} and made.order == ["conv", "/relu.0", "act"]
    assert {key[0] for key in found} == {"mean", "std", "dead", "flow"}


def test_an_overwritten_activation_keeps_its_own_gradient():
    torch.manual_seed(0)
    plain, inplace = (nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=flag), nn.Linear(4, 2)) for flag in (False, True))
    inplace.load_state_dict(plain.state_dict())
    x = torch.randn(3, 4)
    one, other = seen(plain, x)[1], seen(inplace, x)[1]
    assert one["flow", "0"] == other["flow", "0"] and one["flow", "1"] == other["flow", "1"]
    assert one["flow", "0"] < one["flow", "1"]


def test_channels_of_tokens_are_at_the_end():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    model[0].bias.data[1] = -100.0
    model[0].bias.data[[0, 2]] = 100.0
    assert abs(seen(model, torch.randn(2, 5, 4))[1]["dead", "1"] - 1 / 3) < 1e-6


def test_gradients_that_come_late_are_not_looked_at():
    transfer = Transfer()
    model = nn.Linear(2, 2)
    made = Activations(transfer, lambda row, key: 0, lambda work: work())
    walk = Walk(dict(model.named_modules()), made)
    walk.begin(model)
    out = model(torch.randn(1, 2))
    walk.end(model, out)
    made.close()
    out.sum().backward()
    assert ("flow", 0) not in transfer.start().read() and made.arrived == []


def test_a_trace_holds_every_function():
    made, found, _ = seen(Functional(), torch.randn(2, 1, 6, 6), trace=True)
    assert made.traced[:2] == [("conv", "conv2d"), ("/relu.0", "relu")] and ("trace", 1) in found
    assert made.between("conv", "/relu.0") == "relu"
