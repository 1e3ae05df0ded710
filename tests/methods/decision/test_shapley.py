"""Shapley values: efficiency, symmetry, null players, linearity, gates, passes."""

from itertools import permutations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from tests.networks import NETWORKS, known


class Gates(nn.Module):
    """AND, OR and XOR of two bits out of rectifiers, for three numbers of which the last is not read."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(3, 2, dtype=torch.float64)
        self.gates = nn.Linear(2, 3, bias=False, dtype=torch.float64)
        with torch.no_grad():
            self.one.weight.copy_(torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]))
            self.one.bias.copy_(torch.tensor([0.0, -1.0]))
            self.gates.weight.copy_(torch.tensor([[0.0, 1.0], [1.0, -1.0], [1.0, -2.0]]))

    def forward(self, x: Tensor) -> Tensor:
        return self.gates(torch.relu(self.one(x)))


@pytest.mark.parametrize(
    ("gate", "bits", "expected"),
    [
        (0, (1, 1), (0.5, 0.5)),  # AND
        (0, (1, 0), (0.0, 0.0)),
        (1, (1, 1), (0.5, 0.5)),  # OR
        (1, (1, 0), (1.0, 0.0)),
        (2, (1, 1), (0.0, 0.0)),  # XOR: what one brings, the other takes
        (2, (0, 1), (0.0, 1.0)),
    ],
)
def test_gates(gate: int, bits: tuple[int, int], expected: tuple[float, float]) -> None:
    x = torch.tensor([[*bits, 1.0]], dtype=torch.float64)
    result = pl.shapley()(Gates().eval(), x, target=gate)
    np.testing.assert_allclose(result.values[0], (*expected, 0.0), atol=1e-14)
    assert result.facts["orders"] == (0,) and set(result.facts["standard error"][0]) == {0.0}


def plainly(model: nn.Module, x: Tensor, target: int, labels: Tensor, baseline: float) -> Tensor:
    """The definition: over every order of the groups, one forward per step."""
    count = int(labels.max()) + 1
    values = torch.zeros(count, dtype=torch.float64)
    orders = list(permutations(range(count)))
    for order in orders:
        shown = torch.full_like(x, baseline)
        before = float(model(shown)[0, target])
        for group in order:
            shown = torch.where(labels == group, x, shown)
            after = float(model(shown)[0, target])
            values[group] += (after - before) / len(orders)
            before = after
    return values


@pytest.mark.parametrize("network", ["article_net", "series", "volume", "rows"])
def test_the_definition(network: str) -> None:
    model, x = NETWORKS[network].build().double(), NETWORKS[network].x(2).double()
    grid = x.shape[2:] or x.shape[1:]
    labels = torch.arange(int(np.prod(grid))).reshape(grid) * 4 // int(np.prod(grid))
    result = pl.shapley(groups=labels, baselines=0.5)(model, x, target=[1, 2])
    for example, target in enumerate((1, 2)):
        with torch.no_grad():
            expected = plainly(model, x[example : example + 1], target, labels, 0.5)
        np.testing.assert_allclose(result.facts["values"][example], expected.numpy(), rtol=1e-9, atol=1e-12)
        assert np.array_equal(result.values[example], expected.numpy()[labels.numpy()]) or np.allclose(
            result.values[example], expected.numpy()[labels.numpy()], rtol=1e-9
        )


@pytest.mark.parametrize("groups", ["grid:3", "grid:5"])
def test_efficiency_is_exact_whether_sampled_or_not(groups: str) -> None:
    model, x = NETWORKS["float64"].build(), NETWORKS["float64"].x(2)
    result = pl.shapley(groups=groups, n_samples=4)(model, x, target=[0, 3])
    assert result.facts["orders"] == ((0, 0) if groups == "grid:3" else (4, 4))
    with torch.no_grad():
        difference = (model(x) - model(torch.zeros_like(x)))[[0, 1], [0, 3]].numpy()
    total = [sum(values) for values in result.facts["values"]]
    np.testing.assert_allclose(total, difference, rtol=1e-12, atol=1e-13)
    assert max(map(abs, result.facts["gap"])) < 1e-12


def test_null_players_and_symmetry() -> None:
    """Two equal columns get the same, an unread one exactly nothing, also from orders."""
    weights = torch.zeros(1, 16, dtype=torch.float64)
    weights[0, :4] = torch.tensor([1.0, 1.0, -2.0, 0.5])
    model = nn.Sequential(nn.Linear(16, 1, bias=False, dtype=torch.float64), nn.ReLU())
    with torch.no_grad():
        model[0].weight.copy_(weights)
    x = torch.ones(1, 16, dtype=torch.float64)
    x[0, :4] = torch.tensor([1.0, 1.0, 0.4, 3.0])
    sampled = pl.shapley(n_samples=4)(model.eval(), x).values[0]
    assert not sampled[4:].any()
    exact = pl.shapley(groups=torch.tensor([0, 1, 2, 3] + [4] * 12))(model, x).values[0]
    assert exact[0] == pytest.approx(exact[1], rel=1e-14) and abs(exact[4]) < 1e-15


def test_linearity() -> None:
    model, x = NETWORKS["float64"].build(), NETWORKS["float64"].x(1)
    one, two, both = (
        pl.shapley(groups="grid:3")(model, x, target=target).values
        for target in (1, 2, lambda output: 2 * output[:, 1] - 3 * output[:, 2])
    )
    np.testing.assert_allclose(both, 2 * one - 3 * two, rtol=1e-10, atol=1e-13)


def test_linear_scorer_gives_every_column_its_share() -> None:
    model = known.linear_scorer(20)
    x = torch.randn(2, 20, generator=known.generator(3), dtype=torch.float64)
    result = pl.shapley(n_samples=2, baselines=0.25)(model, x, target=[0, 2])
    np.testing.assert_allclose(result.values, (model.weight[[0, 2]] * (x - 0.25)).detach().numpy(), rtol=1e-11)


def test_tokens_are_covered_at_their_embedding() -> None:
    model, x = NETWORKS["tied_lm"].build().double(), NETWORKS["tied_lm"].x(1)
    result = pl.shapley(groups="tokens")(model, x, target=(4, 3))
    assert result.axes == ("batch", "token") and result.values.shape == (1, 5)
    handle = model.embed.register_forward_hook(lambda _, __, output: torch.zeros_like(output))
    with torch.no_grad():
        start = float(model(x)[0, 4, 3])
    handle.remove()
    assert float(result.values.sum()) == pytest.approx(result.facts["score"][0] - start, rel=1e-6)
    assert np.abs(result.values[0, :4]).max() < 1e-12  # this network reads each token by itself


def test_two_inputs_share_one_game() -> None:
    network = NETWORKS["two_inputs"]
    model, x = network.build(), network.x(2)
    image, row = pl.shapley(groups=("grid:2", "columns"))(model, x, target=[1, 2])
    with torch.no_grad():
        nothing = model(*(torch.zeros_like(one) for one in x))
        difference = (model(*x) - nothing)[[0, 1], [1, 2]].numpy()
    total = row.values.sum(1) + image.values[:, ::5, ::5].sum((1, 2))
    np.testing.assert_allclose(total, difference, rtol=1e-4, atol=1e-6)


def test_passes() -> None:
    """2⁹ − 1 coalitions of each example, 128 to a pass; of 25 cells 2 · 24 rows a pair, and the covered input."""
    lens, x = pl.Lens(NETWORKS["float64"].build()), NETWORKS["float64"].x(2)
    exact = lens.see(x, pl.shapley(groups="grid:3"), target=1)
    assert (exact.cost.samples, exact.cost.forwards) == (2 + 2 * 511, 1 + 2 * 4)
    drawn = lens.see(x, pl.shapley(groups="grid:5", n_samples=7), target=1)
    assert (drawn.cost.samples, drawn.cost.forwards) == (2 + 2 * (1 + 4 * 48), 1 + 2 * (1 + 2))
    assert drawn.cost.backwards == exact.cost.backwards == 0


def test_the_size_of_a_pass_and_the_company_do_not_change_the_values() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2)
    both = pl.shapley(groups="grid:4", n_samples=4)(model, x, target=[1, 2]).values
    small = pl.shapley(groups="grid:4", n_samples=4, batch_size=3)(model, x, target=[1, 2]).values
    alone = pl.shapley(groups="grid:4", n_samples=4)(model, x[1:], target=2).values
    np.testing.assert_allclose(small, both, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(alone[0], both[1], rtol=1e-4, atol=1e-6)


def test_the_note_tells_the_error_only_where_there_is_one() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1)
    drawn = pl.shapley(groups="grid:5", n_samples=8)(model, x)
    assert "8 orders, good to about ±" in drawn.notes[0].en and "8 种顺序" in drawn.notes[0].zh
    exact = pl.shapley(groups="grid:3")(model, x)
    assert len(exact.notes) == 1 and exact.notes[0].en.startswith("Groups: 9 (cells of a grid)")


def test_errors() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1)
    with pytest.raises(pl.BadSetting, match="no words"):
        pl.shapley(groups="words")(model, x)
    for settings in ({"n_samples": 1}, {"tolerance": 0.0}, {"groups": 0.5}, {"seed": 0.5}):
        with pytest.raises(pl.BadSetting):
            pl.shapley(**settings)
