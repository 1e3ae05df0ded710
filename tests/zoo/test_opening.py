from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.zoo.opening import stated_inputs


def test_random_weights_are_told_with_every_result() -> None:
    lens = pl.open("torchvision:squeezenet1_1")
    result = lens.see(torch.zeros(1, 3, 64, 64), pl.weights())[0]
    assert lens.name == "squeezenet1_1"
    assert any("random weights" in note.en and note.zh for note in result.notes)


def test_own_class_with_weights_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Linear):\n    def __init__(self):\n        super().__init__(3, 2)\n"
    )
    trained = nn.Linear(3, 2)
    torch.save(trained.state_dict(), tmp_path / "model.pth")
    lens = pl.open(f"{tmp_path}/nets.py:Net", weights=tmp_path / "model.pth", labels=["cat", "dog"])
    x = torch.randn(1, 3)
    assert torch.equal(lens.model(x), trained(x))
    result = pl.saliency()(lens, x, target="dog")
    assert result.targets[0].label == "dog"
    labels = ["cat", "dog"]
    assert eval(result.code, {"pl": pl, "x": x, "labels": labels}) == result


def test_unknown_model_names_the_nearest() -> None:
    with pytest.raises(pl.BadSetting) as caught:
        pl.open("torchvision:resnet19")
    assert "resnet18" in str(caught.value)


def test_a_path_is_as_good_as_its_name(tmp_path: Path) -> None:
    torch.save(nn.Linear(3, 2).state_dict(), tmp_path / "a.pth")
    assert pl.open(tmp_path / "a.pth").said == f"pl.open('{tmp_path}/a.pth')"


@pytest.mark.parametrize(
    ("spec", "how", "words"),
    [
        (None, {}, "this is NoneType"),
        (nn.Linear(1, 1), {}, r"(?s)this is Linear.*pl\.Lens\(model\)"),
        ("demo", {"wieghts": "a.pth"}, r"(?s)no setting 'wieghts'.*'weights'"),
        ("demo", {"weights": {}}, r"(?s)this is dict.*load_state_dict"),
    ],
)
def test_other_kinds_of_arguments_are_named(spec: Any, how: dict[str, Any], words: str) -> None:
    with pytest.raises(pl.BadSetting, match=words):
        pl.open(spec, **how)


def test_the_line_that_opens_it_again_names_what_was_trusted(tmp_path: Path) -> None:
    torch.save(nn.Sequential(nn.Linear(3, 2)), tmp_path / "a.pt")
    lens = pl.open(f"{tmp_path}/a.pt", unsafe_pickle=True)
    assert lens.said == f"pl.open('{tmp_path}/a.pt', unsafe_pickle=True)"
    assert torch.equal(eval(lens.said, {"pl": pl}).model[0].weight, lens.model[0].weight)


def test_inputs_are_known_where_the_source_states_them(tmp_path: Path) -> None:
    assert stated_inputs(pl.open("torchvision:squeezenet1_1"))[0].words == "?x3x224x224"
    assert stated_inputs(pl.Lens(nn.Linear(2, 2))) == ()
