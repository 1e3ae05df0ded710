"""AttnLRP: a Llama restated with constants and halves, what every operation conserves, any code of attention."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pellucid as pl
from tests.networks import NETWORKS, seeded, smollm2

EPS = 1e-6
IDS = torch.randint(13, (2, 6), generator=torch.Generator().manual_seed(1))


class Plain:
    """A Llama's operations as they are."""

    def __init__(self, kind: str = "sdpa") -> None:
        self.kind = kind

    def times(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b

    def silu(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(x) if self.kind == "written" else F.silu(x)

    def norm(self, x: Tensor, weight: Tensor) -> Tensor:
        if self.kind == "fused norm":
            return F.rms_norm(x, (x.shape[-1],), weight, EPS)
        return weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS))

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if self.kind == "sdpa":
            return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        k, v = (one.repeat_interleave(q.shape[1] // k.shape[1], 1) for one in (k, v))
        mask = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(1)
        if self.kind == "einsum":
            scores = torch.einsum("bhqd,bhkd->bhqk", q, k) / math.sqrt(q.shape[-1])
            return torch.einsum("bhqk,bhkd->bhqd", scores.masked_fill(mask, -torch.inf).softmax(-1), v)
        if self.kind == "baddbmm":
            flat = [one.flatten(0, 1) for one in (q, k, v)]
            away = torch.zeros(mask.shape, dtype=q.dtype).masked_fill(mask, -torch.inf).expand(len(flat[0]), -1, -1)
            scores = torch.baddbmm(away, flat[0], flat[1].mT, alpha=q.shape[-1] ** -0.5)
            return torch.bmm(F.softmax(scores, -1), flat[2]).unflatten(0, q.shape[:2])
        scores = (q @ k.mT * q.shape[-1] ** -0.5).masked_fill(mask, -torch.inf)
        return scores.softmax(-1) @ v


class Ruled(Plain):
    """The same values with the gradients of the paper, by constants (`detach`) and by halves."""

    def __init__(self, form: str, norms: torch.dtype = torch.float64, shares: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.form, self.norms, self.shares = form, norms, shares

    def times(self, a: Tensor, b: Tensor) -> Tensor:
        return (a * b + (a * b).detach()) / 2

    def silu(self, x: Tensor) -> Tensor:
        return x * (F.silu(x) / x).detach()

    def norm(self, x: Tensor, weight: Tensor) -> Tensor:
        low = x.to(self.norms)
        return weight * (low * torch.rsqrt(low.pow(2).mean(-1, keepdim=True) + EPS).detach()).to(x.dtype)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        groups = q.shape[1] // k.shape[1]
        made = []
        for h in range(q.shape[1]):
            one, key, value = q[:, h], k[:, h // groups], v[:, h // groups]
            product = one @ key.mT
            scores = (product + product.detach()) / 2 / math.sqrt(q.shape[-1])
            later = torch.arange(q.shape[2])[:, None] < torch.arange(q.shape[2])
            a = scores.masked_fill(later, -torch.inf).softmax(-1, dtype=self.shares).to(q.dtype)
            mixed = a @ value
            made.append(a.detach() @ value if self.form == "cp" else (mixed + mixed.detach()) / 2)
        return torch.stack(made, 1)


def llama(w: dict[str, Tensor], h: Tensor, heads: int, groups: int, how: Plain, base: float = 10000.0) -> Tensor:
    """Scores `(batch, token, vocabulary)` of embedded tokens; weights by their names in the transformers library."""
    size = w["model.layers.0.self_attn.q_proj.weight"].shape[0] // heads
    turns = torch.arange(h.shape[1])[:, None] * (1 / base ** (torch.arange(0, size, 2) / size))
    cos, sin = (one.repeat(1, 2).to(h.dtype) for one in (turns.cos(), turns.sin()))

    def turned(x: Tensor) -> Tensor:
        one, two = x.chunk(2, -1)
        return x * cos + torch.cat([-two, one], -1) * sin

    for i in range(sum(name.endswith("q_proj.weight") for name in w)):
        layer = {name.removeprefix(f"model.layers.{i}."): one for name, one in w.items()}
        x = how.norm(h, layer["input_layernorm.weight"])
        q, k, v = (
            F.linear(x, layer[f"self_attn.{name}_proj.weight"]).unflatten(-1, (-1, size)).transpose(1, 2)
            for name in "qkv"
        )
        mixed = how.attend(turned(q), turned(k), v).transpose(1, 2).flatten(2)
        h = h + F.linear(mixed, layer["self_attn.o_proj.weight"])
        x = how.norm(h, layer["post_attention_layernorm.weight"])
        gate, up = (F.linear(x, layer[f"mlp.{name}_proj.weight"]) for name in ("gate", "up"))
        h = h + F.linear(how.times(how.silu(gate), up), layer["mlp.down_proj.weight"])
    return F.linear(how.norm(h, w["model.norm.weight"]), w["lm_head.weight"])


class Llama(nn.Module):
    """Small, with grouped keys, without biases."""

    def __init__(self, how: Plain) -> None:
        super().__init__()
        self.how, self.embed = how, nn.Embedding(13, 16)
        shapes = {"model.norm": (16,), "lm_head": (13, 16)}
        for i in range(2):
            shapes |= {f"model.layers.{i}.{name}": (16,) for name in ("input_layernorm", "post_attention_layernorm")}
            shapes |= {
                f"model.layers.{i}.self_attn.{n}_proj": (s, 16) for n, s in zip("qkvo", (16, 8, 8, 16), strict=True)
            }
            shapes |= {f"model.layers.{i}.mlp.{n}_proj": (24, 16) for n in ("gate", "up")}
            shapes |= {f"model.layers.{i}.mlp.down_proj": (16, 24)}
        self.names = [f"{name}.weight" for name in shapes]
        self.parts = nn.ParameterList(
            torch.randn(shape) * 0.5 if len(shape) > 1 else 1 + 0.2 * torch.randn(shape) for shape in shapes.values()
        )

    def weights(self) -> dict[str, Tensor]:
        return dict(zip(self.names, self.parts, strict=True))

    def forward(self, ids: Tensor) -> Tensor:
        return llama(self.weights(), self.embed(ids), 4, 2, self.how)


def network(kind: str = "sdpa") -> Llama:
    return seeded(lambda: Llama(Plain(kind)))().double()


def restated(w: dict[str, Tensor], embedded: Tensor, target: tuple[int, int], how: Ruled) -> np.ndarray:
    h = embedded.detach().requires_grad_()
    llama(w, h, 4, 2, how)[:, target[0], target[1]].sum().backward()
    return (h * h.grad).detach().numpy()


@pytest.mark.parametrize("form", ["attn", "cp"])
@pytest.mark.parametrize("kind", ["sdpa", "eager", "einsum", "baddbmm", "written", "fused norm"])
def test_a_llama_restated(form: str, kind: str) -> None:
    model = network(kind)
    result = pl.attn_lrp(form=form)(model, IDS, target=(-1, 3))
    expected = restated(model.weights(), model.embed(IDS), (-1, 3), Ruled(form))
    np.testing.assert_allclose(result.values, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    assert result.axes == ("batch", "token", "feature") and result.reduction == "sum"
    plain = pl.input_x_gradient()(model, IDS, target=(-1, 3)).values
    assert np.abs(plain - expected).max() > 0.05 * np.abs(expected).max()


def test_cp_sums_to_the_score_and_attn_need_not() -> None:
    model = network()
    one, two = (pl.attn_lrp(form=form)(model, IDS, target=(-1, 3)) for form in ("cp", "attn"))
    np.testing.assert_allclose(one.facts["sum"], model(IDS)[:, -1, 3].detach().numpy(), rtol=5e-8)
    np.testing.assert_allclose(two.facts["gap"], np.subtract(two.facts["score"], two.values.sum((1, 2))), atol=1e-12)
    assert np.abs(two.facts["gap"]).max() > 0.01 * np.abs(two.facts["score"]).max()


class Runs(nn.Module):
    """One function of the input."""

    def __init__(self, run: Any) -> None:
        super().__init__()
        self.run = run

    def forward(self, x: Tensor) -> Tensor:
        return self.run(x).flatten(1).sum(1, keepdim=True)


def halves(x: Tensor) -> tuple[Tensor, ...]:
    return x.chunk(2, -1)


def row(x: Tensor) -> Tensor:
    return x - x.mean(-1, keepdim=True)


CONSERVING = {
    "product": lambda x: halves(x)[0] * halves(x)[1],
    "product of itself": lambda x: x * x,
    "power": lambda x: x**3,
    "matrix product": lambda x: x @ x.mT,
    "three factors": lambda x: torch.einsum("bij,bij,bij->bi", x, x + 1 * x, x - 0.5 * x),
    "attention times values": lambda x: halves(x)[0].mT.abs() @ halves(x)[1],
    "weights from the input": lambda x: torch.stack([F.linear(one, one @ one.mT) for one in x.mT.mT[:, :, :4]]),
    "layer norm": lambda x: F.layer_norm(x, (6,), torch.arange(6.0).double()),
    "layer norm by hand": lambda x: row(x) / (row(x).pow(2).mean(-1, keepdim=True) + EPS).sqrt(),
    "rms norm": lambda x: F.rms_norm(x, (6,), torch.arange(6.0).double()),
    "group norm": lambda x: F.group_norm(x, 2, torch.arange(4.0).double()),
    "instance norm": lambda x: F.instance_norm(x),
    "unit length": lambda x: F.normalize(x, dim=-1),
    "unit length by hand": lambda x: x / x.norm(dim=-1, keepdim=True),
    "gelu": F.gelu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "squared relu": lambda x: F.relu(x).square(),
    "silu by hand": lambda x: x * torch.sigmoid(x),
    "gelu by hand": lambda x: 0.5 * x * (1.0 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0)))),
    "fast gelu": lambda x: 0.5 * x * (1.0 + torch.tanh(x * 0.7978845608 * (1.0 + 0.044715 * x * x))),
    "soft sign by hand": lambda x: x / (1 + x.abs()),
}  # fmt: skip


@pytest.mark.parametrize("run", CONSERVING.values(), ids=CONSERVING)
def test_every_operation_hands_on_what_it_received(run: Any) -> None:
    x = torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(2)).double()
    result = pl.attn_lrp(gamma=0.0)(Runs(run), x, target=0)
    score = Runs(run)(x)[:, 0].numpy()
    np.testing.assert_allclose(result.facts["score"], score)
    np.testing.assert_allclose(result.facts["sum"], score, rtol=1e-9, atol=1e-12)


def test_a_value_of_zero_gets_the_slope() -> None:
    """The relevance of zero is zero, but what lies behind it is handed a gradient that is finite and right."""
    layer = nn.Linear(2, 2, bias=False).double()
    for act, slope in ((F.gelu, 0.5), (F.silu, 0.5), (torch.tanh, 1.0), (torch.sigmoid, 0.25)):
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([[1.0, -1.0], [0.0, 0.0]]))
        model = nn.Sequential(layer, Runs(act))
        values = pl.attn_lrp(gamma=0.0)(model, torch.ones(1, 2).double(), target=0).values
        np.testing.assert_allclose(values, [[slope, -slope]], rtol=1e-6)


