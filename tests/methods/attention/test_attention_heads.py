import math

import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.core.errors import NotApplicable
from pellucid.methods.attention.attention_heads import attention_heads
from pellucid.results import Points, Table
from tests.networks import minilm
from tests.networks.attentive import Attentive

X = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(0))


class Habitual(nn.Module):
    """Four heads whose attention is written by hand: previous token, first token, even, itself."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        eye = torch.eye(tokens)
        before = torch.cat([eye[:1], eye[:-1]])
        first = torch.zeros(tokens, tokens)
        first[:, 0] = 1
        even = torch.full((tokens, tokens), 1 / tokens)
        self.register_buffer("scores", (torch.stack([before, first, even, eye]) + 1e-30).log())
        self.value = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        weights = (self.scores + 0 * x.mean((1, 2))[:, None, None, None]).softmax(-1)
        return (weights @ self.value(x).unflatten(2, (4, 2)).transpose(1, 2)).mean((2, 3))


def look(model: nn.Module, x: object, **settings: object) -> tuple[Points, Table]:
    points, table = pl.Lens(model.eval()).see(x, attention_heads(**settings))[0]
    assert isinstance(points, Points) and isinstance(table, Table)
    return points, table


def test_written_heads_are_named() -> None:
    points, table = look(Habitual(6), X)
    assert [str(one) for one in points.groups] == ["to the previous token", "to the first token", "even", "to itself"]
    assert [one.say("zh") for one in points.groups] == ["看前一词元", "看首词元", "均匀", "看自身"]
    assert points.labels == tuple(row["head"] for row in table.rows) and points.values.shape == (4, 2)
    rows = {str(row["pattern"]): row for row in table.rows}
    assert rows["even"]["entropy"] == pytest.approx(math.log(6), rel=1e-5)
    assert rows["to itself"]["distance"] == pytest.approx(0) and rows["to the previous token"]["before"] == 1
    assert rows["to the first token"]["first"] == pytest.approx(1) and points.facts["even"] == 1


def test_equal_heads_lie_on_each_other() -> None:
    model = Attentive("fused")
    with torch.no_grad():
        for part in (model.query, model.key):
            part.weight[2:4], part.bias[2:4] = part.weight[:2].clone(), part.bias[:2].clone()
    points, table = look(model, X)
    assert points.values[0] == pytest.approx(points.values[1], abs=1e-6)
    assert points.values[0] != pytest.approx(points.values[2], abs=1e-2)
    habits, _ = look(model, X, place="habits")
    assert habits.values[:, 1] == pytest.approx([row["spread"] for row in table.rows], rel=1e-6)


def test_padding_does_not_count() -> None:
    model, tokenizer = minilm.minilm()
    lens = pl.Lens(model, tokenizer=tokenizer)
    short, long = "Cats sleep.", "The old river bank was flooded again after the rain."
    _, alone = lens.see(short, attention_heads())[0]
    _, padded = lens.see([short, short + " " + long], attention_heads())[0]
    _, second = lens.see(short + " " + long, attention_heads())[0]
    counts = [len(tokenizer(one)["input_ids"]) for one in (short, short + " " + long)]
    for one, both, other in zip(alone.rows, padded.rows, second.rows, strict=True):
        mean = (one["entropy"] * counts[0] + other["entropy"] * counts[1]) / sum(counts)
        assert both["entropy"] == pytest.approx(mean, rel=1e-4)
    assert any(str(row["pattern"]) == "to the previous token" for row in second.rows)
    assert all(row["marked"] is not None for row in second.rows)


def test_one_forward_and_no_attention() -> None:
    views = pl.Lens(Attentive("einsum")).see(X, attention_heads())
    assert (views.cost.forwards, views.cost.backwards) == (1, 0)
    with pytest.raises(NotApplicable, match=r"no attention (ran|was recognised)"):
        attention_heads()(nn.Linear(8, 3), X)
