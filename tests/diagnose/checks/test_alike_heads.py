"""The check alike_heads."""

import pytest
import torch

import pellucid as pl
from pellucid.diagnose.checks.alike_heads import distances
from tests.diagnose.planted import batch, host


def test_heads_with_the_same_queries_and_keys_are_named():
    model = host("transformer")
    weight, bias = model.blocks[2].qkv.weight, model.blocks[2].qkv.bias  # type: ignore[index]
    with torch.no_grad():
        for part in (0, 32):
            weight[part : part + 32] = weight[part : part + 8].repeat(4, 1)
            bias[part : part + 32] = bias[part : part + 8].repeat(4)
    (one,) = [one for one in pl.Lens(model).diagnose(batch(16)[0]) if one.check == "alike_heads"]
    assert one.severity == "medium" and one.place == "blocks.2/attention.0"
    assert one.evidence.values[0, 2] == pytest.approx(0, abs=1e-6) and one.evidence.values[0, 1] > 0.1


def test_a_trained_transformer_is_no_finding():
    assert "alike_heads" in pl.Lens(host("transformer")).diagnose(batch(16)[0]).passed


def test_distances_are_shares_of_attention():
    """Two heads at one token each lie half from their mean; from even attention over the four keys, three quarters."""
    weights = torch.zeros(1, 2, 1, 4)
    weights[0, 0, 0, 1] = weights[0, 1, 0, 2] = 1
    weights = torch.cat([weights, weights.roll(1, -1), weights.roll(2, -1)])
    assert distances(weights) == pytest.approx((0.5, 0.75))
    causal = torch.ones(6, 6).tril()
    assert distances((causal / causal.sum(1, keepdim=True)).expand(2, 3, 6, 6)) == pytest.approx((0, 0), abs=1e-6)
