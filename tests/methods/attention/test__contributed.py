"""What is said of attentions of which only some have a map behind them."""

import re

import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.methods.attention._contributed import compared, gap
from pellucid.results import Matrix
from tests.engine.asking import see
from tests.networks.attentive import Attentive

X = torch.randn(2, 5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


class Some(nn.Module):
    """Two attentions; nothing joins the heads of the second."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Attentive("fused"), Attentive("fused")

    def forward(self, x: Tensor) -> Tensor:
        parts = (part(x).unflatten(2, (-1, 2)).transpose(1, 2) for part in (self.second.query, self.second.key))
        return self.first(x) + (self.second.attend(*parts, x.unflatten(2, (4, 2)).transpose(1, 2)) ** 2).mean()


def test_it_says_at_how_many_attentions_the_map_is_missing() -> None:
    result = pl.attention_norms()(Some().double().eval(), X)
    assert isinstance(result, Matrix)
    said = [(note.en, note.zh, note.aside) for note in result.notes]
    (en, zh, aside) = next(one for one in said if "identity" in one[0])
    assert en.startswith("At 1 of 2 attentions no linear map") and "2 处注意力中有 1 处" in zh and not aside
    assert any(re.search(r"sum to what the model has .* to \S+ of its largest", one[0]) and one[2] for one in said)
    gaps = [facts["gap"] for facts in result.facts["layers"].values()]
    assert gaps[1] is None and gaps[0] < 1e-14


def test_a_sum_that_is_not_the_model_s_is_cautioned() -> None:
    model = Attentive("fused").double().eval()
    one = see(model, X, attention=("every attention",), projections=True).at("every attention")[0].attention
    found = one.projection
    assert found is not None and gap(one, found, one.weights) < 1e-14
    found.weight[0] += 1
    assert gap(one, found, one.weights) > 0.1


def test_shares_are_of_the_norms_of_a_query() -> None:
    weights = torch.tensor([[[[0.5, 0.5, 0.0], [0.2, 0.2, 0.6]]]], dtype=torch.float64)
    norms = torch.tensor([[[[3.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]], dtype=torch.float64)
    (looked, added, even), agreed = compared(weights, norms)
    assert torch.allclose(looked, torch.tensor([[0.35, 0.35, 0.3]], dtype=torch.float64))
    assert torch.allclose(added, torch.tensor([[0.75, 0.25, 0.0]], dtype=torch.float64))
    assert torch.allclose(even.double(), torch.tensor([[5, 5, 2]], dtype=torch.float64) / 12) and bool(
        agreed.isnan().all()
    )
