import hashlib
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file, save_file

from pellucid.core.errors import BadSetting, BadWeights
from pellucid.inputs.preprocess import Preprocess
from pellucid.zoo.libraries import open_torchvision
from pellucid.zoo.open import open_model


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError("there is no network")

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
    with pytest.raises(BadSetting, match="timm has no model 'qqq'") as caught:
        open_model("timm:qqq")
    assert not caught.value.nearest and "timm.list_models()" in caught.value.hint
    with pytest.raises(BadSetting, match=r"timm cannot build 'resnet18\.nothing'"):
        open_model("timm:resnet18.nothing")


def as_in_the_hub(spec: str, folder: Path) -> str:
    """The address of a file of the model's weights, whose name holds its hash as torch's hub has it."""
    torch.manual_seed(7)
    state = {
        name: torch.rand_like(one) if one.is_floating_point() else one
        for name, one in open_model(spec).model.state_dict().items()
    }
    torch.save(state, folder / "a.pth")
    digest = hashlib.sha256((folder / "a.pth").read_bytes()).hexdigest()[:8]
    return (folder / "a.pth").rename(folder / f"net-{digest}.pth").as_uri()


@pytest.mark.parametrize(
    "how", ["torchvision:squeezenet1_1:DEFAULT", "torchvision:squeezenet1_1:IMAGENET1K_V1", "weights"]
)
def test_torchvisions_own_weights_are_fetched(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By torchvision's own way, out of a folder that stands for its hub."""
    url = as_in_the_hub("torchvision:squeezenet1_1", tmp_path)
    weights = torchvision.models.SqueezeNet1_1_Weights.DEFAULT
    monkeypatch.setattr(weights.value, "url", url)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    opened = open_model("torchvision:squeezenet1_1", "DEFAULT") if how == "weights" else open_model(how)
    expected = torch.load(tmp_path / Path(url).name)
    assert all(torch.equal(one, expected[name]) for name, one in opened.model.state_dict().items())
    assert opened.labels[281] == "tabby" and opened.preprocess.size == 224
    assert "SqueezeNet1_1_Weights.IMAGENET1K_V1" in opened.notes[0].en and not opened.model.training


def test_timms_own_weights_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By timm's own way, which ends in one call for the file of its hub."""
    file = tmp_path / "model.safetensors"
    torch.manual_seed(7)
    save_file(
        {
            name: torch.rand_like(one) if one.is_floating_point() else one
            for name, one in open_model("timm:resnet10t").model.state_dict().items()
        },
        file,
    )
    asked: list[str] = []

    def fetched(repo_id: str, filename: str, **_: object) -> str:
        asked.append(f"{repo_id}/{filename}")
        return str(file)

    monkeypatch.setattr("timm.models._hub.hf_hub_download", fetched)
    for spec, weights in (
        ("timm:resnet10t", "pretrained"),
        ("timm:resnet10t:pretrained", None),
        ("timm:resnet10t:c3_in1k", None),
    ):
        opened = open_model(spec, weights)
        expected = load_file(file)
        assert all(torch.equal(one, expected[name]) for name, one in opened.model.state_dict().items())
        assert opened.labels[281].startswith("tabby") and opened.preprocess.invertible
    assert asked and all(one.startswith("timm/resnet10t.c3_in1k/model.safetensors") for one in asked)


@pytest.mark.parametrize("spec", ["torchvision:squeezenet1_1:DEFAULT", "timm:resnet10t:pretrained"])
def test_offline_one_sentence_says_what_to_do(spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BadWeights, match="cannot be fetched") as caught:
        open_model(spec)
    assert "on a machine with a network" in caught.value.hint and "weights=" in caught.value.hint
    assert "\n" not in caught.value.what and caught.value.__cause__ is not None


def test_weights_that_the_library_does_not_have() -> None:
    with pytest.raises(BadSetting, match="no weights 'IMAGENET' for 'squeezenet1_1'") as caught:
        open_model("torchvision:squeezenet1_1:IMAGENET")
    assert "'torchvision:squeezenet1_1:IMAGENET1K_V1'" in caught.value.nearest
    with pytest.raises(BadSetting, match="names weights of the library"):
        open_model("torchvision:squeezenet1_1:DEFAULT", "a.pth")
    with pytest.raises(BadSetting, match=r"timm cannot build 'resnet10t\.nothing'") as caught:
        open_model("timm:resnet10t:nothing")
    assert "resnet10t.c3_in1k" in caught.value.nearest


def test_inception_reads_its_input_as_its_own_weights_expect() -> None:
    trained = open_torchvision("googlenet", trained=True)
    assert trained.model.transform_input and trained.inputs[0].words == "?x3x224x224"
    assert not open_torchvision("googlenet", trained=False).model.transform_input