class Induction(nn.Module):
    """Two layers of attention over one-hot tokens: whose previous token is the last token? Its successor is copied."""

    def __init__(self, vocabulary: int = 6, length: int = 8) -> None:
        super().__init__()
        self.vocabulary, self.length = vocabulary, length
        self.embed = nn.Embedding.from_pretrained(torch.eye(vocabulary))

    def forward(self, ids: Tensor) -> Tensor:
        x, place = self.embed(ids), torch.eye(self.length)
        before = 20 * torch.cat([place[:1], place[:-1]])
        previous = (before @ place.T).softmax(-1) @ x
        earlier = torch.ones(self.length, self.length, dtype=torch.bool).tril()
        return F.scaled_dot_product_attention(8 * x, previous, x, attn_mask=earlier, scale=1.0)


@pytest.mark.parametrize("form", ["attn", "cp"])
def test_the_copied_token_is_found(form: str) -> None:
    ids = torch.tensor([[0, 3, 1, 5, 2, 4, 2, 1], [4, 2, 0, 1, 3, 5, 1, 0]])
    model = Induction()
    copied = [3, 3]
    assert model(ids)[:, -1].argmax(-1).tolist() == [int(row[i]) for row, i in zip(ids, copied, strict=True)]
    result = pl.attn_lrp(form=form)(model, ids, target=[(-1, int(row[i])) for row, i in zip(ids, copied, strict=True)])
    assert result.values.sum(2).argmax(1).tolist() == copied


