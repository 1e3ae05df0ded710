"""What composes, and what is read where nobody says it."""

import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.core.errors import NotApplicable
from tests.methods.attention.stacks import Strange
from tests.networks import NETWORKS


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("cross", "'/attention.1' is cross attention: its queries and keys come from different sequences"),
        ("windowed", "'/attention.1' is windowed attention"),
        ("channel", "'/attention.1' is channel attention: it weighs features"),
        ("mixed", "'/attention.1' is mixed attention: its heads are mixed"),
        ("shorter", "'/attention.1' relates 4 tokens with 4, '/attention.0' 8 with 8"),
    ],
)
@pytest.mark.parametrize("method", ["attention_rollout", "attention_max_flow"])
def test_what_does_not_compose_is_refused(method: str, kind: str, reason: str) -> None:
    x = torch.randn(2, 8, 4)
    with pytest.raises(NotApplicable, match=reason):
        getattr(pl, method)()(Strange(kind), (x, torch.randn(2, 8, 4)) if kind == "cross" else x)


@pytest.mark.parametrize("kind", ["windowed", "channel", "mixed"])
def test_relevance_refuses_the_same(kind: str) -> None:
    with pytest.raises(NotApplicable, match=f"'/attention.1' is {kind} attention"):
        pl.attention_relevance()(Strange(kind), torch.randn(2, 8, 4))


def test_where_two_sequences_meet_relevance_is_named() -> None:
    with pytest.raises(NotApplicable, match=r"attention_relevance\(\) joins two sequences"):
        pl.attention_rollout()(Strange("cross"), (torch.randn(2, 8, 4), torch.randn(2, 8, 4)))


class TwoTexts(nn.Module):
    """The same attention over two inputs of one length."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        first, second = ((one @ one.transpose(1, 2)).softmax(-1) @ one for one in (x, y))
        return (first + second).mean(1)


def test_two_sequences_of_one_length_are_not_one() -> None:
    with pytest.raises(NotApplicable, match=r"'/attention\.1' reads '1', '/attention\.0' reads '0'"):
        pl.attention_rollout()(TwoTexts(), (torch.randn(1, 5, 3), torch.randn(1, 5, 3)))


@pytest.mark.parametrize(
    ("name", "query"), [("tiny_vit", (0, 0)), ("causal_lm", (6, 6)), ("masked_tokens", (0, 0)), ("attention", "mean")]
)
def test_what_is_read_where_nobody_says(name: str, query: object) -> None:
    network = NETWORKS[name]
    result = pl.attention_max_flow()(network.build(), network.x(2))
    assert result.facts["query"] == query and len([note for note in result.notes if "Read a" in note.en]) == 1
