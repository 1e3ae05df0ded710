"""A norm is told from what it does; with its scale held it is linear, and is itself at its own input."""

import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.inputs.read import read
from pellucid.methods.decision._held_norm import held, readout_of
from pellucid.methods.decision._residual_stream import stream_of
from tests.engine.asking import see
from tests.methods.decision.streams import Scaled, speaker, tokens


def norm(width: int, dtype: torch.dtype) -> nn.Module:
    """A LayerNorm with a gain and a shift."""
    made = nn.LayerNorm(width).to(dtype)
    nn.init.normal_(made.weight, 1, 0.5)
    nn.init.normal_(made.bias)
    return made


class Behind(nn.Module):
    """The second axis and the last change places."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 3)


@pytest.mark.parametrize("width", [7, 8])
@pytest.mark.parametrize("made", [norm, lambda width, dtype: Scaled(width).to(dtype), lambda *_: nn.RMSNorm(_[0])])
@torch.no_grad()
def test_parts_sum_to_what_the_norm_gives(made: object, width: int) -> None:
    torch.manual_seed(0)
    one: nn.Module = made(width, torch.float64).double()  # type: ignore[operator]
    parts = torch.randn(3, 2, 5, width, dtype=torch.float64)
    entered = parts.sum(0)
    found = held({"norm": one}, "norm", entered, one(entered))
    total: Tensor = sum(found.of(part) for part in parts) + found.shift  # type: ignore[assignment]
    torch.testing.assert_close(total, one(entered), rtol=0, atol=1e-12)
    torch.testing.assert_close(found.of(2 * parts[0]), 2 * found.of(parts[0]), rtol=1e-12, atol=0)
    assert found.centred == isinstance(one, nn.LayerNorm)


@torch.no_grad()
def test_what_is_no_norm_is_refused() -> None:
    x = torch.randn(2, 3, 8, dtype=torch.float64)
    for one in (nn.Softmax(-1), nn.Tanh()):
        with pytest.raises(pl.NotApplicable, match="no norm of the form"):
            held({"norm": one}, "norm", x, one(x))


@torch.no_grad()
def test_a_norm_over_the_channels_of_a_map_is_refused() -> None:
    x = torch.randn(2, 8, 3, 3)
    for one in (nn.BatchNorm2d(8).eval(), nn.Sequential(Behind(), nn.LayerNorm(8), Behind())):
        with pytest.raises(pl.NotApplicable, match="no sequence of tokens"):
            held({"norm": one}, "norm", x, one(x))


def test_the_parts_of_a_readout() -> None:
    for model, cap, shifts in (
        (speaker(), False, True),
        (speaker(tied=True), False, False),
        (speaker(cap=2.0), True, True),
    ):
        seen = see(model, tokens(), graph=True)
        found = readout_of(stream_of(seen, read(tokens())))
        assert found.norm == "norm" and (found.cap is not None) == cap and found.shifts == shifts
        assert seen.trace.events[found.unembedding].path == "head"