class Encoder(nn.Module):
    """`nn.TransformerEncoder`, or the same with attention and layers written out."""

    def __init__(self, written: bool, weights: bool = False) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True, activation="gelu", norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.fc, self.written, self.weights = nn.Linear(8, 3), written, weights

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.by_hand(x).mean(1) if self.written else self.encoder(x).mean(1))

    def by_hand(self, x: Tensor) -> Tensor:
        for one in self.encoder.layers:
            y = self.centred(x, one.norm1)
            a = one.self_attn
            if self.weights:
                mixed = a(y, y, y, need_weights=True)[0]
            else:
                q, k, v = (
                    part.unflatten(-1, (2, 4)).transpose(1, 2)
                    for part in F.linear(y, a.in_proj_weight, a.in_proj_bias).chunk(3, -1)
                )
                mixed = a.out_proj(((q @ k.mT / 2).softmax(-1) @ v).transpose(1, 2).flatten(2))
            x = x + mixed
            y = one.linear1(self.centred(x, one.norm2))
            x = x + one.linear2(y * 0.5 * (1 + torch.erf(y / math.sqrt(2))))
        return x

    @staticmethod
    def centred(x: Tensor, norm: nn.LayerNorm) -> Tensor:
        away = x - x.mean(-1, keepdim=True)
        return norm.weight * (away / (x.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()) + norm.bias


@pytest.mark.parametrize("form", ["attn", "cp"])
@pytest.mark.parametrize("weights", [False, True])
def test_the_encoder_of_torch_equals_what_it_is_made_of(form: str, weights: bool) -> None:
    x = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(3)).double()
    models = [seeded(lambda w=w: Encoder(w, weights))().double() for w in (False, True)]
    one, two = (pl.attn_lrp(form=form)(model, x, target=1).values for model in models)
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-12 * np.abs(one).max())


