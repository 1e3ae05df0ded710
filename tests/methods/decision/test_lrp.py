"""LRP: a restatement on explicit matrices, what is conserved, limits that are other methods, any code of a network."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.inputs.preprocess import Preprocess
from pellucid.methods.decision._relevance import COMPOSITES
from tests.engine.test_constants import shifted
from tests.networks import NETWORKS, seeded

S = 1e-6
X = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(4)).double()


def layered(bias: bool = True, norm: bool = True) -> nn.Sequential:
    """Convolutions, normalisations, pooling of both kinds, dense layers."""
    norms = (shifted(nn.BatchNorm2d(4)), shifted(nn.BatchNorm2d(5))) if norm else (nn.Identity(), nn.Identity())
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=bias), norms[0], nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 3, stride=2, bias=bias), norms[1], nn.ReLU(inplace=True), nn.AvgPool2d(1),
        nn.Flatten(), nn.Linear(5, 6, bias=bias), nn.ReLU(), nn.Linear(6, 3, bias=bias),
    )  # fmt: skip


def net(**kinds: bool) -> nn.Sequential:
    return seeded(lambda: layered(**kinds))().double().eval()


def matrix_of(layers: list[nn.Module], entered: Tensor) -> tuple[Tensor, Tensor]:
    """Affine layers as one matrix `(out, in)` and a constant, by pushing unit inputs through."""

    def through(x: Tensor) -> Tensor:
        for layer in layers:
            x = layer(x)
        return x.detach().flatten(1)

    size = entered[0].numel()
    constant = through(torch.zeros(1, *entered.shape[1:]).double())
    return (through(torch.eye(size).double().reshape(size, *entered.shape[1:])) - constant).T, constant[0]


def handed(name: str, x: Tensor, w: Tensor, b: Tensor, upper: Tensor, w_read: Tensor) -> Tensor:
    """Relevance of one example's inputs `(in,)` from that of the outputs `(out,)`, every pair of units written out."""
    made = x * w
    z = made.sum(1) + b
    up, down = made.clamp(min=0), made.clamp(max=0)
    if name == "epsilon":
        terms = [(1.0, made, b)]
    elif name == "z_plus":
        terms = [(1.0, up, b.clamp(min=0))]
    elif name == "alpha2_beta1":
        terms = [(2.0, up, b.clamp(min=0)), (-1.0, down, b.clamp(max=0))]
    elif name == "gamma":
        more = torch.where(z[:, None] > 0, up, down)
        terms = [(1.0, made + 0.25 * more, b + 0.25 * torch.where(z > 0, b.clamp(min=0), b.clamp(max=0)))]
    elif name == "flat":
        terms = [(1.0, w_read, torch.zeros_like(b))]
    else:
        terms = [(1.0, made + 3 * w.clamp(min=0) - 2 * w.clamp(max=0), torch.zeros_like(b))]
    found = torch.zeros_like(x)
    for factor, parts, constant in terms:
        total = parts.sum(1) + constant
        found += factor * (parts / (total + torch.where(total < 0, -S, S))[:, None] * upper[:, None]).sum(0)
    return found


def restated(model: nn.Sequential, x: Tensor, target: list[int], composite: str) -> Tensor:
    """The whole network: affine stretches as matrices, rectifiers pass, maxima go to the winner."""
    first, convolution, dense = COMPOSITES[composite]
    groups = [("conv", [0, 1]), ("relu", [2]), ("max", [3]), ("conv", [4, 5]), ("relu", [6]), ("dense", [7, 8]),
              ("dense", [9]), ("relu", [10]), ("dense", [11])]  # fmt: skip
    values = [x]
    for _, which in groups:
        value = values[-1].clone()
        for i in which:
            value = model[i](value)
        values.append(value.detach())
    found = []
    for n, index in enumerate(target):
        upper = torch.zeros(3).double()
        upper[index] = values[-1][n, index]
        for (kind, which), entered in reversed(list(zip(groups, values, strict=False))):
            if kind == "relu":
                continue
            if kind == "max":
                _, at = nn.functional.max_pool2d(entered[n], 2, return_indices=True)
                lower = torch.zeros(at.shape[0], entered[n][0].numel()).double()
                upper = lower.scatter_add(1, at.flatten(1), upper.reshape(at.shape).flatten(1)).flatten()
                continue
            name = dense if kind == "dense" else first if which[0] == 0 and first else convolution
            w, b = matrix_of([model[i] for i in which], entered)
            if which == [7, 8]:
                name = "epsilon"
            upper = handed(name, entered[n].flatten(), w, b, upper, (w != 0).double())
        found.append(upper.reshape(x.shape[1:]))
    return torch.stack(found)


