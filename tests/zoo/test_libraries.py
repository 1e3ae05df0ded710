import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pellucid.core.errors import BadSetting
from pellucid.inputs.preprocess import Preprocess
from pellucid.zoo.open import open_model


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a model was opened over the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


@pytest.mark.parametrize("spec", ["torchvision:squeezenet1_1", "timm:resnet10t"])
def test_random_weights_are_told_and_the_same_each_time(spec: str) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second = open_model(spec), open_model(spec)
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(a, b) for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True))
    assert "random weights" in first.notes[0].en and "随机权重" in first.notes[0].zh and first.labels is None


@pytest.mark.parametrize("spec", ["torchvision:squeezenet1_1", "timm:resnet10t"])
def test_with_weights_preprocessing_and_labels_are_the_librarys(spec: str, tmp_path: Path) -> None:
    torch.save(open_model(spec).model.state_dict(), tmp_path / "a.pth")
    opened = open_model(spec, tmp_path / "a.pth")
    assert len(opened.labels) == 1000 and opened.labels[281].startswith("tabby")
    assert opened.preprocess.mean == (0.485, 0.456, 0.406) and opened.preprocess.invertible
    assert "library states" in opened.notes[0].en and len(opened.notes) == 1


def test_segmentation_builds_without_fetching_its_backbone() -> None:
    opened = open_model("torchvision:lraspp_mobilenet_v3_large")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8))
    x = opened.preprocess(picture)
    assert x.shape == (1, 3, 520, 693) and isinstance(opened.preprocess, Preprocess)
    seen = np.asarray(picture.resize((693, 520), Image.Resampling.BILINEAR)) / 255
    assert opened.preprocess.invertible and np.abs(opened.preprocess.inverse(x)[0] - seen).max() < 1e-6


def test_unknown_names_tell_the_nearest() -> None:
    for library in ("torchvision", "timm"):
        with pytest.raises(BadSetting, match=f"{library} has no model 'resnt18'") as caught:
            open_model(f"{library}:resnt18")
        assert f"'{library}:resnet18'" in caught.value.nearest
    with pytest.raises(BadSetting, match=r"timm cannot build 'resnet18\.nothing'"):
        open_model("timm:resnet18.nothing")
