import pytest
import torch
from torch import nn

from pellucid.core.errors import BadWeights
from pellucid.inputs.checkpoints.wrapping import chosen, told, weight_sets

NET = nn.Linear(2, 3)
STATE = NET.state_dict()


def keys(content: object) -> list[str]:
    return list(weight_sets(content, "a.pth"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (STATE, [""]),
        ({"state_dict": STATE, "epoch": 1}, ["state_dict"]),
        ({"model": {"state_dict": STATE}}, ["model.state_dict"]),
        ({"lr": torch.ones(1), "model": STATE}, ["model"]),
        ({"other": STATE, "ema": STATE, "model": STATE}, ["model", "ema", "other"]),
        ({"generator": STATE, "discriminator": STATE}, ["generator", "discriminator"]),
        ({"model": STATE, "optimizer": {"state": STATE}, "lr_schedulers": STATE}, ["model"]),
        ({"net": NET}, ["net"]),
        (NET, [""]),
    ],
)
def test_sets_are_found_likely_ones_first(content: object, expected: list[str]) -> None:
    assert keys(content) == expected


@pytest.mark.parametrize("content", [[1], {"epoch": 3}, {}, {"optimizer": STATE}, torch.zeros(3)])
def test_files_without_weights(content: object) -> None:
    with pytest.raises(BadWeights, match="holds"):
        keys(content)


def test_numbers_that_claim_more_than_is_stored() -> None:
    with pytest.raises(BadWeights, match=r"'a' claims \(9, 9\)"):
        keys({"a": torch.zeros(1).expand(9, 9)})
    assert keys({"a": torch.zeros(9, 9, device="meta")}) == [""]


def test_sets_in_a_list_go_by_their_places() -> None:
    assert keys([STATE, 3]) == ["0"] and keys(({"model": STATE}, {"lr": 1})) == ["0.model"]


def test_the_packed_weights_of_a_quantised_layer_are_not_lost() -> None:
    whole = torch.ones(2, 3)
    packed = {"0.scale": torch.ones(()), "0._packed_params.dtype": torch.qint8}
    packed["0._packed_params._packed_params"] = (whole, None)
    assert list(weight_sets(packed, "a.pth")[""]) == ["0.scale", "0._packed_params._packed_params.0"]


def test_a_key_names_one_set() -> None:
    sets = weight_sets({"model": STATE, "ema": STATE}, "a.pth")
    assert list(chosen(sets, "", "a.pth")) == ["model", "ema"] and list(chosen(sets, "ema", "a.pth")) == ["ema"]
    with pytest.raises(BadWeights, match="no weights under 'emb'") as caught:
        chosen(sets, "emb", "a.pth")
    assert "'a.pth#ema'" in caught.value.nearest


def test_what_was_not_used_is_told() -> None:
    assert told("", {"": STATE}) == ()
    assert told("a", {"a": STATE})[0].en == "The weights are those under 'a' of the file."
    assert told("a", {"a": STATE, "b": STATE})[0].en.endswith("'b' beside it was not used.")
    assert "'b'" in told("", {"": STATE, "b": STATE})[0].zh
