"""Which rule a layer gets, and what is folded into it."""

import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.sites import Place
from pellucid.engine.operations import Met
from pellucid.methods.decision._relevance import COMPOSITES, Relevance, covers, is_linear, override, unruled
from tests.engine.test_constants import shifted
from tests.networks import seeded

X = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0)).double()
CONV, DENSE = Place("features.3", 0, "conv2d", 0), Place("", 0, "linear", 1)


@pytest.mark.parametrize("composite", COMPOSITES)
def test_the_rule_of_a_layer(composite):
    how = Relevance(composite, 1e-6, 0.25, (("head.*", "gamma"), ("*", "z_plus")))
    assert how.name_for("conv2d", Place("head.0"), first=True) == "gamma"
    assert how.name_for("linear", DENSE, first=True) == "z_plus"
    plain = Relevance(composite, 1e-6, 0.25)
    first, convolution, dense = COMPOSITES[composite]
    assert plain.name_for("conv_transpose1d", CONV, first=False) == convolution
    assert plain.name_for("linear", DENSE, first=False) == dense
    assert plain.name_for("conv2d", CONV, first=True) == (first or convolution)


def test_patterns_mean_modules_and_calls():
    assert covers("features.*", CONV) and covers("features.3/conv2d.0", CONV) and covers("/linear.1", DENSE)
    assert not covers("features", CONV) and not covers("/linear.0", DENSE)


def test_overrides_are_a_layer_and_a_rule():
    assert override("a=b=flat") == ("a=b", "flat")
    for text in ("conv1", "conv1=", "conv1=deep", "=flat"):
        with pytest.raises(pl.BadSetting, match="no layer and rule"):
            override(text)


def test_rules_with_the_same_settings_are_the_same():
    assert Relevance("epsilon", 1e-6, 0.25).rule == Relevance("epsilon", 1e-6, 0.25).rule
    assert Relevance("epsilon", 1e-6, 0.25).rule != Relevance("epsilon", 1e-3, 0.25).rule


def test_operations_without_a_rule():
    def met(name, *inputs):
        return Met(name, Place("", op=name, n=0), inputs)

    calls = (met("softmax", 0), met("mul", 0), met("mul", 0, 1), met("div", 0), met("linear", 0), met("relu", 0))
    assert unruled(calls) == ["softmax", "mul"]
    assert unruled((met("div", 1), met("einsum", 1, 2), met("conv2d", 0, "weight"))) == ["div", "einsum", "conv2d"]
    assert is_linear(met("conv2d", "input")) and not is_linear(met("conv2d", 0, 1)) and not is_linear(met("mul", 0))


def parts(make, norm):
    """A layer and its normalisation, in double precision."""
    return seeded(lambda: nn.Sequential(make(), shifted(norm()), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3)))().double()


def folded(layer, norm):
    """One layer that does what both do, found by pushing unit inputs through."""
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    new = seeded(lambda: type(layer)(**{name: getattr(layer, name) for name in SHARED[type(layer)]}))().double()
    with torch.no_grad():
        if isinstance(layer, nn.ConvTranspose2d):
            by_output = scale.reshape(layer.groups, 1, -1).repeat_interleave(layer.weight.shape[0] // layer.groups, 1)
            new.weight.copy_(layer.weight * by_output.reshape(*layer.weight.shape[:2], 1, 1))
        else:
            new.weight.copy_(layer.weight * scale.reshape(-1, *(1,) * (layer.weight.ndim - 1)))
        bias = layer.bias if layer.bias is not None else 0
        new.bias.copy_((bias - norm.running_mean) * scale + norm.bias)
    return new


CONV_NAMES = ("in_channels", "out_channels", "kernel_size", "groups", "padding", "stride")
SHARED = {
    nn.Conv2d: CONV_NAMES,
    nn.ConvTranspose2d: CONV_NAMES,
    nn.Linear: ("in_features", "out_features"),
}
LAYERS = {
    "conv": lambda: nn.Conv2d(4, 6, 3, padding=1),
    "no bias": lambda: nn.Conv2d(4, 6, 3, bias=False),
    "grouped": lambda: nn.Conv2d(4, 6, 3, groups=2, stride=2),
    "transposed": lambda: nn.ConvTranspose2d(4, 6, 3, groups=2),
    "same": lambda: nn.Conv2d(4, 6, 3, padding="same"),
}


@pytest.mark.parametrize("composite", ["z_plus", "epsilon", "epsilon_gamma_box"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_normalisation_is_folded_into_what_it_reads(name, composite):
    net = parts(LAYERS[name], lambda: nn.BatchNorm2d(6)).eval()
    net(X)
    net[1].weight.data[0] *= -1
    twin = nn.Sequential(folded(net[0], net[1]), *net[2:])
    torch.testing.assert_close(twin(X), net(X))
    one, two = (pl.lrp(composite=composite)(model, X, target=1).values for model in (net, twin))
    torch.testing.assert_close(torch.tensor(one), torch.tensor(two), rtol=1e-9, atol=1e-12)


def test_dense_layers_fold_too():
    net = parts(lambda: nn.Linear(7, 6), lambda: nn.BatchNorm1d(6)).eval()
    x = torch.randn(3, 7, generator=torch.Generator().manual_seed(0)).double()
    net(x)
    twin = nn.Sequential(folded(net[0], net[1]), *net[2:])
    one, two = (pl.lrp(composite="z_plus")(model, x, target=1).values for model in (net, twin))
    torch.testing.assert_close(torch.tensor(one), torch.tensor(two), rtol=1e-9, atol=1e-12)


def test_a_layer_with_another_reader_keeps_its_own_sums():
    class Net(nn.Module):
        def __init__(self, both):
            super().__init__()
            self.a, self.n, self.b, self.both = nn.Conv2d(4, 6, 3), shifted(nn.BatchNorm2d(6)), nn.Linear(96, 3), both

        def forward(self, x):
            h = self.a(x)
            return self.b((self.n(h) + (0.0 * h if self.both else 0.0)).relu().flatten(1))

    alone, shared = (seeded(lambda both=both: Net(both))().double().eval() for both in (False, True))
    values = [pl.lrp(composite="z_plus")(net, X, target=1).values for net in (alone, shared)]
    assert abs(values[0] - values[1]).max() > 1e-3 * abs(values[0]).max()


def test_a_unit_before_the_normalisation_is_not_folded():
    net = parts(LAYERS["conv"], lambda: nn.BatchNorm2d(6)).eval()
    net(X)
    result = pl.lrp(composite="epsilon", epsilon=1e-12)(net, X, target=pl.unit("0", 2, (1, 1)))
    score = net[0](X)[:, 2, 1, 1]
    assert result.facts["score"] == pytest.approx(score.tolist())
    assert result.facts["gap"] == pytest.approx([net[0].bias[2].item()] * 2, rel=1e-6)
