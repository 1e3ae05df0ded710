import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from pellucid.core.errors import NotApplicable
from pellucid.engine.attention.attention import Attention, probabilities
from pellucid.engine.edits import ablate, edit
from tests.engine.asking import see
from tests.networks.attentive import WAYS, Attentive, Way

X = torch.randn(2, 5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def attentions(model: nn.Module, *x: Tensor, target: object = None, **more: object) -> list[Attention]:
    """Every attention of a forward."""
    wanted = {} if target is None else {"target": target}
    seen = see(model.eval(), x if len(x) > 1 else x[0], attention=("every attention",), **wanted, **more)
    return [spot.attention for spot in seen.at("every attention")]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("groups", [4, 2, 1])
@pytest.mark.parametrize("way", WAYS)
def test_however_it_is_written_it_is_the_same(way: Way, groups: int, causal: bool) -> None:
    model = Attentive(way, groups=groups, causal=causal).double().eval()
    (one,) = attentions(model, X, target=1)
    assert one.place.path == "" and one.address == "/attention.0"
    assert one.shape == (2, 4, 5, 5) and one.kind == "self" and one.windows == 1
    assert (one.groups, one.causal) == (groups, causal) and one.error < 1e-14
    weights, gradient = by_hand(model, X, 1)
    assert torch.allclose(one.weights, weights, rtol=0, atol=1e-15)
    assert torch.allclose(one.gradient, gradient, rtol=0, atol=1e-12 * float(gradient.abs().max()))
    assert torch.allclose(one.weights @ one.values, one.output)


def by_hand(model: Attentive, x: Tensor, target: int) -> tuple[Tensor, Tensor]:
    """Probabilities and the gradient of the class by autograd, every step written out."""
    shared = 4 // model.groups
    query, key, value = (
        part(x).unflatten(2, (-1, 2)).transpose(1, 2) for part in (model.query, model.key, model.value)
    )
    scores = torch.einsum("bhid,bhjd->bhij", query, key.repeat_interleave(shared, 1)) / 2**0.5
    if model.causal:
        scores = scores + torch.full((5, 5), float("-inf")).triu(1)
    weights = (scores.exp() / scores.exp().sum(-1, keepdim=True)).detach().requires_grad_()
    mixed = (weights @ value.repeat_interleave(shared, 1)).transpose(1, 2).flatten(2)
    score = model.head((x + model.out(mixed)).tanh().mean(1))[:, target].sum()
    return weights.detach(), torch.autograd.grad(score, weights)[0]


@pytest.mark.parametrize("way", WAYS)
def test_as_tensors_and_under_an_edit(way: Way) -> None:
    model = Attentive(way).double().eval()
    site = "/attention.0"
    seen = see(model, X, target=1, keep=[site], grads=[site])
    weights, gradient = by_hand(model, X, 1)
    assert torch.allclose(seen[site], weights) and torch.allclose(seen.grad(site), gradient)
    plain = see(model, X, target=1)
    same = see(model, X, target=1, edits=(edit(site, lambda weights: weights * 1),))
    assert torch.allclose(same.scores, plain.scores, rtol=1e-12)

    def without_first(weights: Tensor) -> Tensor:
        return weights * torch.tensor([0.0, 1, 1, 1], dtype=weights.dtype)[:, None, None]

    changed = see(model, X, target=1, edits=(edit(site, without_first),), keep=[site])
    query, key, value = (
        part(X).unflatten(2, (-1, 2)).transpose(1, 2) for part in (model.query, model.key, model.value)
    )
    mixed = (without_first(probabilities(query, key, None)) @ value).transpose(1, 2).flatten(2)
    assert torch.allclose(changed.scores, model.head((X + model.out(mixed)).tanh().mean(1))[:, 1])
    assert not changed[site][:, 0].any() and torch.allclose(changed[site][:, 1:], weights[:, 1:])
    silent = see(model, X, target=1, edits=(ablate(site),))
    assert torch.allclose(silent.scores, model.head((X + model.out.bias).tanh().mean(1))[:, 1])


def test_without_gradients_or_in_half_precision() -> None:
    for dtype, error in ((torch.float32, 1e-6), (torch.bfloat16, 1e-2)):
        one = attentions(Attentive("fused").to(dtype), X.to(dtype))[0]
        assert one.weights.dtype == torch.float32 and one.error < error
        assert torch.allclose(one.weights.sum(-1), torch.ones(()))
        with pytest.raises(NotApplicable, match=r"no gradient reaches '/attention\.0'"):
            _ = one.gradient


class Masked(nn.Module):
    """The module of torch, with padding."""

    def __init__(self, *, need_weights: bool) -> None:
        super().__init__()
        self.attention, self.need_weights = nn.MultiheadAttention(8, 2, batch_first=True), need_weights

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        padding = torch.zeros(y.shape[:2], dtype=torch.bool)
        padding[:, -1] = True
        return self.attention(x, y, y, key_padding_mask=padding, need_weights=self.need_weights)[0].mean(1)


@pytest.mark.parametrize("need_weights", [False, True])
def test_torch_s_own_module_with_padding_and_two_sequences(need_weights: bool) -> None:
    torch.manual_seed(0)
    model, y = Masked(need_weights=need_weights).double(), torch.randn(2, 7, 8, dtype=torch.float64)
    (one,) = attentions(model, X, y, target=0)
    assert one.kind == "cross" and (one.query_from, one.key_from) == ("0", "1") and one.error < 1e-14
    padding = torch.zeros(2, 7, dtype=torch.bool)
    padding[:, -1] = True
    expected = model.attention(X, y, y, key_padding_mask=padding, average_attn_weights=False)[1]
    assert torch.allclose(one.weights, expected) and not one.weights[..., -1].any()
    assert attentions(model, X, X, target=0)[0].kind == "cross"


def test_rows_that_may_look_at_nothing_are_zero() -> None:
    query = torch.randn(1, 2, 3, 4, dtype=torch.float64)
    mask = torch.tensor([[True, True, False], [False, False, False], [False, True, True]])
    for given in (mask, torch.zeros(3, 3, dtype=torch.float64).masked_fill(~mask, float("-inf"))):
        found = probabilities(query, query, given)
        assert not found[:, :, 1].any() and not found.isnan().any()
        fused = functional.scaled_dot_product_attention(query, query, query, attn_mask=given)
        assert torch.allclose((found @ query)[:, :, [0, 2]], fused[:, :, [0, 2]])


class Channels(nn.Module):
    """Attention of features to features (XCiT), and heads mixed after the softmax (CaiT)."""

    def __init__(self, *, mixes: bool) -> None:
        super().__init__()
        self.qkv, self.mix, self.mixes = nn.Linear(8, 24), nn.Linear(2, 2), mixes

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.qkv(x).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        if self.mixes:
            weights = (query @ key.transpose(2, 3)).softmax(-1)
            weights = self.mix(weights.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            return (weights @ value).mean((2, 3))
        weights = (query.transpose(2, 3) @ key).softmax(-1)
        return (weights @ value.transpose(2, 3)).mean((2, 3))


@pytest.mark.parametrize(("mixes", "kind"), [(False, "channel"), (True, "mixed")])
def test_what_is_no_attention_of_tokens_is_told(mixes: bool, kind: str) -> None:
    (one,) = attentions(Channels(mixes=mixes).double(), torch.randn(2, 7, 8, dtype=torch.float64), target=0)
    assert one.kind == kind and one.error < 1e-14


class NoAttention(nn.Module):
    """A softmax that weighs nothing, and one that gates."""

    def forward(self, x: Tensor) -> Tensor:
        gated = x.softmax(-1) * x
        return (gated @ gated.transpose(1, 2)).softmax(-1).sum((1, 2), keepdim=True)[..., 0]


def test_no_other_softmax_is_taken_for_attention() -> None:
    with pytest.raises(NotApplicable, match="no place for the role 'every attention'"):
        attentions(NoAttention(), X)


@pytest.mark.parametrize("name", ["reads_a_write", "overwrites"])
def test_values_that_are_overwritten_behind_it(name: str) -> None:
    class Writes(Attentive):
        def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            out = super().attend(query, key, value)
            if name == "overwrites":
                with torch.no_grad():
                    value.zero_()
                    query.mul_(3)
            return out

    model = Writes("fused").double()
    (one,) = attentions(model, X)
    assert torch.allclose(one.weights, by_hand(model, X, 1)[0]) and one.error < 1e-14


def test_addresses_are_listed_and_no_other_layer_is_an_attention() -> None:
    model = Attentive("fused").double().eval()
    assert "/attention.0" in [row["address"] for row in pl.Lens(model).layers(X).rows]
    with pytest.raises(NotApplicable, match="there is no attention in 'head'"):
        see(model, X, attention=("head",))
    with pytest.raises(NotApplicable, match="'head:in' is no attention"):
        see(model, X, attention=("head:in",))


def test_modules_and_patterns_mean_the_attentions_inside_them() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 8, batch_first=True, dropout=0)
    deep = nn.TransformerEncoder(layer, 12, enable_nested_tensor=False)
    model = nn.Sequential(deep, layer).double().eval()
    found = {
        "0.layers.1": ["0.layers.1.self_attn/attention.0"],
        "0.layers.1.self_attn#0": ["0.layers.1.self_attn/attention.0"],
        "1": ["1.self_attn/attention.0"],
        "*layers.1": ["0.layers.1.self_attn/attention.0"],
        "*layers.1?": [f"0.layers.1{i}.self_attn/attention.0" for i in range(2)],
        "*self_attn": [f"0.layers.{i}.self_attn/attention.0" for i in range(12)] + ["1.self_attn/attention.0"],
        "every attention": [f"0.layers.{i}.self_attn/attention.0" for i in range(12)] + ["1.self_attn/attention.0"],
        (model[0].layers[3], "1"): ["0.layers.3.self_attn/attention.0", "1.self_attn/attention.0"],
    }
    for one, addresses in found.items():
        for target in (None, 0):
            seen = see(model, X, attention=(one,), target=target)
            assert [spot.address for spot in seen.at(one)] == addresses


class Small(Attentive):
    """Memory runs out beyond three rows."""

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > 3:
            raise torch.cuda.OutOfMemoryError("out of memory")
        return super().forward(x)


def test_out_of_memory_the_look_is_taken_on_fewer_examples() -> None:
    x = torch.randn(5, 5, 8, generator=torch.Generator().manual_seed(2))
    for method in (pl.attention_weights(), pl.attention_gradient()):
        whole, cut = (pl.Lens(model("fused").eval()).see(x, method, target=1)[0] for model in (Attentive, Small))
        whole, cut = (one[0] if isinstance(one, tuple) else one for one in (whole, cut))
        assert whole.values.shape == cut.values.shape
        np.testing.assert_allclose(cut.values, whole.values, atol=1e-6)


class Pooled(nn.Module):
    """Three learned queries look at the tokens, then at each other, then at the tokens again."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.latent, self.part = nn.Parameter(torch.randn(1, 3, 8)), nn.Linear(8, 8)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        latent = self.latent.expand(len(x), -1, -1)
        for other in (x, None, x):
            query, key = (self.part(one)[:, None] for one in (latent, latent if other is None else other))
            latent = latent + functional.scaled_dot_product_attention(query, key, key)[:, 0]
        return latent.mean(1)[:, :2]


def test_learned_queries_are_told_and_named() -> None:
    first, own, again = attentions(Pooled(), X)
    assert (first.kind, first.query_from, first.key_from, first.learned) == ("cross", "latent", "input", (True, False))
    assert (own.kind, own.query_from, own.key_from, own.learned) == ("self", "latent", "latent", (False, False))
    assert (again.kind, again.query_from, again.learned) == ("cross", "latent", (False, False))


class Flat(nn.Module):
    """Probabilities without an axis for the batch, or without one for heads or queries."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.scores, self.score = way, nn.Parameter(torch.randn(5, 5)), nn.Linear(8, 1)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        match self.way:
            case "shared":
                return (self.scores.softmax(-1) @ x).mean(1)
            case "expanded":
                return (self.scores.softmax(1).expand(len(x), -1, -1) @ x).mean(1)
            case "heads":
                return (self.scores.softmax(-1).expand(2, -1, -1) @ x.unflatten(2, (2, 4)).transpose(1, 2)).mean((1, 2))
            case "pooling":
                return (self.score(x)[..., 0].softmax(-1).unsqueeze(1) @ x)[:, 0]
            case _:
                return (x.mT @ self.score(x)[..., 0].softmax(1).unsqueeze(2))[..., 0]


@pytest.mark.parametrize("way", ["shared", "expanded", "heads", "pooling", "turned pooling"])
def test_probabilities_without_an_axis_for_the_batch(way: str) -> None:
    torch.manual_seed(0)
    model = Flat(way)
    (one,) = attentions(model, X, target=0)
    pools = way.endswith("pooling")
    expected = model.score(X)[..., 0].softmax(1)[:, None, None] if pools else model.scores.softmax(1)
    assert one.shape == (2, 2 if way == "heads" else 1, 1 if pools else 5, 5) and one.error < 1e-14
    assert torch.equal(one.weights, expected.expand(one.shape)) and one.kind == ("cross" if pools else "self")
    assert one.gradient.shape == one.shape
    silent = see(model.eval(), X, target=0, edits=(ablate("/attention.0"),))
    assert not silent.scores.any()


def test_every_call_of_one_module_has_an_attention_of_its_own() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block, self.head = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            for _ in range(2):
                x = x + self.block(x, x, x, need_weights=False)[0]
            return self.head(x.mean(1))

    torch.manual_seed(0)
    model = Twice().double().eval()
    found = attentions(model, X, target=0)
    assert [one.address for one in found] == ["block#0/attention.0", "block#1/attention.0"]
    first = model.block(X, X, X, average_attn_weights=False)
    second = model.block(*[X + first[0]] * 3, average_attn_weights=False)
    for one, (_, theirs) in zip(found, (first, second), strict=True):
        assert torch.allclose(one.weights, theirs, atol=1e-14) and one.error < 1e-14 and one.gradient.any()
    alone = see(model, X, attention=("block#1/attention.0",)).at("block#1/attention.0")
    assert torch.equal(alone[0].attention.weights, found[1].weights)
