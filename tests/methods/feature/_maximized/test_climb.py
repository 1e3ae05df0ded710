import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.engine.looker import Looker
from pellucid.engine.planner import Planner
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.feature._maximized.canvas import canvases
from pellucid.methods.feature._maximized.climb import REDIRECTED, WINDOW, Climb, Climbed, _flat, climbed
from pellucid.ops.moved import Moves


def found_by(model: nn.Module, x: torch.Tensor, steps: int, *, moves: bool = False, prior: str = "fourier") -> Climbed:
    inputs, looker = Inputs((x,)), Looker(model)
    canvas = canvases(inputs, prior, size=None, steps_first=False)  # pyright: ignore[reportArgumentType]
    climb = Climb(inputs, canvas, Target(1), steps, Moves() if moves else None, 0)
    planner = Planner(looker, lambda view, x, target: climbed(climb), inputs)
    task = planner.add("view", inputs, None)
    planner.run()
    if task.error is not None:
        raise task.error
    assert isinstance(task.result, Climbed)
    return task.result


x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def net() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)).eval()


@pytest.mark.parametrize("prior", ["fourier", "pixels", "maco"])
@pytest.mark.parametrize("moves", [False, True])
def test_the_target_rises(prior: str, moves: bool) -> None:
    found = found_by(net(), x, 25, moves=moves, prior=prior)
    scores = torch.stack(found.scores)
    assert scores.shape == (25, 2) and (scores[-5:].mean(0) > scores[:3].mean(0)).all()
    assert found.steps.tolist() == [25, 25] and not found.silent.any()
    assert found.touched[0].shape == (2, 3, 8, 8) and float(found.touched[0].min()) >= 0


def test_a_blocked_gradient_is_led_past_rectifiers_only_where_all_is_blocked() -> None:
    """The first row is free and climbs as it does beside a free one; the second is led until it is free itself."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 1, bias=False), nn.ReLU(), nn.Linear(1, 2, bias=False)).eval()
    model[1].weight.data[:], model[3].weight.data[:] = 1.0, 1.0
    free, dead = torch.tensor([[0.5, 1.5, 1.0, 1.2]]), torch.tensor([[-1.2, -1.0, 0.6, 1.0]])
    both = found_by(model, torch.cat([free, dead])[..., None, None].reshape(2, 1, 2, 2), 60, prior="pixels")
    assert both.scores[0][1] == 0 and both.scores[-1][1] > 0 and not both.silent.any()
    alone = found_by(model, torch.cat([free, free]).reshape(2, 1, 2, 2), 60, prior="pixels")
    assert torch.allclose(both.parameters[0][0], alone.parameters[0][0])


def test_flat_is_a_gain_that_is_next_to_nothing_of_all() -> None:
    rising = torch.arange(3.0 * WINDOW, dtype=torch.float64)
    risen = rising.clamp(max=WINDOW)
    falling = -rising
    scores = list(torch.stack([rising, risen, falling], 1))
    assert _flat(scores).tolist() == [False, True, True]
    assert not _flat(scores[:-1]).any()


def test_a_network_that_takes_no_other_size_is_refused_by_name() -> None:
    from pellucid.methods.feature.activation_maximization import activation_maximization

    with pytest.raises(pl.BadSetting, match=r"size \(11, 11\)"):
        activation_maximization(size=11, n_steps=1)(net(), x)


def test_only_a_rectifier_that_blocks_a_whole_row_is_led_past_and_only_upwards() -> None:
    own = torch.tensor([[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    arrived = torch.tensor([[1.0, -1.0, 0.5], [3.0, 2.0, -1.0]])
    assert REDIRECTED.through is not None
    found = REDIRECTED.through(None, 0, arrived, own)  # pyright: ignore[reportArgumentType]
    assert found.tolist() == [[1.0, 0.0, 0.5], [0.0, 2.0, 0.0]]
