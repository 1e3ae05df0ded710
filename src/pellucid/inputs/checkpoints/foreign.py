"""What a file that was given as weights is instead: the page of a failed download, a pointer of Git LFS, a picture."""

from pathlib import Path

from pellucid.core.errors import BadWeights

_AGAIN = "fetch the file itself; in a browser the page of a file is not the file"
# First bytes, what they say the file is, and what to try.
_SIGNS: tuple[tuple[bytes, str, str], ...] = (
    (b"version https:", "a pointer of Git LFS, not the file itself", "git lfs pull in the folder it lies in"),
    (b"\x1f\x8b", "packed by gzip", "gunzip it, and give what comes out"),
    (b"BZh", "packed by bzip2", "bunzip2 it, and give what comes out"),
    (b"\xfd7zXZ", "packed by xz", "unxz it, and give what comes out"),
    (b"\xff\xd8\xff", "a picture (JPEG)", "pictures stand after the model: pellucid see MODEL picture.jpg"),
    (b"\x89PNG", "a picture (PNG)", "pictures stand after the model: pellucid see MODEL picture.png"),
    (b"\x93NUMPY", "one array of NumPy without names", "torch.save({name: tensor}) with the names of the model"),
    (b"GGUF", "GGUF", "AutoModelForCausalLM.from_pretrained(DIR, gguf_file=…), save_pretrained(DIR), then hf:DIR"),
    (b"\x89HDF", "HDF5, as Keras writes it", "load it in Keras, and torch.save its arrays as tensors by name"),
    (b"%PDF", "a PDF document", _AGAIN),
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
            raise BadWeights(f"'{path}' is {what}.", hint=hint)
    if start.lstrip().lower().startswith(_PAGES):
        raise BadWeights(f"'{path}' is a web page, as a failed download leaves it: {_line(start)}", hint=_AGAIN)
    if path.suffix != ".json" and _is_text(start):
        raise BadWeights(f"'{path}' is a text, not weights; it begins with {_line(start)}", hint=_AGAIN)


def _is_text(start: bytes) -> bool:
    return len(start) >= _FEW and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start)


def _line(start: bytes) -> str:
    first = next(iter(start.decode("utf-8", "replace").strip().splitlines()), "").strip()
    return f"'{first[:_SHOWN]}{'…' if len(first) > _SHOWN else ''}'"
