"""What a file that was given as weights is instead: the page of a failed download, a pointer of Git LFS, a picture."""

from pathlib import Path

from pellucid.core.errors import BadWeights
from pellucid.core.text import Text

_AGAIN = Text(
    "fetch the file itself; in a browser the page of a file is not the file",
    "请下载文件本身；浏览器中显示文件的网页并不是该文件",
)
# First bytes, what they say the file is, and what to try.
_SIGNS: tuple[tuple[bytes, Text, Text], ...] = (
    (
        b"version https:",
        Text("a pointer of Git LFS, not the file itself", "Git LFS 的指针，而不是文件本身"),
        Text("git lfs pull in the folder it lies in", "请在它所在的文件夹中运行 git lfs pull"),
    ),
    (
        b"\x1f\x8b",
        Text("packed by gzip", "由 gzip 压缩的"),
        Text("gunzip it, and give what comes out", "请用 gunzip 解压，再给出得到的文件"),
    ),
    (
        b"BZh",
        Text("packed by bzip2", "由 bzip2 压缩的"),
        Text("bunzip2 it, and give what comes out", "请用 bunzip2 解压，再给出得到的文件"),
    ),
    (
        b"\xfd7zXZ",
        Text("packed by xz", "由 xz 压缩的"),
        Text("unxz it, and give what comes out", "请用 unxz 解压，再给出得到的文件"),
    ),
    (
        b"\xff\xd8\xff",
        Text("a picture (JPEG)", "图片（JPEG）"),
        Text(
            "pictures stand after the model: pellucid see MODEL picture.jpg",
            "图片写在模型之后：pellucid see MODEL picture.jpg",
        ),
    ),
    (
        b"\x89PNG",
        Text("a picture (PNG)", "图片（PNG）"),
        Text(
            "pictures stand after the model: pellucid see MODEL picture.png",
            "图片写在模型之后：pellucid see MODEL picture.png",
        ),
    ),
    (
        b"\x93NUMPY",
        Text("one array of NumPy without names", "没有名称的单个 NumPy 数组"),
        Text("torch.save({name: tensor}) with the names of the model", "请以模型中的名称 torch.save({name: tensor})"),
    ),
    (
        b"GGUF",
        Text("GGUF"),
        Text(
            "AutoModelForCausalLM.from_pretrained(DIR, gguf_file=…), save_pretrained(DIR), then hf:DIR",
            "AutoModelForCausalLM.from_pretrained(DIR, gguf_file=…)，save_pretrained(DIR)，再用 hf:DIR",
        ),
    ),
    (
        b"\x89HDF",
        Text("HDF5, as Keras writes it", "Keras 写出的 HDF5"),
        Text(
            "load it in Keras, and torch.save its arrays as tensors by name",
            "请在 Keras 中载入，并以名称把各数组作为张量 torch.save",
        ),
    ),
    (b"%PDF", Text("a PDF document", "PDF 文档"), _AGAIN),
)
_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml")
_LOOKED_AT, _SHOWN, _FEW = 256, 60, 16


def refuse_foreign(path: Path) -> None:
    """Refuse a file that its first bytes show to be none of weights or a network.

    Raises:
        BadWeights: with what it is.
    """
    with path.open("rb") as stream:
        start = stream.read(_LOOKED_AT)
    for sign, what, hint in _SIGNS:
        if start.startswith(sign):
            raise BadWeights(Text(f"'{path}' is {what}.", f"'{path}' 是{what.say('zh')}。"), hint=hint)
    if start.lstrip().lower().startswith(_PAGES):
        raise BadWeights(
            Text(
                f"'{path}' is a web page, as a failed download leaves it: {_line(start)}",
                f"'{path}' 是网页，下载失败时会留下这样的文件：{_line(start)}",
            ),
            hint=_AGAIN,
        )
    if path.suffix != ".json" and _is_text(start):
        raise BadWeights(
            Text(
                f"'{path}' is a text, not weights; it begins with {_line(start)}",
                f"'{path}' 是文本，不是权重；开头为 {_line(start)}",
            ),
            hint=_AGAIN,
        )


def _is_text(start: bytes) -> bool:
    return len(start) >= _FEW and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start)


def _line(start: bytes) -> str:
    first = next(iter(start.decode("utf-8", "replace").strip().splitlines()), "").strip()
    return f"'{first[:_SHOWN]}{'…' if len(first) > _SHOWN else ''}'"
