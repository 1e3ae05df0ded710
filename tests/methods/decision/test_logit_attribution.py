"""The bars are the writes at the held scale of the norm, and sum to the score."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.registry import find
from pellucid.results import Series
from tests.methods.decision.streams import DEPTH, Scaled, Speaker, speaker, tokens

attribution = find("logit_attribution")
MODELS = {
    "layer norm": speaker(),
    "root mean square": speaker(Scaled),
    "tied": speaker(tied=True),
    "parallel": speaker(kind="parallel"),
}


def bars(model: nn.Module, sentences: Tensor, target: object) -> Series:
    """Of the first sentence."""
    return attribution()(model, sentences, target=target)


@torch.no_grad()
def restated(model: Speaker, sentences: Tensor, row: Tensor, bias: Tensor) -> tuple[dict[str, float], float]:
    """What every part writes, scaled as the norm scales the last stream, times a row of the classifier."""
    written: dict[str, Tensor] = {"embedding": model.embed(sentences) + model.place[: sentences.shape[1]]}
    hooks = []
    for i, block in enumerate(model.blocks):
        for name in ("attention", "mlp"):
            part: nn.Module = getattr(block, name)
            hooks.append(
                part.register_forward_hook(lambda _, __, out, key=f"{i}.{name}": written.__setitem__(key, out.clone()))
            )
    model(sentences)
    for hook in hooks:
        hook.remove()
    last = sum(written.values())[0, -1]
    if isinstance(model.norm, nn.LayerNorm):
        scale = (last.var(unbiased=False) + model.norm.eps).rsqrt() * model.norm.weight
        parts = {name: (one[0, -1] - one[0, -1].mean()) * scale @ row for name, one in written.items()}
        parts |= {"norm:bias": model.norm.bias @ row}
    else:
        scale = (last.pow(2).mean() + 1e-6).rsqrt() * (1 + model.norm.weight)
        parts = {name: one[0, -1] * scale @ row for name, one in written.items()}
    parts |= {"head:bias": bias} if float(bias) else {}
    return {name: float(one) for name, one in parts.items()}, float(sum(parts.values()))


@pytest.mark.parametrize("name", MODELS)
def test_the_bars_are_the_writes_and_sum_to_the_score(name: str) -> None:
    model, x = MODELS[name], tokens()
    bias = model.head.bias[4] if model.head.bias is not None else torch.zeros(())
    expected, total = restated(model, x, model.head.weight[4], bias)
    seen = bars(model, x, 4)
    assert seen.style == "bar" and sorted(seen.labels) == sorted(expected)
    found = dict(zip(seen.labels, seen.curves["contribution"].tolist(), strict=True))
    assert {one: found[one] for one in expected} == pytest.approx(expected, abs=1e-12)
    score = float(model(x).detach()[0, -1, 4])
    assert abs(sum(found.values()) - score) <= 1e-12 * abs(score) and abs(seen.facts["gap"]) <= 1e-12 * abs(score)
    assert total == pytest.approx(score, rel=1e-12)


def test_a_contrast_is_the_difference_of_its_sides() -> None:
    model, x = MODELS["layer norm"], tokens()
    one, two, both = (bars(model, x, target) for target in (4, 7, pl.contrast(4, 7)))
    np.testing.assert_allclose(
        one.curves["contribution"] - two.curves["contribution"], both.curves["contribution"], atol=1e-13
    )
    assert both.facts["score"] == pytest.approx(float(model(x).detach()[0, -1, [4, 7]].diff().neg()), rel=1e-12)


def test_a_capped_score_is_attributed_before_the_cap() -> None:
    model, x = speaker(cap=2.0), tokens()
    model.cap = None
    plain = bars(model, x, 4), bars(model, x, pl.contrast(4, 7))
    model.cap = 2.0
    capped = bars(model, x, 4), bars(model, x, pl.contrast(4, 7))
    for one, two in zip(plain, capped, strict=True):
        assert one.labels == two.labels and "before the cap" in str(two.notes[1].en)
        np.testing.assert_allclose(two.curves["contribution"], one.curves["contribution"], rtol=1e-10, atol=1e-13)
    assert capped[0].facts["score"] != pytest.approx(capped[0].targets[0].score, rel=1e-3)


def test_another_position_and_a_batch() -> None:
    model, x = MODELS["layer norm"], tokens(2)
    seen = attribution(examples=2)(model, x, target=(2, 5))
    for example, one in enumerate(seen):
        assert sum(one.curves["contribution"]) == pytest.approx(float(model(x).detach()[example, 2, 5]), rel=1e-12)
    alone = bars(model, x[1:], (2, 5))
    np.testing.assert_allclose(alone.curves["contribution"], seen[1].curves["contribution"], rtol=1e-12)


def test_without_the_write_of_a_layer_the_held_score_falls_by_its_bar() -> None:
    """The last MLP has no layer behind it: only the scale of the norm keeps its bar from being its whole effect."""
    model, x = speaker(Scaled), tokens()
    seen = bars(model, x, 4)
    bar = dict(zip(seen.labels, seen.curves["contribution"].tolist(), strict=True))[f"{DEPTH - 1}.mlp"]
    kept: list[Tensor] = []
    hook = model.norm.register_forward_hook(lambda _, args, out: kept.append(args[0].detach()))
    model(x)
    nn.init.zeros_(model.blocks[-1].mlp[2].weight)
    nn.init.zeros_(model.blocks[-1].mlp[2].bias)
    without = float((model(x)[0, -1, 4] - model.head.bias[4]).detach())
    hook.remove()
    before, after = (one[0, -1].pow(2).mean().sqrt() for one in kept)
    assert seen.facts["score"] - float(model.head.bias.detach()[4]) - bar == pytest.approx(
        without * float(after / before), rel=1e-5
    )


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("post", "post-norm"),
        ("pooled", "stands between the residual stream and the final norm"),
        ("inline", "not a module of its own"),
        ("shares", "bends the scores of all classes"),
    ],
)
def test_what_is_no_sum_is_refused_with_the_reason(kind: str, says: str) -> None:
    with pytest.raises(pl.NotApplicable, match=says):
        attribution()(speaker(kind=kind), tokens())


def test_a_function_of_the_output_has_no_row_of_the_classifier() -> None:
    with pytest.raises(pl.NotApplicable, match="class or token"):
        attribution()(MODELS["layer norm"], tokens(), target=lambda out: out.square().sum((1, 2)))


def test_cost() -> None:
    cost = pl.Lens(MODELS["layer norm"]).see(tokens(), attribution(), pl.saliency()).cost
    assert (cost.forwards, cost.backwards) == (2, 2)