def test_cross_attention_from_a_fixed_query() -> None:
    """Where the query does not depend on the input, keys get half of it; fused and written out alike."""
    q = torch.randn(1, 1, 3, 6, generator=torch.Generator().manual_seed(5)).double()
    x = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(2)).double()
    fused = Runs(
        lambda x: F.scaled_dot_product_attention(q.expand(2, -1, -1, -1), x[:, None], x[:, None] ** 2)[:, :, :2]
    )
    eager = Runs(lambda x: ((q @ x[:, None].mT / 6**0.5).softmax(-1) @ x[:, None] ** 2)[:, :, :2])
    for form in ("attn", "cp"):
        one, two = (pl.attn_lrp(form=form)(model, x, target=0).values for model in (fused, eager))
        np.testing.assert_allclose(one, two, rtol=0, atol=1e-12)


def test_inner_layers_carry_what_the_input_does() -> None:
    model = seeded(lambda: Encoder(False))().double()
    for part in model.modules():
        if getattr(part, "bias", None) is not None and isinstance(part.bias, Tensor):
            nn.init.zeros_(part.bias)
        if getattr(part, "in_proj_bias", None) is not None:
            nn.init.zeros_(part.in_proj_bias)
    x = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(3)).double()
    results = pl.attn_lrp(form="cp", layer=("input", "encoder.layers.0", "encoder.layers.1"))(model, x, target=1)
    for one in results:
        np.testing.assert_allclose(one.facts["sum"], one.facts["score"], rtol=1e-9)


