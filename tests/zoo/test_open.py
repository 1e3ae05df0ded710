import io
import json
import os
import pickle
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pellucid.core.errors import BadRequest, BadSetting, BadWeights
from pellucid.zoo.open import open_model

CODE = """
from torch import nn
class Net(nn.Module):
    def __init__(self, classes=5):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.fc = nn.Linear(64, classes)
    def forward(self, x):
        x = nn.functional.max_pool2d(self.bn(self.conv1(x)).relu(), 2)
        return self.fc(x.flatten(1))
"""
X = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
SCRIPTING = pytest.mark.filterwarnings("ignore:.*torch.jit", "ignore:.*legacy TorchScript", "ignore:.*will be removed")


@pytest.fixture
def net(tmp_path: Path) -> nn.Module:
    """The network of `nets.py` with weights and batch statistics of its own."""
    (tmp_path / "nets.py").write_text(CODE)
    model = open_model(f"{tmp_path}/nets.py:Net").model.train()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(parameter.numel()))
    model(X)
    return model.eval()


def prefixed(net: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in net.state_dict().items()}


def shards(net: nn.Module, folder: Path) -> Path:
    first = {name: value for name, value in net.state_dict().items() if name.startswith("fc")}
    rest = {name: value for name, value in net.state_dict().items() if name not in first}
    save_file(first, folder / "a.safetensors")
    torch.save(rest, folder / "b.bin")
    named = dict.fromkeys(first, "a.safetensors") | dict.fromkeys(rest, "b.bin")
    (folder / "model.index.json").write_text(json.dumps({"weight_map": named}))
    return folder / "model.index.json"


