"""The writes of single heads, restated; with the bias they are what the attention wrote."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pellucid as pl
from pellucid.registry import find
from tests.methods.decision.streams import DEPTH, WIDTH, WORDS, Block, Scaled, Speaker, speaker, tokens
from tests.networks import seeded

attribution = find("logit_attribution")
MODELS = {
    "layer norm": speaker(),
    "root mean square": speaker(Scaled),
    "parallel": speaker(kind="parallel"),
    "capped": speaker(cap=2.0),
}


@torch.no_grad()
def restated(model: Speaker, x: Tensor, row: Tensor) -> np.ndarray:
    """`(layer, head + 1)`: each head's `A V W_O`, the bias last, at the held scale of the norm, times a row."""
    kept: list[tuple[nn.Module, Tensor]] = []
    hooks = [
        one.attention.register_forward_hook(lambda part, given, _: kept.append((part, given[0])))
        for one in model.blocks
    ]
    last: list[Tensor] = []
    hooks.append(model.norm.register_forward_hook(lambda _, given, __: last.append(given[0][0, -1])))
    model(x)
    for hook in hooks:
        hook.remove()
    centred = isinstance(model.norm, nn.LayerNorm)
    size = last[0].var(unbiased=False) + 1e-5 if centred else last[0].pow(2).mean() + 1e-6
    gain = (model.norm.weight if centred else 1 + model.norm.weight) * size.rsqrt()
    made = []
    for part, given in kept:
        q, k, v = part.qkv(given).unflatten(-1, (3, 2, -1)).permute(2, 0, 3, 1, 4)
        scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(
            torch.ones(x.shape[1], x.shape[1]).triu(1).bool(), -torch.inf
        )
        mixed = (scores.softmax(-1) @ v)[0, :, -1]
        each = [mixed[h] @ part.out.weight.T[h * 6 : h * 6 + 6] for h in range(2)] + [part.out.bias]
        made.append([float((one - one.mean() * centred) * gain @ row) for one in each])
    return np.array(made)


@pytest.mark.parametrize("name", MODELS)
def test_heads_are_restated_and_sum_to_what_the_attention_wrote(name: str) -> None:
    model, x = MODELS[name], tokens()
    shown = attribution(by="head")(model, x, target=4)
    assert shown.axes == ("layer", "head") and shown.rows == tuple(f"{i}.attention" for i in range(DEPTH))
    assert tuple(map(str, shown.columns[:2])) == ("0", "1") and shown.columns[2].en == "bias"
    expected = restated(model, x, model.head.weight[4])
    np.testing.assert_allclose(shown.values, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    whole = attribution()(model, x, target=4)
    bars = dict(zip(whole.labels, whole.curves["contribution"].tolist(), strict=True))
    np.testing.assert_allclose(shown.values.sum(1), [bars[row] for row in shown.rows], rtol=0, atol=1e-12)
    assert abs(shown.facts["gap"]) <= 1e-12 * np.abs(expected).sum() + 1e-12
    assert shown.values.sum() + shown.facts["rest"] == pytest.approx(whole.facts["score"], rel=1e-12)


def test_a_contrast_is_the_difference_and_examples_are_apart() -> None:
    model, x = MODELS["layer norm"], tokens(2)
    one, two, both = (attribution(by="head", examples=2)(model, x, target=t)[1] for t in (4, 7, pl.contrast(4, 7)))
    np.testing.assert_allclose(one.values - two.values, both.values, atol=1e-13)
    alone = attribution(by="head")(model, x[1:], target=4)
    np.testing.assert_allclose(alone.values, one.values, rtol=1e-11, atol=1e-14)
    capped = attribution(by="head")(MODELS["capped"], x[:1], target=pl.contrast(4, 7))
    np.testing.assert_allclose(
        capped.values, attribution(by="head")(model, x[:1], target=pl.contrast(4, 7)).values, rtol=1e-9
    )


def test_no_more_forwards_than_by_block() -> None:
    seen = pl.Lens(MODELS["layer norm"]).see(tokens(), attribution(by="head"))
    assert (seen.cost.forwards, seen.cost.backwards) == (2, 1)


class Normed(Block):
    """What the attention wrote is normed once more before it is added."""

    def forward(self, x: Tensor) -> Tensor:
        x = x + F.layer_norm(self.attention(self.norm1(x)), (WIDTH,))
        return x + self.mlp(self.norm2(x))


class Alone(Block):
    """No attention."""

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mlp(self.norm2(x))


@pytest.mark.parametrize(("block", "says"), [(Normed, "joined heads"), (Alone, "attention")])
def test_heads_that_are_not_written_as_they_are(block: type[Block], says: str) -> None:
    def made() -> Speaker:
        model = Speaker()
        model.blocks = nn.ModuleList(block(nn.LayerNorm, "pre") for _ in range(DEPTH))
        return model

    with pytest.raises(pl.NotApplicable, match=says):
        attribution(by="head")(seeded(made)(), tokens())
    assert len(attribution()(seeded(made)(), tokens()).labels) > 3 and WORDS
