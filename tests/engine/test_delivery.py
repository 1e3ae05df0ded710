import pytest
import torch
from torch import nn

from pellucid.core.errors import LayerNotFound, NotApplicable
from pellucid.engine.passes import INPUT, OUTPUT
from tests.engine.asking import addresses, see
from tests.networks import NETWORKS, seeded

X = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(6))
NET = NETWORKS["article_net"].build()


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        ("pool", ["pool#0", "pool#1"]),
        ("pool#1", ["pool#1"]),
        ("/relu", ["/relu.0", "/relu.1", "/relu.2", "/relu.3"]),
        ("conv*", ["conv1", "conv2"]),
        ("conv?:in", ["conv1:in", "conv2:in"]),
        ("conv1/conv2d.0", ["conv1/conv2d.0"]),
        ("*/relu.1", ["/relu.1"]),
        ("output", ["output"]),
        ("input", ["input"]),
        ("fc?:bias", ["fc1:bias", "fc2:bias", "fc3:bias"]),
        ("fc[12]", ["fc1", "fc2"]),
        (NET.conv2, ["conv2"]),
        (("conv2", "conv1"), ["conv1", "conv2"]),
    ],
)
def test_a_layer_makes_one_spot_per_place_in_execution_order(layer, found):
    seen = see(NET, X, keep=[layer])
    assert sorted(addresses(seen, layer)) == sorted(found) and (
        isinstance(layer, tuple) or addresses(seen, layer) == found
    )


def test_every_spot_knows_what_happened_there():
    spot = see(NET, X, keep=["pool#1"]).at("pool#1")[0]
    assert (spot.event.kind, spot.event.shape, spot.layout.grid) == ("MaxPool2d", (2, 16, 5, 5), (5, 5))
    assert see(NET, X, keep=["conv1:weight"]).at("conv1:weight")[0].event is None


def test_parts_of_a_tuple():
    network = NETWORKS["lstm"]
    model, x = network.build(), network.x(2)
    steps, (hidden, cell) = model.lstm(x)
    seen = see(model, x, keep=["lstm", "lstm@0", "lstm@1.0", "lstm@1.1"], grads=["lstm", "lstm@0"], target=0)
    for layer, expected in (("lstm", steps), ("lstm@0", steps), ("lstm@1.0", hidden), ("lstm@1.1", cell)):
        assert torch.allclose(seen[layer], expected.detach(), atol=1e-6)
    assert addresses(seen, "lstm@1.1") == ["lstm@1.1"] and torch.equal(seen.grad("lstm"), seen.grad("lstm@0"))


def test_gradients_equal_those_of_autograd():
    model = seeded(lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)))()
    x = torch.randn(2, 4)
    hidden = model[0](x)
    expected = torch.autograd.grad(model[2](model[1](hidden))[:, 2].sum(), [hidden, model[0].weight, model[2].bias])
    seen = see(model, x, grads=["0", "0:weight", "2:bias", OUTPUT], target=2)
    for layer, one in zip(("0", "0:weight", "2:bias"), expected, strict=True):
        assert torch.equal(seen.grad(layer), one)
    assert seen.grad(OUTPUT).tolist() == [[0, 0, 1], [0, 0, 1]]
    assert seen["0"] is None and model[0].weight.grad is None


def test_frozen_parameters_have_a_gradient_when_it_is_asked_for_and_none_is_kept():
    network = NETWORKS["frozen"]
    model, twin, x = network.build(), network.build().requires_grad_(True), network.x(2)
    expected = torch.autograd.grad(twin(x)[:, 1].sum(), twin[0].weight)[0]
    assert torch.allclose(see(model, x, grads=["0:weight"], target=1).grad("0:weight"), expected, atol=1e-7)
    assert not any(one.requires_grad or one.grad is not None for one in model.parameters())


def test_tied_weights_have_the_sum_of_their_gradients():
    network = NETWORKS["tied_lm"]
    model, x = network.build(), network.x(2)
    expected = torch.autograd.grad(model(x)[:, -1, 2].sum(), model.embed.weight)[0]
    assert torch.allclose(see(model, x, grads=["embed:weight"], target=2).grad("embed:weight"), expected, atol=1e-6)


