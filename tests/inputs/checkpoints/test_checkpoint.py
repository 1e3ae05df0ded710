import io
import os
import pickle
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pellucid.core.errors import BadWeights
from pellucid.inputs.checkpoints.checkpoint import read_sets, read_weights

NET = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def saved(content: object, path: Path, **how: object) -> Path:
    torch.save(content, path, **how)
    return path


def same(tensors: dict[str, torch.Tensor]) -> bool:
    expected = NET.state_dict()
    return tensors.keys() == expected.keys() and all(torch.equal(tensors[name], expected[name]) for name in expected)


def test_every_form_of_file_gives_the_same_tensors(tmp_path: Path) -> None:
    save_file(NET.state_dict(), tmp_path / "a.safetensors")
    for path in (
        saved(NET.state_dict(), tmp_path / "a.pth"),
        tmp_path / "a.safetensors",
        saved(NET.state_dict(), tmp_path / "old.pth", _use_new_zipfile_serialization=False),
    ):
        tensors, notes = read_weights(path)
        assert same(tensors) and notes == ()


@pytest.mark.parametrize("key", ["state_dict", "model", "net", "ema", "model_state_dict"])
def test_checkpoints_are_unwrapped_with_a_note(tmp_path: Path, key: str) -> None:
    tensors, notes = read_weights(
        saved({"epoch": 3, "lr": torch.tensor(0.1), key: NET.state_dict()}, tmp_path / "a.pth")
    )
    assert same(tensors) and f"'{key}'" in notes[0].en and key in notes[0].zh


def test_of_several_weights_the_one_taken_is_told(tmp_path: Path) -> None:
    other = {name: value * 0 for name, value in NET.state_dict().items()}
    tensors, notes = read_weights(saved({"ema": other, "model": NET.state_dict()}, tmp_path / "a.pth"))
    assert same(tensors) and "'ema' beside it was not used" in notes[0].en
    tensors, notes = read_weights(saved({"model": {"state_dict": NET.state_dict()}}, tmp_path / "a.pth"))
    assert same(tensors) and "'model.state_dict'" in notes[0].en


class Payload:
    def __reduce__(self) -> tuple:
        return os.system, (f"touch {Payload.canary}",)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("where", ["alone", "inside"])
def test_no_code_of_the_file_runs(tmp_path: Path, old: bool, where: str) -> None:
    Payload.canary = tmp_path / "canary"
    content = Payload() if where == "alone" else {"state_dict": NET.state_dict(), "extra": Payload()}
    path = saved(content, tmp_path / "a.pth", _use_new_zipfile_serialization=not old)
    with pytest.raises(BadWeights, match=r"asks to run .*system") as caught:
        read_weights(path)
    assert not Payload.canary.exists() and "state_dict()" in caught.value.hint


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_plain_pickles_are_refused(tmp_path: Path, protocol: int) -> None:
    Payload.canary = tmp_path / "canary"
    (tmp_path / "a.pth").write_bytes(pickle.dumps({"weight": Payload()}, protocol))
    with pytest.raises(BadWeights):
        read_weights(tmp_path / "a.pth")
    assert not Payload.canary.exists()


def test_whole_models_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        BadWeights, match=r"torch\.nn\.modules.*whole model saved by torch\.save\(model\) is code"
    ) as caught:
        read_weights(saved(NET, tmp_path / "a.pth"))
    assert "model.state_dict()" in caught.value.hint


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_torchscript_is_refused(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "a.pt")
    with pytest.raises(BadWeights, match="TorchScript"):
        read_weights(tmp_path / "a.pt")


def rezipped(path: Path, change: object, compression: int = zipfile.ZIP_STORED) -> Path:
    content = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w", compression) as archive:
        for entry in content.infolist():
            for name, body in change(entry.filename, content.read(entry)):
                archive.writestr(name, body)
    return path


