import zipfile
from pathlib import Path

import pytest
import torch

from pellucid.core.errors import BadWeights
from pellucid.inputs.checkpoints.archive import kind_of, refuse_unsafe_zip, safetensors_header


def zipped(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return path


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("a/data.pkl", "a/data/0"), "zip"),
        (("a/data.pkl", "a/code/b.py"), "script"),
        (("a/constants.pkl",), "script"),
        (("a/archive_format", "a/models/model.json"), "exported"),
        (("serialized_exported_program.json",), "exported"),
    ],
)
def test_zip_files_are_told_apart_by_the_names_in_them(tmp_path: Path, names: tuple[str, ...], kind: str) -> None:
    assert kind_of(zipped(tmp_path / "a.safetensors", *names)) == kind


def test_other_files_are_told_apart_by_bytes_and_ending(tmp_path: Path) -> None:
    for name, content, kind in (
        ("a.pth", b"\x80\x02}q\x00.", "pickle"),
        ("a.bin", (2).to_bytes(8, "little") + b"{}", "safetensors"),
        ("a.safetensors", b"x", "safetensors"),
        ("a.onnx", b"\x08\x01", "onnx"),
        ("b.pth", b"\x08\x08\x12\x07pytorch", "onnx"),
        ("c.pth", (35_615).to_bytes(8, "little") + b"{}", "safetensors"),  # begins as a file packed by gzip does
        ("d.pth", (128).to_bytes(8, "little") + b"{}", "safetensors"),  # begins as a pickle does
        ("b.safetensors", b"\x80\x02}q\x00.", "pickle"),
        ("a.index.json", b"{}", "index"),
        ("a.txt", b"hello", "other"),
    ):
        (tmp_path / name).write_bytes(content)
        assert kind_of(tmp_path / name) == kind


def test_what_is_no_file(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "none.pth", "no file"), ("https://a.b/c.pth", "nothing is fetched")):
        with pytest.raises(BadWeights, match=words):
            kind_of(path)
    with pytest.raises(BadWeights, match=r"'https://a\.b/c\.pth' is an address"):
        kind_of(Path("https://a.b/c.pth"))
    (tmp_path / "cut.pth").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(BadWeights, match="cut short"):
        kind_of(tmp_path / "cut.pth")


def test_a_folder_is_told_with_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(BadWeights, match="a folder, not a file of weights") as told:
        kind_of(tmp_path)
    assert told.value.nearest == f"'{tmp_path / 'model.safetensors'}'"
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BadWeights, match="a folder, not a file of weights") as told:
        kind_of(tmp_path)
    assert told.value.nearest.startswith(f"'hf:{tmp_path}', ")


def test_entries_that_claim_more_than_the_file_has(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(3)}, tmp_path / "a.pth")
    refuse_unsafe_zip(tmp_path / "a.pth")
    whole = bytearray(zipped(tmp_path / "b.pth", "a/data.pkl").read_bytes())
    at = whole.rindex(b"PK\x01\x02") + 20  # the sizes in the directory
    whole[at : at + 8] = (2**31).to_bytes(4, "little") * 2
    (tmp_path / "b.pth").write_bytes(whole)
    with pytest.raises(BadWeights, match="claim more bytes"):
        refuse_unsafe_zip(tmp_path / "b.pth")


def test_headers_are_capped(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes((4).to_bytes(8, "little") + b"{}  ")
    assert safetensors_header(tmp_path / "a.safetensors") == b"{}  "
    (tmp_path / "a.safetensors").write_bytes((5).to_bytes(8, "little") + b"{}  ")
    with pytest.raises(BadWeights, match="of the 5 bytes of its header 4 are there"):
        safetensors_header(tmp_path / "a.safetensors")
