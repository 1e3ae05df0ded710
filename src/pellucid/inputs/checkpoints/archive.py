"""What a weights file is, told by its bytes; what could fill the memory or run code is refused before it is read."""

import struct
import zipfile
from pathlib import Path
from typing import Literal

from pellucid.core.errors import BadInput, BadWeights, quoted
from pellucid.core.text import Text
from pellucid.inputs.checkpoints.foreign import refuse_foreign
from pellucid.inputs.image import as_file

Kind = Literal["exported", "script", "zip", "pickle", "safetensors", "onnx", "index", "other"]
SAVE_WEIGHTS = Text(
    "where the file was made: torch.save(model.state_dict(), 'weights.pth'), and give that file",
    "请在生成该文件之处运行 torch.save(model.state_dict(), 'weights.pth')，并给出那个文件",
)
LARGEST_HEADER = 8_000_000
MOST_TENSORS = 100_000
_EXPORTED = ("archive_format", "serialized_exported_program.json")


def kind_of(path: str | Path) -> Kind:
    """What the file is, by its first bytes and the names in it; nothing of it is loaded.

    Raises:
        BadWeights: there is no such file, or it is empty, cut short, an address on the network, or of another kind
            altogether.
    """
    path = Path(path)
    if str(path).startswith(("http:", "https:")):
        raise BadWeights(
            Text(
                f"'{_address(path)}' is an address on the network; nothing is fetched.",
                f"'{_address(path)}' 是网络地址；不会下载任何内容。",
            ),
            hint=Text("download it and give the path", "请先下载，再给出路径"),
        )
    if path.is_dir():
        raise _a_folder(path)
    try:
        as_file(path)
    except BadInput as error:
        raise BadWeights(error.words, nearest=error.nearest, hint=error.advice) from error
    with path.open("rb") as stream:
        start = stream.read(16)
    if start[:4] == b"PK\x03\x04":
        return _kind_of_zip(path)
    if start[8:9] == b"{" and not start[7]:  # the length of its header, then the header
        return "safetensors"
    refuse_foreign(path)
    if start[:1] == b"\x80":
        return "pickle"
    if path.suffix == ".onnx" or (start[:1] == b"\x08" and start[2:3] == b"\x12"):  # its version, then its producer
        return "onnx"
    if path.name.endswith(".index.json"):
        return "index"
    if path.suffix == ".safetensors":
        return "safetensors"
    return "other"


def refuse_unsafe_zip(path: Path) -> None:
    """Refuse a zip file that torch did not write as it writes them.

    Raises:
        BadWeights: names are given twice, entries are compressed, or claim more bytes than the file has.
    """
    entries = _entries(path)
    names = [entry.filename for entry in entries]
    if len(names) > MOST_TENSORS or len(set(names)) < len(names):
        raise BadWeights(
            Text(
                f"'{path}' is refused: it holds {len(names):,} entries, {len(names) - len(set(names))} of them twice.",
                f"拒绝读取 '{path}'：它有 {len(names):,} 个条目，其中 {len(names) - len(set(names))} 个重复。",
            )
        )
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise BadWeights(
            Text(
                f"'{path}' is refused: its entries are compressed, which torch never does and bombs do.",
                f"拒绝读取 '{path}'：其条目经过压缩，torch 从不这样做，而压缩炸弹会。",
            ),
            hint=SAVE_WEIGHTS,
        )
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise BadWeights(
            Text(
                f"'{path}' is refused: its entries claim more bytes than the file has.",
                f"拒绝读取 '{path}'：其条目声称的字节数超过文件大小。",
            ),
            hint=Text("copy or fetch it again", "请重新复制或下载该文件"),
        )


def safetensors_header(path: Path) -> bytes:
    """The header of a safetensors file, which names its tensors.

    Raises:
        BadWeights: it claims more bytes or tensors than are read.
    """
    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        follow = path.stat().st_size - 8
        if follow < size <= LARGEST_HEADER:
            raise BadWeights(
                Text(
                    f"'{path}' is cut short: of the {size:,} bytes of its header {max(follow, 0):,} are there.",
                    f"'{path}' 不完整：其头部应有 {size:,} 字节，实有 {max(follow, 0):,}。",
                ),
                hint=Text("copy or fetch it again", "请重新复制或下载该文件"),
            )
        if size > LARGEST_HEADER:
            raise BadWeights(
                Text(
                    f"'{path}' is refused: its header claims {size:,} bytes.",
                    f"拒绝读取 '{path}'：其头部声称有 {size:,} 字节。",
                ),
                hint=Text("copy or fetch it again", "请重新复制或下载该文件"),
            )
        header = stream.read(size)
    if header.count(b'"dtype"') > MOST_TENSORS:
        raise BadWeights(
            Text(
                f"'{path}' is refused: it holds more than {MOST_TENSORS:,} tensors.",
                f"拒绝读取 '{path}'：它含有超过 {MOST_TENSORS:,} 个张量。",
            )
        )
    return header


def _address(path: Path) -> str:
    return str(path).replace(":/", "://", 1)  # a path has no double slash


def _a_folder(path: Path) -> BadWeights:
    found = [*sorted(path.glob("*.index.json")), *sorted(path.glob("*.safetensors")), *sorted(path.glob("*.pth"))]
    whole = (path / "config.json").is_file()
    return BadWeights(
        Text(f"'{path}' is a folder, not a file of weights.", f"'{path}' 是文件夹，不是权重文件。"),
        nearest=quoted([*([f"hf:{path}"] if whole else []), *map(str, found[:3])]),
        hint="name the file in it" + ("; hf:DIR opens the whole folder as a model" if whole else ""),
    )


def _kind_of_zip(path: Path) -> Kind:
    names = [entry.filename for entry in _entries(path)]
    if any(name.rpartition("/")[2] in _EXPORTED or name.startswith("models/") for name in names):
        return "exported"
    if any("/code/" in name or name.endswith("constants.pkl") for name in names):
        return "script"
    return "zip"


def _entries(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, struct.error) as error:
        raise BadWeights(
            Text(f"'{path}' is damaged or cut short: {error}.", f"'{path}' 已损坏或不完整：{error}。"),
            hint=Text("copy or fetch it again", "请重新复制或下载该文件"),
        ) from error