class Detours(nn.Module):
    """One branch is cut off from the output, one parameter is never used."""

    def __init__(self):
        super().__init__()
        self.used, self.cut, self.idle, self.fc = (nn.Linear(4, 4) for _ in range(4))

    def forward(self, x):
        return self.fc(self.used(x) + self.cut(x).detach())


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("cut", "no gradient reaches 'cut' from the target"),
        ("cut:weight", "no gradient reaches 'cut:weight': this forward does not use it"),
        ("idle:weight", "no gradient reaches 'idle:weight'"),
        ("idle", "'idle' was not called in this forward"),
    ],
)
def test_a_plain_name_without_a_gradient_fails_by_name(layer, words):
    with pytest.raises(NotApplicable, match=words):
        see(Detours(), torch.randn(2, 4), grads=[layer], target=1)


@pytest.mark.parametrize(
    ("glob", "found"),
    [("[ucf]*", ["used", "fc"]), ("*:weight", ["used:weight", "fc:weight"]), ("every weight", ["used", "fc"])],
)
def test_a_glob_leaves_out_what_has_no_gradient_and_says_so(glob, found):
    seen = see(Detours(), torch.randn(2, 4), keep=[glob], grads=[glob], target=1)
    assert addresses(seen, glob) == found
    assert any("'cut" in note.en and "left out" in note.en and "已略去" in note.zh for note in seen.notes)


def test_a_glob_without_any_gradient_is_refused():
    with pytest.raises(NotApplicable, match="no gradient reaches any place of 'cut\\*'"):
        see(Detours(), torch.randn(2, 4), grads=["cut*"], target=1)


def test_an_input_that_the_target_does_not_read_has_a_zero_gradient_and_a_note():
    class Two(nn.Module):
        def forward(self, a, b):
            return a.sum(1, keepdim=True).expand(-1, 2)

    seen = see(Two(), (torch.randn(2, 3), torch.randn(2, 4)), grads=[INPUT], target=0)
    assert not seen.at(INPUT)[1].grad.any() and seen.at(INPUT)[0].grad.eq(1).all()
    assert any("No gradient reaches the input '1'" in note.en for note in seen.notes)


@pytest.mark.parametrize(
    ("layer", "words", "near"),
    [
        ("conv9", "ArticleNet has no layer 'conv9'", "'conv1'"),
        ("/relu.9", "nothing in this forward is called '/relu.9'", "'/relu."),
        ("conv1/tanh.0", "nothing in this forward is called 'conv1/tanh.0'", "conv1"),
        ("nets.*", r"is called 'nets.\*'", "'"),
        ("conv1:gain", "'conv1' has no parameter 'gain'", "'conv1:weight', 'conv1:bias'"),
        ("conv1#", "is not an address", ""),
        ("pool#5", r"'pool' was called 2 times, #0 to #1: there is no 'pool#5'", ""),
    ],
)
def test_an_unknown_name_comes_with_the_nearest_ones(layer, words, near):
    with pytest.raises(LayerNotFound, match=words) as caught:
        see(NET, X, keep=[layer])
    assert near in str(caught.value)


def test_near_names_have_shapes_once_a_forward_was_seen():
    with pytest.raises(LayerNotFound) as caught:
        see(NETWORKS["article_net"].build(), X, keep=["/rely.0"])
    assert "'/relu.0' (2 6 28 28)" in str(caught.value)


def test_an_integer_input_without_embedding_has_no_gradient():
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, x):
            return self.fc(x.float())

    with pytest.raises(NotApplicable, match="is integer and no embedding reads it"):
        see(Counts(), torch.arange(8).reshape(2, 4), grads=[INPUT], target=0)


def test_a_value_overwritten_by_code_that_cannot_be_seen_is_refused():
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 3)

        def forward(self, x):
            h = self.fc(x)
            with torch._C.DisableTorchFunction():
                h.data.add_(0), h.detach().mul_(2)
            return h * 1

    with pytest.raises(NotApplicable, match="the value at 'fc' was overwritten by code that cannot be seen"):
        see(Hidden(), torch.randn(1, 3), keep=["fc"])


def test_a_gradient_that_reaches_no_input_is_refused_never_zero():
    class Rounds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, x):
            return self.fc(x.detach())

    with pytest.raises(NotApplicable, match="no gradient reaches the input"):
        see(Rounds(), torch.randn(2, 3), grads=[INPUT], target=0)
