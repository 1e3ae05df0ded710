"""Two sequences that attention joins: the rules of the paper written out over a network of one's own, and refusals."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.core.errors import NotApplicable
from tests.methods.attention.stacks import Strange

Made = list[tuple[int, int, Tensor]]


class Woven(nn.Module):
    """`(batch, 5, 4)` and `(batch, 3, 4)` through attentions from one to another, to `(batch, 4)`.

    Args:
        plan: pairs of which sequence asks (0, 1) and which is asked; two pairs in brackets ask at once.
        read: the sequence whose first token is the answer.
    """

    def __init__(self, plan: list[list[tuple[int, int]]], read: int) -> None:
        super().__init__()
        self.plan, self.read = plan, read
        self.weigh = nn.ModuleList(Weigh(i) for i, _ in enumerate(plan))
        self.made: Made = []

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        streams, self.made = [x, y], []
        for weigh, pairs in zip(self.weigh, self.plan, strict=True):
            before = list(streams)
            for asks, asked in pairs:
                weights, added = weigh(before[asks], before[asked])
                streams[asks] = streams[asks] + added
                self.made.append((asks, asked, weights))
        return streams[self.read][:, 0]


class Weigh(nn.Module):
    """Two heads of its own."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.maps = nn.Parameter(torch.randn(3, 2, 4, 4, dtype=torch.float64, generator=draw))

    def forward(self, asks: Tensor, asked: Tensor) -> tuple[Tensor, Tensor]:
        query, key, value = (one[:, None] @ made for one, made in zip((asks, asked, asked), self.maps, strict=True))
        weights = (query @ key.transpose(2, 3)).softmax(-1)
        return weights, (weights @ value).mean(1)


def naive(model: Woven, x: Tensor, y: Tensor, target: int, read: int) -> tuple[np.ndarray, np.ndarray]:
    """Row 0 of `R^ss - I` and `R^sq` of the sequence that is read, one number at a time."""
    score = model(x, y)[0, target]
    made = model.made
    gradients = torch.autograd.grad(score, [weights for *_, weights in made], allow_unused=True)
    sizes = (x.shape[1], y.shape[1])
    held = {(a, b): np.eye(sizes[a]) if a == b else np.zeros((sizes[a], sizes[b])) for a in (0, 1) for b in (0, 1)}
    at = 0
    for pairs in model.plan:
        before = {key: value.copy() for key, value in held.items()}
        for asks, asked in pairs:
            (_, _, weights), gradient = made[at], gradients[at]
            at += 1
            if gradient is None:
                continue
            heads = [np.maximum((a * g).detach().numpy(), 0) for a, g in zip(weights[0], gradient[0], strict=True)]
            raising = sum(heads) / len(heads)
            if asks == asked:
                for other in (0, 1):
                    held[asks, other] = held[asks, other] + raising @ before[asks, other]
                continue
            held[asks, asked] = held[asks, asked] + (
                normalised(before[asks, asks]).T @ raising @ normalised(before[asked, asked])
            )
            held[asks, asks] = held[asks, asks] + raising @ before[asked, asks]
    return held[read, read][0] - np.eye(sizes[read])[0], held[read, 1 - read][0]


def normalised(own: np.ndarray) -> np.ndarray:
    gained = own - np.eye(len(own))
    for row in gained:
        total = row.sum()
        if total > 0:
            row /= total
    return gained + np.eye(len(own))


ENCODER, DECODER, ASKS = (0, 0), (1, 1), (1, 0)
PLANS = {
    "encoder and decoder": ([[ENCODER], [ENCODER], [DECODER], [ASKS], [DECODER], [ASKS]], 1),
    "the decoder ends with itself": ([[ENCODER], [DECODER], [ASKS], [DECODER]], 1),
    "both ask, one after the other": ([[ENCODER], [DECODER], [ASKS], [(0, 1)], [ENCODER], [(0, 1)]], 0),
    "both ask at once": ([[ENCODER], [DECODER], [ASKS, (0, 1)], [ENCODER], [DECODER], [ASKS, (0, 1)], [DECODER]], 1),
    "only across": ([[ASKS]], 1),
}


def inputs(seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(2, n, 4, dtype=torch.float64, generator=draw) for n in (5, 3))  # type: ignore[return-value]