def saved(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def exported(net: nn.Module, folder: Path) -> Path:
    batch = torch.export.Dim("batch")
    torch.export.save(torch.export.export(net, (X,), dynamic_shapes=({0: batch},)), folder / "a.pt2")
    return folder / "a.pt2"


def scripted(net: nn.Module, folder: Path) -> Path:
    torch.jit.save(torch.jit.script(net), folder / "a.pt")
    return folder / "a.pt"


def in_onnx(net: nn.Module, folder: Path) -> Path:
    torch.onnx.export(net, (X,), folder / "a.onnx", dynamo=False, dynamic_axes={"x": {0: "n"}}, input_names=["x"])
    return folder / "a.onnx"


STATE_DICTS: dict[str, Callable[[nn.Module, Path], Path]] = {
    "plain": lambda net, folder: saved(net.state_dict(), folder / "a.pth"),
    "nested": lambda net, folder: saved(
        {"epoch": 3, "state_dict": net.state_dict(), "optimizer": {"a": X}}, folder / "a"
    ),
    "module.": lambda net, folder: saved(prefixed(net, "module."), folder / "a.pth"),
    "_orig_mod.": lambda net, folder: saved(prefixed(net, "_orig_mod."), folder / "a.pth"),
    "both": lambda net, folder: saved(prefixed(net, "module._orig_mod."), folder / "a.pth"),
    "lightning": lambda net, folder: saved(
        {"pytorch-lightning_version": "2", "state_dict": prefixed(net, "net."), "loops": {}}, folder / "a.ckpt"
    ),
    "safetensors": lambda net, folder: (
        save_file(net.state_dict(), folder / "a.safetensors") or folder / "a.safetensors"
    ),
    "shards": shards,
}
WHOLE: dict[str, Callable[[nn.Module, Path], Path]] = {"onnx": in_onnx, "exported": exported, "script": scripted}


@SCRIPTING
@pytest.mark.parametrize("form", [*STATE_DICTS, *WHOLE])
def test_every_form_of_the_same_weights_gives_the_same_logits(net: nn.Module, tmp_path: Path, form: str) -> None:
    if form in WHOLE:
        opened = open_model(str(WHOLE[form](net, tmp_path)), trust=form != "onnx")
    else:
        opened = open_model(f"{tmp_path}/nets.py:Net", STATE_DICTS[form](net, tmp_path))
    with torch.no_grad():
        assert torch.allclose(opened.model(X), net(X), atol=1e-4)
    assert not any(module.training for module in opened.model.modules())


@pytest.mark.parametrize(
    ("spec", "near"),
    [
        ("resnet18", "'torchvision:resnet18', 'timm:resnet18'"),
        ("nets.py", "'nets.py:Net'"),
        ("nets.py:", "'nets.py:Net'"),
        (":Net", ""),
        ("", ""),
    ],
)
def test_what_names_no_model(spec: str, near: str) -> None:
    with pytest.raises(BadSetting, match="does not name a model") as caught:
        open_model(spec)
    assert near in caught.value.nearest and "file.py:Class" in caught.value.hint


def test_a_file_that_is_called_nearly_so_is_named(net: nn.Module, tmp_path: Path) -> None:
    saved(net.state_dict(), tmp_path / "weights.pth")
    for name, file in (("weights.pht", "weights.pth"), ("weihgts.pth", "weights.pth")):
        with pytest.raises(BadRequest) as caught:
            open_model(f"{tmp_path}/{name}")
        assert file in caught.value.nearest


def test_a_library_without_a_name() -> None:
    for spec, words in (("torchvision:", "torchvision:resnet18"), ("timm:", "timm:resnet18"), ("hf:", "hf:DIR")):
        with pytest.raises(BadSetting, match="does not say which model") as caught:
            open_model(spec)
        assert words in caught.value.hint


@pytest.mark.parametrize(("weights", "words"), [("", "is empty"), ("DEFAULT", "no weights of its own")])
def test_weights_that_name_no_file(weights: str, words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        open_model("torch.nn:Linear(in_features=1, out_features=1)", weights)


def test_a_folder_with_a_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BadSetting, match="is a folder") as caught:
        open_model(str(tmp_path))
    assert f"hf:{tmp_path}" in caught.value.nearest


def test_weights_are_loaded_and_told(net: nn.Module, tmp_path: Path) -> None:
    file = saved({"state_dict": net.state_dict()}, tmp_path / "model.pth")
    opened = open_model(f"{tmp_path}/nets.py:Net(classes=5)", file)
    assert torch.equal(opened.model.fc.weight, net.fc.weight) and opened.name == "Net"
    assert [str(tmp_path / "nets.py") in opened.notes[0].en, "'state_dict'" in opened.notes[1].en] == [True, True]
    with pytest.raises(BadWeights, match="no file"):
        open_model(f"{tmp_path}/nets.py:Net", tmp_path / "none.pth")
    with pytest.raises(BadWeights, match="2 of another shape"):
        open_model(f"{tmp_path}/nets.py:Net(classes=7)", file)


def test_of_several_sets_one_may_be_named(net: nn.Module, tmp_path: Path) -> None:
    zero = {name: value * 0 for name, value in net.state_dict().items()}
    file = saved({"model": net.state_dict(), "shadow": zero}, tmp_path / "a.pth")
    assert float(open_model(f"{tmp_path}/nets.py:Net", f"{file}#shadow").model.fc.bias.detach().abs().sum()) == 0
    with pytest.raises(BadWeights, match="no weights under 'shadwo'") as caught:
        open_model(f"{tmp_path}/nets.py:Net", f"{file}#shadwo")
    assert "#shadow'" in caught.value.nearest


def test_weights_alone_and_whole_models_take_no_weights(net: nn.Module, tmp_path: Path) -> None:
    file = saved(net.state_dict(), tmp_path / "a.pth")
    opened = open_model(str(file))
    assert "weights alone" in opened.notes[0].en
    assert torch.equal(opened.model.get_parameter("fc.weight"), net.fc.weight)
    for spec in (str(file), "demo", f"hf:{tmp_path}"):
        with pytest.raises(BadSetting, match="brings its own weights"):
            open_model(spec, file)


class Payload:
    """Unpickling it makes a file."""

    canary = Path()

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {Payload.canary}",)


def pickled(net: nn.Module, folder: Path) -> Path:
    return saved({"state_dict": net.state_dict(), "more": Payload()}, folder / "a.pth")


def legacy(net: nn.Module, folder: Path) -> Path:
    torch.save({"a": Payload()}, folder / "a.pth", _use_new_zipfile_serialization=False)
    return folder / "a.pth"


def whole(net: nn.Module, folder: Path) -> Path:
    model = nn.Sequential(nn.Linear(2, 2))
    model.more = Payload()
    return saved(model, folder / "a.pt")


def crafted_program(net: nn.Module, folder: Path) -> Path:
    """A program whose weight is a pickle: what torch unpickles without asking."""
    old = zipfile.ZipFile(io.BytesIO(exported(net, folder).read_bytes()))
    bomb = io.BytesIO()
    torch.save(Payload(), bomb)
    with zipfile.ZipFile(folder / "a.pt2", "w") as archive:
        for entry in old.infolist():
            body = old.read(entry)
            if entry.filename.endswith("model_weights_config.json"):
                body = body.replace(b'"use_pickle": false', b'"use_pickle": true')
            archive.writestr(entry, bomb.getvalue() if "weight_0" in entry.filename else body)
    return folder / "a.pt2"


def disguised(net: nn.Module, folder: Path) -> Path:
    return crafted_program(net, folder).rename(folder / "weights.safetensors")


def bomb(net: nn.Module, folder: Path) -> Path:
    old = zipfile.ZipFile(io.BytesIO(saved({"a": torch.zeros(5_000_000)}, folder / "a.pth").read_bytes()))
    with zipfile.ZipFile(folder / "a.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in old.infolist():
            archive.writestr(entry.filename, old.read(entry))
    return folder / "a.pth"


def stride(net: nn.Module, folder: Path) -> Path:
    return saved({"a": torch.zeros(1).expand(1_000_000, 1_000_000)}, folder / "a.pth")


def wide_header(net: nn.Module, folder: Path) -> Path:
    (folder / "a.safetensors").write_bytes((2**40).to_bytes(8, "little") + b"{")
    return folder / "a.safetensors"


def elsewhere(net: nn.Module, folder: Path) -> Path:
    (folder / "inner").mkdir()
    saved({"a": X, "b": Payload()}, folder / "secret.bin")
    (folder / "inner/model.index.json").write_text('{"weight_map": {"a": "../secret.bin"}}')
    return folder / "inner/model.index.json"


def onnx_elsewhere(net: nn.Module, folder: Path) -> Path:
    (folder / "inner").mkdir()
    (folder / "secret").write_bytes(b"\0" * 64)
    weight = onnx.TensorProto(name="w", data_type=1, dims=[16], data_location=1)
    weight.external_data.add(key="location", value="../secret")
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Add", ["x", "w"], ["y"])
    graph = onnx.helper.make_graph([node], "g", [value("x", 1, [16])], [value("y", 1, [16])], [weight])
    (folder / "inner/a.onnx").write_bytes(onnx.helper.make_model(graph).SerializeToString())
    return folder / "inner/a.onnx"


def plain_pickle(net: nn.Module, folder: Path) -> Path:
    (folder / "a.pkl").write_bytes(pickle.dumps({"weight": Payload()}, 4))
    return folder / "a.pkl"


HOSTILE = (
    pickled, legacy, whole, scripted, crafted_program, disguised, bomb, stride, wide_header, elsewhere, onnx_elsewhere,
    plain_pickle,
)  # fmt: skip


@SCRIPTING
@pytest.mark.parametrize("make", HOSTILE, ids=lambda one: one.__name__)
def test_hostile_files_run_no_code_and_are_refused_at_once(net: nn.Module, tmp_path: Path, make: Callable) -> None:
    Payload.canary = tmp_path / "canary"
    path = make(net, tmp_path)
    began = time.process_time()
    with pytest.raises(BadRequest):
        open_model(str(path))
    if make is not onnx_elsewhere:
        with pytest.raises(BadRequest):
            open_model(f"{tmp_path}/nets.py:Net", path)
    assert time.process_time() - began < 2 and not Payload.canary.exists()


def test_what_was_trusted_runs(net: nn.Module, tmp_path: Path) -> None:
    """The files above are loaded, were it not for the checks: the canary can sing."""
    Payload.canary = tmp_path / "canary"
    with pytest.raises(BadRequest):
        open_model(str(crafted_program(net, tmp_path)), trust=True)
    assert Payload.canary.exists()
    Payload.canary.unlink()
    assert open_model(str(whole(net, tmp_path)), unsafe_pickle=True).name == "Sequential"
    assert Payload.canary.exists()


def test_trusting_code_is_not_trusting_pickles(net: nn.Module, tmp_path: Path) -> None:
    Payload.canary = tmp_path / "canary"
    with pytest.raises(BadWeights, match="asks to run"):
        open_model(str(whole(net, tmp_path)), trust=True)
    with pytest.raises(BadSetting, match="exported program"):
        open_model(str(crafted_program(net, tmp_path)), unsafe_pickle=True)
    assert not Payload.canary.exists()
