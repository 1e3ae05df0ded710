"""Weights against another checkpoint, in whatever form it is given."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from tests.networks import NETWORKS


@pytest.fixture
def pair() -> tuple[Any, Any]:
    """A network now and before."""
    model = NETWORKS["article_net"].build()
    before = copy.deepcopy(model)
    with torch.no_grad():
        model.conv1.weight += 0.1 * torch.randn(model.conv1.weight.shape, generator=torch.Generator().manual_seed(0))
        model.fc3.weight *= 1.5
    return model, before


def _forms(before: nn.Module, folder: Path) -> dict[str, Any]:
    state = before.state_dict()
    torch.save(state, folder / "before.pth")
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{name}": one for name, one in state.items()}}, folder / "wrapped.pth"
    )
    return {
        "model": before,
        "lens": pl.Lens(before),
        "state": state,
        "compiled": {f"_orig_mod.{name}": one for name, one in state.items()},
        "path": folder / "before.pth",
        "text": str(folder / "wrapped.pth"),
    }


@pytest.mark.parametrize("form", ["model", "lens", "state", "compiled", "path", "text"])
def test_the_change_is_now_less_before(pair: tuple[Any, Any], tmp_path: Path, form: str) -> None:
    model, before = pair
    found = pl.weights(against=_forms(before, tmp_path)[form])(model)
    now, then = (one.conv1.weight.detach().numpy() for one in pair)
    np.testing.assert_allclose(found.values, now - then, atol=1e-7)
    length = float(np.linalg.norm(now.astype(np.float64) - then))
    assert found.facts["change"] == pytest.approx(length, rel=1e-5)
    assert found.facts["relative change"] == pytest.approx(length / np.linalg.norm(then.astype(np.float64)), rel=1e-5)
    assert len(found.images) == 18 and [str(one) for one in dict.fromkeys(found.groups)] == ["now", "before", "change"]


def test_where_the_others_lay_is_not_told_of_the_model(pair: tuple[Any, Any], tmp_path: Path) -> None:
    model, before = pair
    notes = pl.weights(against=_forms(before, tmp_path)["text"])(model).notes
    assert [one.en for one in notes if "state_dict" in one.en] == [
        "Of the other checkpoint: The weights are those under 'state_dict' of the file."
    ]


def test_now_before_and_change_share_one_scale(pair: tuple[Any, Any]) -> None:
    model, before = pair
    found = pl.weights(against=before)(model)
    limit = max(np.abs(one.conv1.weight.detach().numpy()).max() for one in pair)
    change = (found.images[14] - 0.5) * 2 * limit
    np.testing.assert_allclose(change.transpose(2, 0, 1), found.values[2], atol=1e-6)


def test_all_three_show_the_same_channel(pair: tuple[Any, Any]) -> None:
    model, before = pair
    with torch.no_grad():
        before.conv2.weight[:, 0] += 3 * before.conv2.weight.abs().max()
    found = pl.weights(layer="conv2", against=before)(model)
    captions = [str(one) for one in found.captions]
    assert captions[:16] == captions[16:32] == captions[32:]
    np.testing.assert_allclose(found.images[0] - found.images[16], found.images[32], atol=1e-6)


def test_nothing_changed_is_zero(pair: tuple[Any, Any]) -> None:
    model, _ = pair
    *_, table = pl.weights(layer="every weight", against=model.state_dict())(model)
    assert all(row["change"] == 0 == row["relative change"] for row in table.rows)
    assert all(row["cosine"] == pytest.approx(1) for row in table.rows)


def test_the_table_says_which_layers_changed(pair: tuple[Any, Any]) -> None:
    model, before = pair
    *_, table = pl.weights(layer="every weight", against=before)(model)
    relative = {row["layer"]: row["relative change"] for row in table.rows}
    assert relative["fc3"] == pytest.approx(0.5) and relative["fc1"] == 0 and relative["conv1"] > 0.1


def test_histograms_of_both_share_their_bins(pair: tuple[Any, Any]) -> None:
    model, before = pair
    _, counts = pl.weights(layer="fc3", bins=9, against=before)(model)
    assert set(counts.curves) == {"now", "before"}
    assert all(curve.sum() == model.fc3.weight.numel() for curve in counts.curves.values())


def test_what_is_lacking_is_told(pair: tuple[Any, Any]) -> None:
    model, before = pair
    state = {name: one for name, one in before.state_dict().items() if not name.startswith("fc1")}
    state["fc2.weight"] = torch.zeros(3, 3)
    *_, table = pl.weights(layer="every weight", against=state)(model)
    (note,) = (one for one in table.notes if "other checkpoint" in one.en)
    assert "fc1:weight, fc2:weight" in note.en and "fc1:weight" in note.zh
    assert table.rows[2]["change"] is None


def test_parametrised_weights_are_compared_as_they_act() -> None:
    model, before = NETWORKS["parametrized"].build(), NETWORKS["parametrized"].build()
    assert pl.weights(layer="0", against=before)(model).facts["change"] == 0


def test_errors(pair: tuple[Any, Any], tmp_path: Path) -> None:
    model, _ = pair
    with pytest.raises(pl.BadSetting, match="no checkpoint"):
        pl.weights(against=3)(model)
    with pytest.raises(pl.BadWeights, match="none of these weights"):
        pl.weights(against={"other.weight": torch.zeros(2, 2)})(model)
    with pytest.raises(pl.BadWeights):
        pl.weights(against=tmp_path / "missing.pth")(model)