def test_one_forward_for_both_forms_and_other_pictures() -> None:
    lens = pl.Lens(network())
    asked = (pl.saliency(), pl.attn_lrp(), pl.attn_lrp(form="cp"), pl.attn_lrp(layer="embed"))
    views = lens.see(IDS, *asked, target=(-1, 3))
    assert not views.failures
    assert (views.cost.forwards, views.cost.backwards) == (1, 3)


def test_images_get_the_gamma_rule() -> None:
    model, x = NETWORKS["tiny_vit"].build(), NETWORKS["tiny_vit"].x(2)
    plain, usual, same = (pl.attn_lrp(gamma=gamma)(model, x, target=1) for gamma in (0.0, None, 0.05))
    assert np.array_equal(usual.values, same.values) and not np.allclose(usual.values, plain.values)
    assert any("gamma 0.05" in note.en and "0.05" in note.zh for note in usual.notes)
    assert not any("gamma" in note.en for note in plain.notes)
    assert usual.values.shape == x.shape and usual.axes == ("batch", "channel", "height", "width")
    patches = pl.attn_lrp(layer="patch")(model, x, target=1)
    assert patches.values.shape == (2, 12, 4, 4)


def test_what_is_unclear_or_without_a_rule_is_said() -> None:
    x = torch.rand(2, 4, 6, generator=torch.Generator().manual_seed(2)).double()

    def said(run: Any) -> str:
        return " ".join(note.en + note.zh for note in pl.attn_lrp()(Runs(run), x, target=0).notes)

    other = said(lambda x: halves(x)[0] * torch.rsqrt(halves(x)[1].pow(2).mean(-1, keepdim=True)))
    assert "root of something else" in other and "方根" in other
    assert "plain gradient passes" in said(lambda x: x / x.sum(-1, keepdim=True))
    assert "No attention" in said(F.gelu) and "没有找到注意力" in said(F.gelu)
    assert "No attention" not in said(lambda x: x.softmax(-1))


def test_a_rule_that_cannot_be_placed_is_a_refusal() -> None:
    x = torch.rand(2, 4, 6, generator=torch.Generator().manual_seed(2)).double()
    with pytest.raises(pl.NotApplicable, match="weights that depend on the input"):
        pl.attn_lrp()(Runs(lambda x: F.layer_norm(x, (6,), x[0, 0])), x, target=0)


@pytest.mark.skipif(not smollm2.available(), reason="the package with SmolLM2's weights is not installed")
def test_a_language_model_read_its_answer_from_the_name() -> None:
    model, tokenizer = smollm2.smollm2()
    ids = tokenizer("When Mary and John went to the store, John gave a drink to", return_tensors="pt")["input_ids"]
    mary = tokenizer(" Mary")["input_ids"][0]
    one, two = (pl.attn_lrp(form=form)(model, {"input_ids": ids}, target=(-1, mary)) for form in ("attn", "cp"))
    for result in (one, two):
        most = result.values.sum(2)[0].argmax()
        assert tokenizer.convert_ids_to_tokens(ids[0])[most] == "ĠMary"
    np.testing.assert_allclose(two.facts["sum"], two.facts["score"], rtol=1e-5)
