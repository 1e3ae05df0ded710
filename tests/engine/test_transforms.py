import torch
from torch import Tensor

from pellucid.engine.transforms import beneath, unwrapped


def test_beneath_the_wrappers_lie_the_numbers_of_every_row() -> None:
    x = torch.arange(6.0).reshape(2, 3)
    shapes: list[tuple[int, ...]] = []

    def row(one: Tensor) -> Tensor:
        shapes.extend([tuple(one.shape), tuple(unwrapped(one).shape)])
        assert unwrapped(one) is x and beneath(lambda bare, more: bare is more[0], one, [one])
        assert beneath(lambda bare: float(bare.sum()), one) == 15
        return one * 2

    assert torch.equal(torch.func.vmap(row)(x), x * 2) and shapes == [(3,), (2, 3)]


def test_without_wrappers_the_call_is_the_call() -> None:
    x = torch.zeros(2)
    assert unwrapped(x) is x and beneath(lambda one: one, x) is x


def test_of_nested_transforms_all_wrappers_are_taken_off() -> None:
    found: list[Tensor] = []
    x = torch.ones(2, 3)

    def one(number: Tensor) -> Tensor:
        found.append(unwrapped(number))
        return number * 2

    torch.func.vmap(torch.func.vmap(one))(x)
    assert found[0].shape == (2, 3) and torch.equal(found[0], x)