@pytest.mark.parametrize("target", [0, 3])
@pytest.mark.parametrize("name", PLANS)
def test_the_rules_of_the_paper(name: str, target: int) -> None:
    plan, read = PLANS[name]
    model, both = Woven(plan, read), inputs()
    other, own = pl.attention_relevance(query="first")(model, both, target=target)
    assert (own.input, other.input) == (str(read), str(1 - read)) and own.facts["layers"] >= 1
    for i in range(2):
        among, across = naive(model, both[0][i : i + 1], both[1][i : i + 1], target, read)
        np.testing.assert_allclose(other.values[i], across, rtol=0, atol=1e-12 * max(1, across.max()))
        assert own.facts["own"][i] == pytest.approx(among[0], abs=1e-12)
        np.testing.assert_allclose(own.values[i, 1:], among[1:], rtol=0, atol=1e-12)
        assert own.values[i, 0] == 0 and "own" not in other.facts
    assert (own.values >= 0).all() and (other.values >= 0).all() and other.values.any()


def test_what_is_scaled_scales_where_there_is_one_layer_and_what_is_not_read_is_left_out() -> None:
    model, both = Woven([[ASKS]], 1), inputs()
    once, _ = pl.attention_relevance(query=0)(model, both, target=1)
    thrice, _ = pl.attention_relevance(query=0)(model, both, target=lambda output: 3 * output[:, 1])
    np.testing.assert_allclose(thrice.values, 3 * once.values, rtol=1e-12)
    later = Woven([[ASKS], [ENCODER], [(0, 1)]], 1)
    left, _ = pl.attention_relevance(query=0)(later, both, target=1)
    np.testing.assert_allclose(left.values, once.values, rtol=1e-12)
    assert left.facts["layers"] == 1 and sum("left out" in note.en for note in left.notes) == 2


class Gathers(nn.Module):
    """A learned query that gathers the tokens of a series behind one self-attention."""

    def __init__(self) -> None:
        super().__init__()
        self.asks = nn.Parameter(torch.randn(1, 1, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2)))
        self.own, self.across = Weigh(0), Weigh(1)
        self.made: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        first, added = self.own(x, x)
        second, gathered = self.across(self.asks.expand(len(x), -1, -1), x + added)
        self.made = [first, second]
        return gathered[:, 0]


def test_a_learned_query_that_gathers() -> None:
    model, (x, _) = Gathers(), inputs()
    result = pl.attention_relevance()(model, x, target=2)
    assert result.kind == "attribution" and result.input == "input" and result.values.shape == (2, 5)
    assert "Read at the one token that gathers" in result.notes[0].en and "汇集" in result.notes[0].zh
    for i in range(2):
        score = model(x[i : i + 1])[0, 2]
        own, across = (
            np.maximum((a * g).detach().numpy()[0], 0).mean(0)
            for a, g in zip(model.made, torch.autograd.grad(score, model.made), strict=True)
        )
        expected = across @ normalised(np.eye(5) + own)
        np.testing.assert_allclose(result.values[i], expected[0], rtol=0, atol=1e-13)


def test_two_inputs_of_which_one_is_only_asked() -> None:
    model = Strange("cross")
    given = (torch.randn(2, 8, 4), torch.randn(2, 6, 4))
    other, own = pl.attention_relevance()(model, given, target=1)
    assert other.values.shape == (2, 6) and own.values.shape == (2, 8) and own.facts["query"] == "mean"


class Three(nn.Module):
    def forward(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        for other in (y, z):
            x = x + (x @ other.transpose(1, 2)).softmax(-1) @ other
        return x.mean(1)


class Shrinks(nn.Module):
    """The second time the other sequence is shorter."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        for other in (y, y[:, :2]):
            x = x + (x @ other.transpose(1, 2)).softmax(-1) @ other
        return x.mean(1)


def test_what_is_not_understood_is_refused() -> None:
    x, y = inputs()
    with pytest.raises(NotApplicable, match=r"joins 3 sequences \('0', '1', '2'\), and only two are understood"):
        pl.attention_relevance()(Three(), (x, y, y.clone()))
    with pytest.raises(NotApplicable, match="relates 5 tokens with 2, others 5 with 3 of the same sequences"):
        pl.attention_relevance()(Shrinks(), (x, y))
