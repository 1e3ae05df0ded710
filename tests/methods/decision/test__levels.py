"""Levels: what every path crosses, found from the graph of calls."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pellucid.engine.looker import Looker
from pellucid.methods.decision._levels import candidates, cuts
from tests.engine.asking import see
from tests.networks import NETWORKS


def crossed(model: nn.Module, x: Tensor) -> list[str]:
    """Addresses of the calls that every path crosses."""
    seen = see(model, x, graph=True)
    return [seen.trace.address(seen.trace.events[index].place) for index in cuts(seen.trace, ["input"])]


class Skips(nn.Module):
    """One layer, a branch around another, and a constant that is computed beside."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.around, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        self.beside = nn.Parameter(torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        shift = torch.exp(self.beside)
        x = x + F.relu(self.around(x))
        hard = (x > 0).sum()
        return self.last(x * shift) + 0.0 * hard


def test_what_lies_beside_a_skip_is_not_crossed_by_every_path() -> None:
    assert crossed(Skips(), torch.randn(2, 4)) == [
        "first/linear.0",
        "/add.0",
        "/mul.0",
        "last/linear.0",
        "/add.1",
    ]


def test_an_output_that_leaves_early_counts_as_a_path() -> None:
    network = NETWORKS["dict_output"]
    found = crossed(network.build(), network.x(1))
    assert found[-1] == "/mean.0" and "fc/linear.0" not in found


def test_modules_inside_blocks_that_repeat_are_no_candidates() -> None:
    sites = [site.path for site in candidates(Looker(NETWORKS["residual"].build()).modules)]
    model = Looker(NETWORKS["residual"].build())
    assert len(sites) == 5 and all(site.count("[") == 1 for site in sites)
    assert all(any(site.replace("[", "").replace("]", "") == path for path in model.modules) for site in sites)


def test_a_module_that_does_not_run_is_passed_over() -> None:
    network = NETWORKS["unused_branch"]
    model = network.build()
    site = candidates(Looker(model).modules)
    seen = see(model, network.x(1), keep=[site])
    assert "spare" not in {spot.address for spot in seen.at(site)}
