"""Gradient flow: norms by layer, and words that are said only where they are true."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from tests.networks import NETWORKS, known
from tests.oracle import naive

ACTIVATION, WEIGHT, RATIO = "‖∂L/∂a‖", "‖∂L/∂W‖", "‖∂L/∂W‖ / ‖W‖"


def stack(scale: float, depth: int = 6) -> pl.Lens:
    return pl.Lens(known.orthogonal_stack(scale, depth))


@pytest.mark.parametrize(
    ("scale", "depth", "verdict"),
    [
        (1.0, 6, "steady"),
        (0.7, 6, "steady"),
        (0.5, 6, "falling"),
        (2.0, 6, "rising"),
        (0.2, 6, "vanishing"),
        (6.0, 6, "exploding"),
        (0.5, 12, "vanishing"),
    ],
)
def test_the_verdict_on_layers_that_scale_by_a_factor(scale: float, depth: int, verdict: str) -> None:
    x = torch.randn(2, 8, dtype=torch.float64)
    result = stack(scale, depth).see(x, pl.gradient_flow(), target=[1, 5])[0]
    assert result.facts["verdict"] == verdict
    assert result.facts["slope per layer"] == pytest.approx(scale, rel=1e-8)
    beyond = [i for i in range(depth) if not 1e-3 <= scale ** (depth - 1 - i) <= 1e3]
    assert sorted(result.marks) == beyond
    at = f" at {len(result.marks)} of {depth} layers" if result.marks else ""
    assert result.notes[0].en == f"On its way back the gradient is {verdict}{at} (× {scale:.3g} per layer)."
    said = result.describe("en")
    assert ("vanish" in said) is (verdict == "vanishing") and ("explod" in said) is (verdict == "exploding")
    assert ("消失" in result.describe("zh")) is (verdict == "vanishing")


def test_sigmoids_lose_a_quarter_of_the_weight_each() -> None:
    flow = pl.gradient_flow()(known.sigmoid_stack(1.0, depth=5), torch.zeros(1, 4, dtype=torch.float64), target=2)
    assert flow.labels == ("0", "2", "4", "6", "8")
    assert flow.facts["slope per layer"] == pytest.approx(0.25)
    assert flow.facts["verdict"] == "falling"
    steady = pl.gradient_flow()(known.sigmoid_stack(4.0, depth=5), torch.zeros(1, 4, dtype=torch.float64), target=2)
    assert steady.facts["verdict"] == "steady" and not steady.marks


def test_a_skip_connection_keeps_the_gradient() -> None:
    class Skips(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = known.orthogonal_stack(0.01, 5)

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.inner:
                x = x + layer(x)
            return x

    x = torch.randn(2, 8, dtype=torch.float64)
    assert pl.gradient_flow()(Skips().eval(), x, target=1).facts["verdict"] == "steady"


def test_layers_behind_dead_units_are_zero() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3)).eval()
    with torch.no_grad():
        model[0].bias.fill_(-100.0)
    result = pl.gradient_flow()(model, torch.randn(2, 4), target=1)
    assert result.curves[ACTIVATION][0] == 0 and result.curves[ACTIVATION][1] > 0
    assert result.facts["verdict"] == "vanishing" and result.marks[0].en == "zero: vanished"


def test_a_loss_without_gradient_is_zero_not_steady() -> None:
    network = NETWORKS["rows"]
    result = pl.gradient_flow(loss=lambda output, _: (output * 0).sum(1))(network.build(), network.x(2), target=1)
    assert result.facts["verdict"] == "zero" and len(result.marks) == 3
    assert "zero" in result.describe("en") and "零" in result.describe("zh")
    assert result.notes[0].en.endswith("is zero.") and result.notes[0].zh.endswith("处处为零。")


def test_what_is_not_finite_is_named_and_nothing_else_is() -> None:
    network = NETWORKS["rows"]
    result = pl.gradient_flow(loss=lambda output, _: output.sum(1) * float("inf"))(
        network.build(), network.x(2), target=1
    )
    assert result.facts["verdict"] == "not finite" and {words.en for words in result.marks.values()} == {"not finite"}


def test_weights_and_their_ratio() -> None:
    network = NETWORKS["frozen"]
    model, x, label = network.build(), network.x(3), [1, 2, 3]
    result = pl.gradient_flow()(model, x, target=label)
    moved = naive.gradient_maps(model, x, label)
    norms = [float(moved[f"{name}.weight"].double().norm()) for name in ("0", "2", "6")]
    sizes = [float(model.get_parameter(f"{name}.weight").double().norm()) for name in ("0", "2", "6")]
    np.testing.assert_allclose(result.curves[WEIGHT], norms, rtol=1e-5)
    np.testing.assert_allclose(result.curves[RATIO], np.divide(norms, sizes), rtol=1e-5)
    assert result.log and result.axes == ("curve", "position")


def test_a_module_called_twice_has_two_positions_and_one_weight_gradient() -> None:
    network = NETWORKS["called_twice"]
    result = pl.gradient_flow()(network.build(), network.x(2), target=1)
    assert result.labels == ("stem", "block#0", "block#1", "fc")
    assert result.curves[WEIGHT][1] == result.curves[WEIGHT][2]
    assert result.curves[ACTIVATION][1] != result.curves[ACTIVATION][2]


@pytest.mark.parametrize(
    ("network", "labels"),
    [
        ("functional", ("/conv2d.0", "/matmul.0")),
        ("causal_lm", ("embed", "qkv", "out", "mlp.0", "mlp.2", "head")),
        ("lstm", ("lstm", "fc")),
    ],
)
def test_networks_whose_weights_lie_elsewhere(network: str, labels: tuple[str, ...]) -> None:
    zoo = NETWORKS[network]
    result = pl.gradient_flow()(zoo.build(), zoo.x(2), target=1)
    assert result.labels == labels or result.labels == labels[:1]
    assert np.isfinite(result.curves[ACTIVATION]).all()


def test_chosen_layers() -> None:
    network = NETWORKS["article_net"]
    result = pl.gradient_flow(layer=("conv*", "fc3"))(network.build(), network.x(1), target=1)
    assert result.labels == ("conv1", "conv2", "fc3")


def test_without_classes_a_loss_is_needed() -> None:
    with pytest.raises(pl.NotApplicable, match="loss="):
        pl.gradient_flow()(NETWORKS["regression"].build(), NETWORKS["regression"].x(1))
