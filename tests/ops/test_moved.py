import pytest
import torch

from pellucid.ops.draws import generator
from pellucid.ops.moved import Moves, moved

STILL = Moves(shift=0.0, scale=(1.0, 1.0), angle=0.0)


def ramp(height: int = 9, width: int = 12) -> torch.Tensor:
    down, right = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([down, right]).double()[None]


def test_no_move_changes_nothing() -> None:
    assert torch.allclose(moved(ramp(), STILL, generator(0)), ramp(), atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_move_is_a_similarity_about_the_middle(seed: int) -> None:
    """Read off a picture that holds its own coordinates: lengths change by one factor, angles not at all."""
    value, moves = ramp(41, 61), Moves()
    where = moved(value, moves, generator(seed))[0, :, 15:26, 25:36]
    down, right = where.diff(dim=1).mean((1, 2)), where.diff(dim=2).mean((1, 2))
    assert float(down @ right) == pytest.approx(0, abs=1e-9)
    assert float(down.norm()) == pytest.approx(float(right.norm()))
    assert 1 / 1.1 - 1e-9 <= float(down.norm()) <= 1 / 0.9 + 1e-9
    assert abs(float(torch.rad2deg(torch.atan2(down[1], down[0])))) <= moves.angle + 1e-9
    away = where[:, 5, 5] - torch.tensor([20.0, 30.0])
    assert (away.abs() <= moves.shift * torch.tensor([41, 61]) + 1e-6).all()


def test_one_draw_moves_every_example_alike_and_another_otherwise() -> None:
    value = torch.cat([ramp(), ramp() * 2])
    one, again = moved(value, Moves(), generator(3)), moved(ramp(), Moves(), generator(3))
    assert torch.allclose(one[:1], again) and torch.allclose(one[1:], 2 * again)
    assert not torch.allclose(moved(ramp(), Moves(), generator(4)), again)


def test_gradients_flow_and_nothing_enters_from_outside() -> None:
    value = torch.ones(1, 1, 10, 10, requires_grad=True)
    out = moved(value, Moves(), generator(1))
    assert torch.allclose(out, torch.ones_like(out))
    (grad,) = torch.autograd.grad(out.sum(), value)
    assert float(grad.sum()) == pytest.approx(100, rel=1e-5)


def test_series_and_volumes_are_shifted_around_and_features_stay() -> None:
    series = torch.arange(40.0).reshape(1, 2, 20)
    shifted = moved(series, Moves(shift=0.4), generator(2))
    assert not torch.equal(shifted, series) and torch.equal(shifted.sort(-1).values, series)
    volume = torch.arange(120.0).reshape(1, 1, 4, 5, 6)
    assert torch.equal(moved(volume, Moves(shift=0.4), generator(2)).flatten().sort().values, volume.flatten())
    assert torch.equal(moved(torch.ones(2, 5), Moves(), generator(0)), torch.ones(2, 5))