@pytest.mark.parametrize("composite", COMPOSITES)
def test_the_formula_on_explicit_matrices(composite: str) -> None:
    model = net()
    box = {"low": -3.0, "high": 2.0} if composite == "epsilon_gamma_box" else {}
    result = pl.lrp(composite=composite, **box)(model, X, target=[1, 2])
    expected = restated(model, X, [1, 2], composite).numpy()
    np.testing.assert_allclose(result.values, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(result.facts["sum"], expected.sum((1, 2, 3)), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("composite", ["epsilon", "z_plus", "gamma", "epsilon_plus", "epsilon_plus_flat"])
def test_without_biases_nothing_is_lost(composite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.methods.decision._relevance.STABILIZER", 1e-14)
    model = net(bias=False, norm=False)
    result = pl.lrp(composite=composite, epsilon=1e-14)(model, X.abs(), target=[1, 2])
    assert np.abs(result.facts["gap"]).max() <= 1e-9 * np.abs(result.facts["score"]).max()
    score = model(X.abs())[[0, 1], [1, 2]].detach()
    np.testing.assert_allclose(result.facts["score"], score.numpy())


def test_a_score_that_hardly_arrives_is_said() -> None:
    model = net()
    with torch.no_grad():
        model[4].bias += 100.0
    result = pl.lrp(composite="z_plus")(model, X, target=1)
    assert abs(result.facts["sum"][0]) < 0.5 * abs(result.facts["score"][0])
    assert any("biases, and operations without a rule, keep" in note.en and "偏置" in note.zh for note in result.notes)


def test_epsilon_without_end_is_input_times_gradient() -> None:
    for name in ("article_net", "residual", "in_place", "series"):
        model, x = NETWORKS[name].build().double(), NETWORKS[name].x(2).double()
        one = pl.lrp(composite="epsilon", epsilon=1e-13)(model, x, target=1).values
        two = pl.input_x_gradient()(model, x, target=1).values
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-9 * np.abs(two).max())


def test_gamma_without_end_is_z_plus() -> None:
    model = net(bias=False, norm=False)
    last = model[11].weight.data
    last.abs_()
    one = pl.lrp(composite="gamma", gamma=1e10)(model, X.abs(), target=1).values
    two = pl.lrp(composite="z_plus")(model, X.abs(), target=1).values
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-3 * np.abs(two).max())


def test_z_plus_is_never_negative_for_a_positive_score() -> None:
    model = net()
    target = model(X).argmax(1).tolist()
    result = pl.lrp(composite="z_plus")(model, X, target=target)
    assert min(result.facts["score"]) > 0
    assert (result.values >= 0).all() and result.values.any()


def test_two_halves_of_a_channel_share_what_it_had() -> None:
    model, twin = net(), net()
    doubled = nn.Conv2d(4, 5, 3, stride=2).double()
    first = nn.Conv2d(3, 5, 3, padding=1).double()
    norm = nn.BatchNorm2d(5).double().eval()
    more = nn.Conv2d(5, 5, 3, stride=2).double()
    with torch.no_grad():
        for new, old in zip(
            (*first.parameters(), *norm.parameters()), (*model[0].parameters(), *model[1].parameters()), strict=True
        ):
            new.copy_(torch.cat([old, old[:1]]))
        norm.running_mean.copy_(torch.cat([model[1].running_mean, model[1].running_mean[:1]]))
        norm.running_var.copy_(torch.cat([model[1].running_var, model[1].running_var[:1]]))
        more.bias.copy_(model[4].bias)
        more.weight.copy_(torch.cat([model[4].weight, model[4].weight[:, :1] / 2], 1))
        more.weight[:, 0] /= 2
    twin[0], twin[1], twin[4] = first, norm, more
    del doubled
    for composite in COMPOSITES:
        one, two = (pl.lrp(composite=composite)(each, X, target=1).values for each in (model, twin))
        np.testing.assert_allclose(one, two, rtol=0, atol=1e-5 * np.abs(one).max())


class Written(nn.Module):
    """The same layers called as functions, in place, one activation module for all."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers, self.relu = layers, nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        a, n, _, _, c, m, _, _, _, d, _, e = self.layers
        h = nn.functional.conv2d(input=x, weight=a.weight, bias=a.bias, padding=1)
        h = nn.functional.batch_norm(h, n.running_mean, n.running_var, n.weight, n.bias, eps=n.eps)
        h = nn.functional.max_pool2d(self.relu(h), 2)
        h = torch.batch_norm(
            torch.conv2d(h, c.weight, c.bias, 2),
            m.weight,
            m.bias,
            m.running_mean,
            m.running_var,
            False,
            0.1,
            m.eps,
            False,
        )
        h = self.relu(h).flatten(1)
        return nn.functional.linear(nn.functional.linear(h, d.weight, d.bias).relu_(), e.weight, e.bias)


@pytest.mark.parametrize("composite", COMPOSITES)
def test_functional_code_equals_its_modules(composite: str) -> None:
    one, two = (pl.lrp(composite=composite)(model, X, target=1).values for model in (net(), Written(net())))
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-12 * np.abs(one).max())


def test_inner_layers_carry_the_same_total() -> None:
    model = net(bias=False, norm=False)
    layers = ("0", "2", "4", "9")
    results = pl.lrp(composite="epsilon", epsilon=1e-13, layer=("input", *layers))(model, X, target=1)
    assert [one.layer for one in results] == ["", *layers]
    for one in results:
        np.testing.assert_allclose(one.facts["sum"], results[0].facts["score"], rtol=1e-8)
    assert results[1].values.shape == (2, 4, 8, 8) and results[1].axes == ("batch", "channel", "height", "width")


def test_one_forward_for_every_composite_and_the_other_pictures() -> None:
    lens, x = pl.Lens(net()), X
    views = lens.see(x, pl.saliency(), *(pl.lrp(composite=name) for name in COMPOSITES), pl.lrp(layer="4"), target=1)
    assert not views.failures
    assert (views.cost.forwards, views.cost.backwards) == (1, 1 + len(COMPOSITES))
    assert np.array_equal(views[1].values, pl.lrp()(net(), x, target=1).values)


def test_overrides_hold_for_their_layers() -> None:
    model = net()
    by_hand = pl.lrp(composite="epsilon", rules=("0=flat", "4=z_plus"))(model, X, target=1)
    assert np.array_equal(by_hand.values, pl.lrp(composite="epsilon_plus_flat")(model, X, target=1).values)
    written = pl.lrp(composite="epsilon", rules=("/conv2d.*=z_plus",))(Written(net()), X, target=1)
    np.testing.assert_allclose(written.values, pl.lrp()(model, X, target=1).values, rtol=1e-6, atol=1e-12)
    assert pl.lrp(rules=("0=w_square",))(model, X, target=1).values.any()


@pytest.mark.parametrize(
    ("rules", "error", "says"),
    [
        (("deep=flat",), pl.LayerNotFound, "no convolution or dense layer is called 'deep'"),
        (("4=flat",), pl.BadSetting, "for the layer that reads the input; '4/conv2d.0' is not"),
        (("0=wrong",), pl.BadSetting, "no layer and rule"),
    ],
)
def test_overrides_that_mean_nothing(rules: tuple[str, ...], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        pl.lrp(rules=rules)(net(), X, target=1)


def test_the_box_is_black_and_white_or_said() -> None:
    model, x = net().float(), torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    lens = pl.Lens(model, preprocess=Preprocess((0.5,), (0.25,)))
    known = lens.see((x - 0.5) / 0.25, pl.lrp(composite="epsilon_gamma_box"), target=1)[0]
    given = lens.see((x - 0.5) / 0.25, pl.lrp(composite="epsilon_gamma_box", low=-2.0, high=2.0), target=1)[0]
    assert not any("least and the greatest" in note.en for note in known.notes)
    np.testing.assert_allclose(known.values, given.values, rtol=1e-3, atol=1e-4 * np.abs(given.values).max())
    unknown = pl.lrp(composite="epsilon_gamma_box")(model, x, target=1)
    assert any("least and the greatest" in note.en and "最小值" in note.zh for note in unknown.notes)


def test_black_pixels_can_carry_relevance_by_box_and_flat() -> None:
    x = X.clone()
    x[:, :, :4] = 0.0
    for composite in ("epsilon_gamma_box", "epsilon_plus_flat"):
        result = pl.lrp(composite=composite)(net(), x, target=1)
        assert np.abs(result.values[:, :, :4]).sum() > 0.05 * np.abs(result.values).sum()
    assert not np.abs(pl.lrp()(net(), x, target=1).values[:, :, :4]).sum() > 1e-6


@pytest.mark.parametrize("composite", ["epsilon_gamma_box", "epsilon_plus_flat", "epsilon_plus"])
def test_padding_ahead_of_a_layer_is_the_padding_of_the_layer(composite: str) -> None:
    one, ahead = net(), net()
    ahead[0].padding = (0, 0)
    two = nn.Sequential(nn.ZeroPad2d(1), ahead)
    values = [pl.lrp(composite=composite, low=-3.0, high=4.0)(model, X, target=1).values for model in (one, two)]
    np.testing.assert_allclose(values[1], values[0], rtol=0, atol=1e-12 * np.abs(values[0]).max())


def test_what_has_no_rule_is_named() -> None:
    result = pl.lrp()(NETWORKS["tiny_vit"].build(), NETWORKS["tiny_vit"].x(2), target=1)
    text = " ".join(note.en + note.zh for note in result.notes)
    assert "layer_norm" in text and "plain gradient" in text and "普通梯度" in text
    plain = pl.lrp()(NETWORKS["residual"].build(), NETWORKS["residual"].x(2), target=1)
    assert not any("No rule of LRP" in note.en for note in plain.notes)


@pytest.mark.parametrize("composite", COMPOSITES)
def test_the_rules_are_said(composite: str) -> None:
    note = pl.lrp(composite=composite)(net(), X, target=1).notes
    said = next(one for one in note if one.en.startswith("Rules: "))
    for name in COMPOSITES[composite]:
        assert name is None or (name in said.en and name in said.zh)
    assert said.en.endswith(".") and said.zh.endswith("。")


def test_smooth_activations_pass_all_they_received() -> None:
    model = seeded(
        lambda: nn.Sequential(nn.Linear(4, 5, bias=False), nn.GELU(), nn.Linear(5, 2, bias=False))
    )().double()
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).double()
    result = pl.lrp(composite="epsilon", epsilon=1e-13)(model, x, target=1)
    np.testing.assert_allclose(result.facts["sum"], result.facts["score"], rtol=1e-7)


def test_no_layer_at_the_input_is_said() -> None:
    class Centred(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net()

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x - 1.0)

    result = pl.lrp(composite="epsilon_plus_flat")(Centred(), X, target=1)
    assert any("the rule flat is used nowhere" in note.en and "flat" in note.zh for note in result.notes)


def test_half_precision() -> None:
    model, x = net().float(), X.float()
    whole = pl.lrp()(model, x, target=1).values
    half = pl.lrp()(net().bfloat16(), x.bfloat16(), target=1).values
    assert np.corrcoef(whole.ravel(), half.ravel())[0, 1] > 0.98


def test_the_reader_is_told_of_the_patent() -> None:
    words = pl.lrp().spec.words
    assert "patented" in words.cannot.en and "专利" in words.cannot.zh and "patented" in pl.lrp().spec.doc


def test_settings_are_checked() -> None:
    for settings in ({"composite": "deep"}, {"epsilon": 0.0}, {"gamma": -1.0}, {"rules": 3}):
        with pytest.raises(pl.BadSetting):
            pl.lrp(**settings)
    with pytest.raises(pl.BadSetting, match="box is empty"):
        pl.lrp(composite="epsilon_gamma_box", low=1.0, high=0.0)(net(), X, target=1)
