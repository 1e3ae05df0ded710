"""Shares are the slope times what was written, whatever the readout is."""

from typing import Any

import torch

from pellucid.engine.looker import Looker
from pellucid.engine.passes import Pass
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._direct import Shares, shares_of
from pellucid.methods.decision._held_norm import readout_of
from pellucid.methods.decision._residual_stream import stream_of
from tests.engine.asking import plan
from tests.methods.decision.streams import Speaker, speaker, tokens
from tests.networks import NETWORKS


def shares(model: Any, x: Any, target: Any) -> Shares:
    """Of every example."""

    def method(x: Inputs, target: Target):
        seen = yield from Pass(x, target=target, graph=True)
        stream = stream_of(seen, x)
        return (yield from shares_of(x, target, Looker(model), stream, readout_of(stream)))

    tasks, _ = plan(model, method, x=x, target=target)
    return tasks[0].result


def test_without_a_norm_a_share_is_what_was_written_times_the_row_of_the_classifier() -> None:
    network = NETWORKS["causal_lm"]
    model: Any = network.build().double()
    x = network.x(2)
    found = shares(model, x, 3)
    start = (model.embed(x) + model.position[: x.shape[1]]).detach()
    torch.testing.assert_close(found.each[:, 0], start[:, -1] @ model.head.weight[3].detach(), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(found.each.sum(1), model(x)[:, -1, 3].detach(), rtol=1e-12, atol=1e-14)
    assert found.bias.abs().max() < 1e-14


def test_shares_shift_and_bias_sum_to_the_score_before_the_cap() -> None:
    model: Speaker = speaker(cap=2.0)
    found = shares(model, tokens(2), (2, 5))
    torch.testing.assert_close(found.each.sum(1) + found.bias, found.score, rtol=1e-12, atol=0)
    capped = model(tokens(2)).detach()[:, 2, 5]
    torch.testing.assert_close(2.0 * torch.tanh(found.score / 2.0), capped, rtol=1e-12, atol=0)
    torch.testing.assert_close(found.bias, model.head.bias.detach()[5].expand(2), rtol=1e-10, atol=0)
