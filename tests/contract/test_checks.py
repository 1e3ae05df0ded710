"""Diagnosing every awkward network: a finding or a reason in both languages, and nothing is left changed."""

import re
from typing import Any

import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.diagnose.check import checks
from tests.contract import state
from tests.networks import NETWORKS
from tests.networks.strange import small

CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Gives(nn.Module):
    """Answers with whatever a function makes of the scores."""

    def __init__(self, made: Any) -> None:
        super().__init__()
        self.net, self.made = small(), made

    def forward(self, x: torch.Tensor) -> Any:
        return self.made(self.net(x))


def fails(out: torch.Tensor) -> Any:
    raise ValueError(f"not with {len(out)}")


OUTPUTS = {
    "nothing": lambda out: None,
    "whole numbers": lambda out: out.argmax(1),
    "one number for all": lambda out: out.mean(),
    "complex": lambda out: torch.fft.fft(out),
    "boxes of no fixed number": lambda out: [{"boxes": out[:0], "scores": out[:0, 0]}],
    "a list": lambda out: [out, out.mean(1)],
}


def sixteen(x: Any) -> Any:
    """Four examples four times over: as many as every check asks for."""
    if isinstance(x, torch.Tensor):
        return torch.cat([x] * 4)
    return {name: sixteen(one) for name, one in x.items()} if isinstance(x, dict) else tuple(map(sixteen, x))


def told(found: Any) -> None:
    """Every check is accounted for, in both languages."""
    made = {one.check for one in found}
    left = {one.check: one.reason for one in found.not_made}
    assert made | set(found.passed) | set(left) == {one.name for one in checks()}
    assert not made & set(found.passed) and not set(left) & (made | set(found.passed))
    for name, reason in left.items():
        assert CHINESE.search(reason.zh), reason
        assert not reason.en.startswith(f"the check {name}"), reason  # the check itself raised
    for one in found:
        english, chinese = one.describe("en"), one.describe("zh")
        assert not CHINESE.search(english) and CHINESE.search(one.said.zh) and CHINESE.search(chinese)
        assert one.evidence.describe("zh") and one.evidence.provenance.method == one.check
    assert len(found.table("zh").rows) == len(found)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_told_and_left_as_found(name: str) -> None:
    network = NETWORKS[name]
    model, x = network.build(), sixteen(network.x(4))
    before = state.of_everything(model, x)
    found = pl.Lens(model).diagnose(x)
    assert not state.changed(before, state.of_everything(model, x))
    told(found)
    told(pl.Lens(model).diagnose(network.x(1)))
    told(pl.Lens(model).diagnose())


@pytest.mark.parametrize("output", OUTPUTS)
def test_outputs_of_every_kind(output: str) -> None:
    told(pl.Lens(Gives(OUTPUTS[output])).diagnose(torch.randn(4, 3, 14, 14)))


def test_a_model_that_raises_is_no_healthy_one() -> None:
    lens = pl.Lens(Gives(fails))
    with pytest.raises(pl.ModelFailed, match="not with 4"):
        lens.diagnose(torch.randn(4, 3, 14, 14))
    told(lens.diagnose())


def test_a_model_without_values() -> None:
    found = pl.Lens(small().to("meta")).diagnose(torch.randn(4, 3, 14, 14))
    told(found)
    assert not found.found and "meta" in found.describe("zh")


def test_labels_are_used_where_the_output_has_them_and_refused_where_not() -> None:
    x = torch.randn(4, 3, 14, 14)
    told(pl.Lens(small()).diagnose(x, labels=[0, 1, 2, 3]))
    for labels in ([0, 1, 2, 4], [0, 1, 2, -1]):
        with pytest.raises(pl.BadTarget):
            pl.Lens(small()).diagnose(x, labels=labels)
