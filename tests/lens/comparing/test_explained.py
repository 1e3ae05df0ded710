"""The explained output of models that return more than that."""

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.lens.comparing.explained import explaining, is_part, selected


class Both(nn.Module):
    """Logits behind something else."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.a, self.b, self.drop = nn.Linear(4, 5), nn.Linear(4, 3), nn.Dropout().eval()

    def forward(self, x: Tensor, scale: float = 1.0) -> dict[str, Tensor]:
        return {"hidden": self.drop(self.a(x)), "logits": scale * self.b(x)}


X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


def first_two(output: dict[str, Tensor]) -> Tensor:
    return output["logits"][:, :2]


@pytest.mark.parametrize("output", [None, "logits", "hidden", first_two])
@pytest.mark.parametrize("way", ["x", "data"])
def test_what_is_compared_is_what_is_explained(output: Any, way: str):
    one, two = Both().eval(), Both(1).eval()
    a, b = (
        (first_two(model(X)) if callable(output) else model(X)[output or "logits"]).detach() for model in (one, two)
    )
    found = pl.compare(pl.Lens(one, output=output), pl.Lens(two, output=output), findings=False, views=[], **{way: X})
    row = found["outputs"].rows[0]
    assert row["numbers"] == a.shape[1] and row["size"] == pytest.approx(float((b - a).norm() / a.norm()), rel=1e-5)
    parted = int((a.argmax(1) != b.argmax(1)).sum())
    assert f"part on {parted}" in found.describe()
    assert set(found["alignment"].rows) == {"a", "b"}


def test_the_model_stays_as_it_is_and_is_called_in_the_same_way():
    model = Both()
    looked = explaining(pl.Lens(model, output="hidden"))
    assert is_part(looked) and not is_part(pl.Lens(model)) and selected(pl.Lens(model, output="hidden")) == "hidden"
    assert model.training and not model.drop.training
    assert list(inspect.signature(looked.model.forward).parameters) == ["x", "scale"]
    assert torch.equal(looked.model(X, scale=2.0), model(X)["hidden"])
