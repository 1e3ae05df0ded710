"""Folds: only blocks that are alike and feed one another directly are one box."""

import torch
from torch import Tensor, nn

import pellucid as pl


def block(width: int = 4) -> nn.Sequential:
    """A linear layer and a rectifier."""
    return nn.Sequential(nn.Linear(width, width), nn.ReLU())


class Parallel(nn.Module):
    """The same blocks side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleList([block(), block(), block()])

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


class Between(nn.Module):
    """The same blocks with something of the parent's between them."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = block(), block()

    def forward(self, x: Tensor) -> Tensor:
        y = self.one(x)
        return self.two(y + y.mean(1, keepdim=True))


def folds(model: nn.Module) -> tuple[tuple[str, ...], ...]:
    return pl.flow_graph()(model.eval(), torch.randn(2, 4)).folds


def test_a_run_of_equal_blocks_is_folded() -> None:
    assert folds(nn.Sequential(block(), block(), block(), nn.Linear(4, 2))) == (("0", "1", "2"),)


def test_nested_runs_are_found_at_every_depth() -> None:
    inner = nn.Sequential(nn.Sequential(block(), block()), nn.Sequential(block(), block()))
    assert folds(inner) == (("0", "1"), ("0.0", "0.1"), ("1.0", "1.1"))


def test_blocks_of_another_shape_end_a_run() -> None:
    model = nn.Sequential(block(), block(), nn.Sequential(nn.Linear(4, 6), nn.ReLU()), block(6), block(6))
    assert folds(model) == (("0", "1"), ("3", "4"))


def test_what_lies_side_by_side_is_not_in_a_row() -> None:
    assert folds(Parallel()) == ()


def test_blocks_with_something_between_are_not_one() -> None:
    assert folds(Between()) == ()


def test_a_block_that_did_not_run_ends_nothing_up() -> None:
    model = Between()
    model.spare = block()
    assert folds(model) == ()
    assert pl.flow_graph()(model, torch.randn(2, 4)).facts["unread parameters"] == 20


def test_layers_without_children_are_not_folded() -> None:
    assert folds(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4))) == ()
