"""Attention max-flow through whole networks; the flows themselves are tested in ops."""

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.core.errors import Cancelled, NotApplicable
from pellucid.methods.attention import attention_max_flow
from tests.methods.attention.stacks import Given, inputs, random_layers
from tests.networks import NETWORKS

ROUNDED = 2e-7


def mixed(layer: torch.Tensor) -> np.ndarray:
    return ((layer.mean(0) + torch.eye(layer.shape[-1], dtype=layer.dtype)) / 2).numpy()


def test_one_layer_is_its_row_and_two_are_their_narrow_parts() -> None:
    one, two = random_layers(1, 3, 6), random_layers(2, 3, 6)
    flat = pl.attention_max_flow(query=3)(Given(one), inputs(6)).values
    np.testing.assert_allclose(flat, [mixed(one[0])[3]] * 2, rtol=0, atol=ROUNDED)
    lower, upper = mixed(two[0]), mixed(two[1])
    deep = pl.attention_max_flow(query=3)(Given(two), inputs(6)).values
    np.testing.assert_allclose(deep, [np.minimum(upper[3][:, None], lower).sum(0)] * 2, rtol=0, atol=ROUNDED)


def test_the_mean_is_one_more_layer_that_averages() -> None:
    layers = random_layers(1, 2, 5)
    result = pl.attention_max_flow()(Given(layers, read=None), inputs(5))
    np.testing.assert_allclose(result.values[0], np.minimum(1 / 5, mixed(layers[0])).sum(0), rtol=0, atol=ROUNDED)
    assert result.facts["query"] == "mean" and result.axes == ("batch", "time")


def test_only_the_likeliest_are_followed_and_it_says_so() -> None:
    model, x = Given(random_layers(3, 2, 8)), inputs(8)
    all_of_them = pl.attention_max_flow(query="first")(model, x)
    some = pl.attention_max_flow(query="first", sources=3)(model, x)
    rolled = pl.attention_rollout(query="first")(model, x).values
    for i in range(2):
        followed = np.argsort(-rolled[i])[:3]
        assert set(some.values[i].nonzero()[0]) == set(followed)
        np.testing.assert_array_equal(some.values[i, followed], all_of_them.values[i, followed])
    assert "Only the 3 of 8 tokens" in some.notes[0].en and "其余按 0" in some.notes[0].zh
    assert some.facts["left out"] == 5 and all_of_them.facts["left out"] == 0
    assert not any("Only the" in note.en for note in all_of_them.notes)


def test_long_inputs_are_followed_in_part_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = Given(random_layers(2, 2, 40)), inputs(40)
    monkeypatch.setattr(attention_max_flow, "WORK", 20 * 40 * 2)
    some = pl.attention_max_flow(query=0)(model, x)
    assert some.facts["left out"] == 20 and "sources=40 follows all" in some.notes[0].en
    assert all(np.count_nonzero(one) == 20 for one in some.values)
    monkeypatch.setattr(attention_max_flow, "WORK", 1)
    assert pl.attention_max_flow(query=0)(model, x).facts["left out"] == 24
    assert pl.attention_max_flow(query=0, sources=90)(model, x).facts["left out"] == 0
    monkeypatch.setattr(attention_max_flow, "MOST", 3199)
    with pytest.raises(
        NotApplicable, match=r"2 layers over 40 tokens are 3,200 pipes(?s:.*)attention_rollout\(query=\)"
    ):
        pl.attention_max_flow()(model, x)


def test_it_says_how_far_it_is_and_can_be_stopped() -> None:
    lens, told = pl.Lens(Given(random_layers(2, 2, 5))), list[tuple[int, int] | None]()

    def watch(progress: pl.Progress) -> None:
        told.append(progress.step)
        if progress.step == (7, 10):
            raise Cancelled("enough")

    views = lens.see(inputs(5), pl.attention_max_flow(), pl.attention_rollout(), progress=watch)
    assert told == [None, *((i, 10) for i in range(8))]
    assert [one.method for one in views.failures] == ["attention_max_flow"] and views["attention_rollout"].values.any()


@pytest.mark.parametrize("name", ["tiny_vit", "causal_lm", "masked_tokens"])
def test_values_are_widths(name: str) -> None:
    network = NETWORKS[name]
    result = pl.attention_max_flow()(network.build(), network.x(2))
    assert (result.values >= 0).all() and (result.values <= 1).all() and result.values.any()
    if name == "causal_lm":
        assert result.facts["query"] == (6, 6)
        early = pl.attention_max_flow(query=2)(network.build(), network.x(2))
        assert not early.values[:, 3:].any()
        assert "The largest values: " in result.describe("en") and "最大的值：" in result.describe("zh")
