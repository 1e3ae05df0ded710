"""Covered rows are scored for the example that they came from, in passes of the asked size."""

from typing import Any

import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.inputs.groups import grouped
from pellucid.methods.decision._coalitions import Baselines, covered_scores, opened
from tests.engine.asking import plan
from tests.networks import NETWORKS

OFF = torch.tensor([[True, False, False, True], [False, True, False, False], [True, True, True, True]])


def asked(
    model: nn.Module, x: Any, target: Any, *, rows: int | None = None, baselines: Baselines = 0.25
) -> tuple[list[torch.Tensor], Any]:
    """Scores of both examples with cells of a 2 × 2 grid covered."""

    def method(x: Any, target: Any) -> Any:
        game = yield from opened(x, target, baselines, rows)
        cut = grouped(x, "grid:2")
        found = []
        for example in range(x.size):
            found.append((yield from covered_scores(game, cut, example, OFF, 0, 3)))
        return found, game

    (task,), planner = plan(model, method, x=x, target=target)
    if task.error:
        raise task.error
    return task.result[0], (task.result[1], planner.cost())


def plainly(model: nn.Module, x: torch.Tensor, example: int) -> torch.Tensor:
    """The outputs of one example, one cover after another."""
    found = []
    for off in OFF:
        covered = x[example : example + 1].clone()
        half = covered.shape[-1] // 2
        for cell in range(4):
            if off[cell]:
                row, column = cell // 2 * half, cell % 2 * half
                covered[..., row : row + half, column : column + half] = 0.25
        with torch.no_grad():
            found.append(model(covered)[0])
    return torch.stack(found).double()


@pytest.mark.parametrize("rows", [None, 1, 2])
def test_each_example_keeps_its_own_target(rows: int | None) -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2)
    scores, (game, cost) = asked(model, x, [3, 8], rows=rows)
    for example, target in enumerate((3, 8)):
        torch.testing.assert_close(scores[example], plainly(model, x, example)[:, target], rtol=1e-5, atol=1e-6)
        assert game.full(example) == pytest.approx(float(model(x).detach()[example, target]), rel=1e-6)
    assert cost.samples == 2 + 2 * 3 and cost.forwards == 1 + 2 * {None: 1, 1: 3, 2: 2}[rows]


def test_a_function_of_the_output() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2)
    scores, _ = asked(model, x, lambda output: output[:, 1] - output[:, 4])
    expected = plainly(model, x, 1)
    torch.testing.assert_close(scores[1], expected[:, 1] - expected[:, 4], rtol=1e-5, atol=1e-6)


def test_the_predicted_class_is_that_of_the_clean_input() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2)
    predicted = model(x).argmax(1).tolist()
    scores, _ = asked(model, x, None)
    for example, target in enumerate(predicted):
        torch.testing.assert_close(scores[example], plainly(model, x, example)[:, target], rtol=1e-5, atol=1e-6)


def test_baselines_are_those_of_the_example() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2)
    scores, (game, _) = asked(model, x, 1, baselines="mean")
    means = x.mean((2, 3), keepdim=True).expand_as(x)
    torch.testing.assert_close(game.fill(1)["input"], means[1:])
    torch.testing.assert_close(scores[1][2], model(means)[1, 1].double().detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("baselines", "says"),
    [("grey", "no baseline is called"), ((0.0, 0.0), "2 baselines for 1"), (torch.zeros(7), "does not fit")],
)
def test_errors(baselines: Baselines, says: str) -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1)
    with pytest.raises(pl.BadSetting, match=says):
        asked(model, x, 1, baselines=baselines)
