"""Networks whose attention is written by hand: what the pictures of attention must show of it, as whole methods."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from tests.methods.attention.stacks import Given, Induction, attend


def head(*rows: dict[int, float]) -> Tensor:
    """`(head, query, key)` of one head: what each query looks at."""
    made = torch.zeros(1, len(rows), len(rows), dtype=torch.float64)
    for i, row in enumerate(rows):
        for key, share in row.items():
            made[0, i, key] = share
    return made


def heads(tokens: int) -> dict[str, Tensor]:
    """Heads whose rows are known: the token before, one that everybody copies, and an even look."""
    return {
        "previous": head(*({max(0, i - 1): 1.0} for i in range(tokens))),
        "copy": head(*({tokens // 2: 1.0} for _ in range(tokens))),
        "even": torch.full((1, tokens, tokens), 1 / tokens, dtype=torch.float64),
    }


def rolled(name: str, tokens: int, layers: int) -> np.ndarray:
    """The last token's rollout in closed form."""
    row, half = np.zeros(tokens), 0.5**layers
    match name:
        case "previous":
            for back in range(layers + 1):
                steps = np.prod([(layers - i) / (i + 1) for i in range(back)])
                row[tokens - 1 - back] += steps * half
        case "copy":
            row[tokens // 2], row[-1] = 1 - half, half
        case _:
            row += (1 - half) / tokens
            row[-1] += half
    return row


@pytest.mark.parametrize("layers", [1, 2, 4])
@pytest.mark.parametrize("name", ["previous", "copy", "even"])
def test_rollout_and_relevance_of_known_heads(name: str, layers: int) -> None:
    tokens, x = 7, torch.ones(1, 7, 2, dtype=torch.float64)
    model = Given(heads(tokens)[name].expand(layers, -1, -1, -1).contiguous(), read=tokens - 1)
    expected = rolled(name, tokens, layers)
    found = pl.attention_rollout(query=tokens - 1)(model, x).values[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)
    relevant = pl.attention_relevance(query=tokens - 1)(model, x, target=0)
    expected[-1] = 0
    assert ((relevant.values[0] > 0) == (expected > 0)).all() and relevant.facts["layers"] == layers
    if layers == 1:
        np.testing.assert_allclose(relevant.values[0], 2 * expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("top", "middle", "bottom", "beside"),
    [(0.2, 0.8, 0.6, 0.0), (0.9, 0.1, 0.6, 0.0), (0.9, 0.8, 0.3, 0.0), (0.9, 0.1, 0.6, 0.5), (0.3, 0.2, 0.6, 0.5)],
)
def test_the_narrowest_cut_of_a_network_is_its_flow(top: float, middle: float, bottom: float, beside: float) -> None:
    """Token 0 asks 1, 1 asks 2, 2 asks 3, and 1 may ask 3 itself: each layer is one place where it can be narrow."""
    own: list[dict[int, float]] = [{i: 1.0} for i in range(4)]
    upper = head({1: top, 0: 1 - top}, *own[1:])
    centre = head(own[0], {2: middle, 1: 1 - middle}, *own[2:])
    lower = head(own[0], {3: beside, 1: 1 - beside}, {3: bottom, 2: 1 - bottom}, own[3])
    model = Given(torch.stack([lower, centre, upper]))
    flows = pl.attention_max_flow(query=0)(model, torch.ones(1, 4, 2, dtype=torch.float64)).values[0]
    a, b, c, d = top / 2, middle / 2, bottom / 2, beside / 2
    expected = [1 - a, min(a, 1 - b, 1 - d), min(a, b, 1 - c), min(a, min(b, c) + min(1 - b, d))]
    np.testing.assert_allclose(flows, expected, rtol=0, atol=2e-7)


@pytest.mark.parametrize("seed", range(4))
def test_an_induction_head_is_led_back_to_what_it_copies(seed: int) -> None:
    """`… a b … a`: the answer is `b`, and only the place where `b` stood brings it."""
    draw = torch.Generator().manual_seed(seed)
    vocabulary, before = 12, int(torch.randint(2, 7, (), generator=draw))
    words = torch.randperm(vocabulary, generator=draw)[:9]
    tokens = torch.cat([words, words[before - 1 : before]])[None]
    model = Induction(vocabulary, 10).eval()
    assert int(model(tokens)[0, -1].argmax()) == int(words[before])
    result = pl.attention_relevance()(model, tokens)
    assert int(result.values[0].argmax()) == before and result.facts["query"] == (9,)
    assert result.values[0].max() > 0.9 * result.values[0].sum()
    assert int(np.abs(pl.attn_lrp()(model, tokens).heat[0]).argmax()) == before


class Points(nn.Module):
    """A decoder each of whose tokens says which word of the encoder is the answer.

    The decoder's tokens look at each other first, which changes little that the answer reads.
    """

    def __init__(self, vocabulary: int, places: int) -> None:
        super().__init__()
        self.words, self.pointers = nn.Embedding(vocabulary, vocabulary), nn.Embedding(places, places)
        with torch.no_grad():
            self.words.weight.copy_(torch.eye(vocabulary))
            self.pointers.weight.copy_(torch.eye(places))

    def forward(self, text: Tensor, pointed: Tensor) -> Tensor:
        word, pointer = self.words(text), self.pointers(pointed)
        places = torch.eye(text.shape[1], self.pointers.num_embeddings).expand(len(text), -1, -1)
        pointer = pointer + 0.01 * attend(pointer, pointer, pointer)
        scores = (9 * pointer @ (places + 0 * word.sum(2, keepdim=True)).transpose(1, 2))[:, None]
        return (scores.softmax(-1) @ word[:, None])[:, 0]


def test_a_decoder_is_led_to_the_word_of_the_encoder_that_it_copies() -> None:
    model, text = Points(11, 6).eval(), torch.tensor([[4, 9, 2, 7, 1, 5], [3, 8, 10, 0, 6, 2]])
    pointed = torch.tensor([[0, 5, 3], [2, 0, 1]])
    assert model(text, pointed)[:, -1].argmax(1).tolist() == [7, 8]
    encoder, decoder = pl.attention_relevance()(model, (text, pointed))
    assert encoder.values.argmax(1).tolist() == [3, 1] and encoder.facts["query"] == (2, 2)
    assert (encoder.values.max(1) > 0.99 * encoder.values.sum(1)).all()
    assert (decoder.values.max(1) < 0.1 * encoder.values.max(1)).all()


class Silent(nn.Module):
    """All attention goes to token 2, whose value is 0; what is answered comes along the token itself."""

    def forward(self, x: Tensor) -> Tensor:
        weights = head(*({2: 1.0} for _ in range(4))).expand(len(x), -1, -1, -1)
        keep = torch.tensor([1.0, 1.0, 0.0, 1.0], dtype=x.dtype)[:, None]
        scores = weights.log() + 0 * x.sum((1, 2))[:, None, None, None]
        return (x + (scores.softmax(-1) @ (x * keep)[:, None])[:, 0])[:, 0]


def test_attention_to_what_has_no_value_is_not_what_the_answer_hangs_on() -> None:
    model, x = Silent(), torch.rand(1, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    weights = pl.attention_weights()(model, x)
    shown = weights[0] if isinstance(weights, tuple) else weights
    assert (shown.values[..., 2] == 1).all()
    gradient = pl.attention_gradient()(model, x, target=1)
    slope = gradient[0] if isinstance(gradient, tuple) else gradient
    assert not slope.values.any()
    assert not pl.attention_relevance(query=0)(model, x, target=1).values.any()
    assert pl.attention_rollout(query=0)(model, x).values[0].tolist() == [0.5, 0, 0.5, 0]