def test_compressed_entries_are_refused(tmp_path: Path) -> None:
    path = saved({"a": torch.zeros(1_000_000)}, tmp_path / "a.pth")
    rezipped(path, lambda name, body: [(name, body)], zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 20_000
    with pytest.raises(BadWeights, match="compressed"):
        read_weights(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_given_twice_are_refused(tmp_path: Path) -> None:
    path = saved(NET.state_dict(), tmp_path / "a.pth")
    with pytest.raises(BadWeights, match="twice"):
        read_weights(rezipped(path, lambda name, body: [(name, body), (name, body)]))


def test_exported_programs_are_refused(tmp_path: Path) -> None:
    path = saved(NET.state_dict(), tmp_path / "a.pt2")
    with pytest.raises(BadWeights, match="exported program"):
        read_weights(rezipped(path, lambda name, body: [(name, body), (f"{name}/archive_format", b"pt2")]))


def test_a_tensor_larger_than_its_storage_is_refused(tmp_path: Path) -> None:
    bomb = torch.zeros(1).expand(1_000_000, 1_000_000)
    path = saved({"weight": bomb}, tmp_path / "a.pth")
    assert path.stat().st_size < 5_000
    with pytest.raises(BadWeights, match=r"'weight' claims \(1000000, 1000000\)"):
        read_weights(path)


def header(claimed: int, body: bytes) -> bytes:
    return claimed.to_bytes(8, "little") + body


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (header(2**62, b"{}"), "header claims"),
        (header(9_000_000, b"{" + b" " * 9_000_000), "header claims 9,000,000"),
        (header(2, b"{}"), "no tensors"),
        (header(3, b"{{}"), "damaged"),
        (header(5, b"[[[[["), "damaged"),
        (header(61, b'{"a":{"dtype":"F32","shape":[1000],"data_offsets":[0,4000]}}  '), "damaged"),
        (b"{", "damaged|header"),
    ],
)
def test_hostile_safetensors(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(BadWeights, match=words):
        read_weights(tmp_path / "a.safetensors")


def test_too_many_tensors_are_refused_before_parsing(tmp_path: Path) -> None:
    entry = b'"%x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    text = b"{" + b",".join(entry % i for i in range(100_001)) + b"}"
    (tmp_path / "a.safetensors").write_bytes(header(len(text), text))
    began = time.process_time()
    with pytest.raises(BadWeights, match="100,000 tensors"):
        read_weights(tmp_path / "a.safetensors")
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("kind", ["pth", "old", "safetensors"])
def test_cut_short(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("a.safetensors" if kind == "safetensors" else "a.pth")
    if kind == "safetensors":
        save_file(NET.state_dict(), path)
    else:
        saved(NET.state_dict(), path, _use_new_zipfile_serialization=kind == "pth")
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(BadWeights, match=r"damaged|cut short"):
            read_weights(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2], "holds list, not named tensors"),
        (torch.zeros(3), "holds Tensor"),
        ({"epoch": 3}, "no tensors by name; it holds 'epoch'"),
        ({}, "it holds nothing"),
    ],
)
def test_files_without_weights(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(BadWeights, match=words):
        read_weights(saved(content, tmp_path / "a.pth"))


def test_the_bytes_go_before_the_ending(tmp_path: Path) -> None:
    assert same(read_weights(saved(NET.state_dict(), tmp_path / "a.safetensors"))[0])
    save_file(NET.state_dict(), tmp_path / "a.pth")
    assert same(read_weights(tmp_path / "a.pth")[0])


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_pickles_that_torch_did_not_write(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"a": np.zeros(3)}, protocol))
    with pytest.raises(BadWeights, match=r"a pickle that torch\.save did not write") as caught:
        read_weights(tmp_path / "a.pkl")
    assert "weights_only" not in str(caught.value) and "torch.as_tensor" in caught.value.hint
    old = saved(NET.state_dict(), tmp_path / "b.pth", _use_new_zipfile_serialization=False, pickle_protocol=2)
    assert same(read_weights(old)[0])


def test_arrays_of_numpy_are_told_and_read_where_unpickling_is_allowed(tmp_path: Path) -> None:
    path = saved({name: one.numpy() for name, one in NET.state_dict().items()}, tmp_path / "a.pth")
    with pytest.raises(BadWeights, match="it holds arrays of NumPy"):
        read_sets(path)
    assert same(read_sets(path, unsafe_pickle=True)[""])


def test_no_such_file_no_file_and_no_network(tmp_path: Path) -> None:
    saved(NET.state_dict(), tmp_path / "model.pth")
    with pytest.raises(BadWeights, match="no file") as caught:
        read_weights(tmp_path / "modle.pth")
    assert "'model.pth'" in caught.value.nearest
    with pytest.raises(BadWeights, match="folder"):
        read_weights(tmp_path)
    (tmp_path / "a.pth").write_bytes(b"")
    with pytest.raises(BadWeights, match="empty"):
        read_weights(tmp_path / "a.pth")
    (tmp_path / "a.pth").write_bytes(bytes(99))
    with pytest.raises(BadWeights, match="not a weights file"):
        read_weights(tmp_path / "a.pth")
    with pytest.raises(BadWeights, match="nothing is fetched"):
        read_weights("https://a.b/c.pth")
