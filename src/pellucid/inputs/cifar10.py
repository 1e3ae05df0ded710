"""The official CIFAR-10 release, read where it lies: nothing is downloaded, unpacked or trusted."""

import io
import pickle
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pellucid.core.errors import BadInput

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDERS = ("cifar-10-batches-py", "cifar-10-batches-bin")
ARCHIVES = ("cifar-10-python.tar.gz", "cifar-10-binary.tar.gz")
_MEMBERS = {
    "train": [f"data_batch_{number}" for number in range(1, 6)],
    "test": ["test_batch"],
}
_RECORD = 1 + 3 * 32 * 32
_LARGEST = 64_000_000
_LARGEST_ARCHIVE = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Cifar10:
    """One half of the data set, in the order of its files.

    Args:
        images: `(image, 32, 32, 3)`, bytes.
        labels: `(image,)`, indices into `names`.
    """

    images: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...] = NAMES


def read_cifar10(path: str | Path, split: Literal["train", "test"] = "train") -> Cifar10:
    """Read the Python or the binary form, from its folder or from its `.tar.gz` as it is.

    Args:
        path: the archive, its unpacked folder, or the folder that either lies in.
        split: "train" (five files) or "test" (one).
    Raises:
        BadInput: it is not there, not complete, or not what it claims to be.
    """
    if split not in _MEMBERS:
        raise BadInput(f"CIFAR-10 has no part {split!r}.", nearest="'train', 'test'")
    place = _located(Path(path))
    members = dict(_from_archive(place, split) if place.is_file() else _from_folder(place, split))
    missing = [name for name in _MEMBERS[split] if name not in members]
    if missing:
        raise BadInput(
            f"'{place}' lacks {', '.join(missing)} of CIFAR-10.", hint="fetch the archive again; it is not complete"
        )
    parts = [members[name] for name in _MEMBERS[split]]
    return Cifar10(np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts]))


def _located(path: Path) -> Path:
    if path.is_file() or any(
        (path / f"{stem}{end}").is_file() for stem in ("test_batch", "data_batch_1") for end in ("", ".bin")
    ):
        return path
    for name in (*FOLDERS, *ARCHIVES):
        if (path / name).exists():
            return path / name
    raise BadInput(
        f"CIFAR-10 does not lie in '{path}'.",
        hint=f"put {ARCHIVES[0]} of www.cs.toronto.edu/~kriz/cifar.html there, as it is",
    )


def _from_folder(folder: Path, split: str) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray]]]:
    for name in _MEMBERS[split]:
        for file, reader in ((folder / name, _from_pickle), (folder / f"{name}.bin", _from_binary)):
            if file.is_file():
                if file.stat().st_size > _LARGEST:
                    raise BadInput(f"'{file}' has {file.stat().st_size:,} bytes, too many for a batch of CIFAR-10.")
                yield name, _arrays(reader, file.read_bytes(), str(file))
                break


def _from_archive(archive: Path, split: str) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray]]]:
    passed = 0
    try:
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                passed += member.size
                if passed > _LARGEST_ARCHIVE:
                    raise BadInput(f"'{archive}' unpacks to more than {_LARGEST_ARCHIVE:,} bytes; CIFAR-10 does not.")
                name = Path(member.name).name
                stem = name.removesuffix(".bin")
                if not member.isfile() or stem not in _MEMBERS[split]:
                    continue
                if member.size > _LARGEST:
                    raise BadInput(
                        f"'{name}' in '{archive}' has {member.size:,} bytes, too many for a batch of CIFAR-10."
                    )
                stream = tar.extractfile(member)
                content = stream.read() if stream is not None else b""
                yield (
                    stem,
                    _arrays(_from_binary if name.endswith(".bin") else _from_pickle, content, f"{archive}:{name}"),
                )
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise BadInput(f"'{archive}' is not an archive that can be read: {error}.", hint="fetch it again") from error


def _arrays(reader: Callable[[bytes], tuple[Any, Any]], content: bytes, place: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        pixels, labels = reader(content)
        labels = np.asarray(labels)
    except BadInput as error:
        error.what = f"'{place}' {error.what}"
        raise
    except Exception as error:  # damaged bytes make the reader of pickles raise almost any class
        raise BadInput(f"'{place}' is damaged: {error}.", hint="fetch the archive again") from error
    well_formed = (
        isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.shape == (len(labels), _RECORD - 1)
    )
    if not well_formed or labels.dtype.kind not in "iu" or labels.ndim != 1 or not len(labels):
        raise BadInput(
            f"'{place}' does not hold 3072 bytes and a label for each picture.", hint="fetch the archive again"
        )
    if labels.min() < 0 or labels.max() >= len(NAMES):
        raise BadInput(f"'{place}' has labels outside 0..9; is it CIFAR-100?")
    return np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels.astype(np.int64)


def _from_binary(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    if len(content) % _RECORD:
        raise BadInput(
            f"is cut short: {len(content)} bytes are not a multiple of {_RECORD}.", hint="fetch the archive again"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, _RECORD)
    return records[:, 1:], records[:, 0].astype(np.int64)


def _from_pickle(content: bytes) -> tuple[Any, Any]:
    batch = _OnlyArrays(io.BytesIO(content), encoding="bytes").load()
    if not isinstance(batch, dict):
        raise BadInput(f"holds {type(batch).__name__}, not a dict of data and labels.")
    named = {key.decode() if isinstance(key, bytes) else key: value for key, value in batch.items()}
    data, labels = named["data"], named["labels"]
    return getattr(data, "values", data), getattr(labels, "values", labels)


class _OnlyArrays(pickle.Unpickler):
    """Makes plain values and arrays of whole numbers; any other name is refused before anything is imported."""

    def find_class(self, module: str, name: str) -> Any:
        """What stands for `module.name`.

        Raises:
            BadInput: the file asks for anything that an array does not need.
        """
        maker = _MAKERS.get((module.replace("numpy._core", "numpy.core"), name))
        if maker is None:
            raise BadInput(
                f"is refused: it asks to run '{module}.{name}', and CIFAR-10 needs arrays only.",
                hint="do not trust this file",
            )
        return maker

    def persistent_load(self, pid: Any) -> Any:
        """Refuse it: nothing is kept outside of these files."""
        raise BadInput(f"is refused: it asks for an object outside of the file ({pid!r}).")


class _Type:
    """The element type of a pickled array; whole numbers only."""

    def __init__(self, code: Any, *_: Any) -> None:
        code = code.decode() if isinstance(code, bytes) else str(code)
        if code not in ("u1", "i1", "i2", "i4", "i8", "u2", "u4", "u8"):
            raise BadInput(f"is refused: it holds an array of '{code}', not of whole numbers.")
        self.code = code

    def __setstate__(self, state: Any) -> None:
        big = len(state) > 1 and state[1] in (">", b">")
        self.code = (">" if big else "<") + self.code


class _Array:
    """A pickled array, made of its bytes and shape here and not by what the file says."""

    def __init__(self, *_: Any) -> None:
        self.values = np.empty(0, np.uint8)

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, raw = state
        self.values = np.frombuffer(raw, kind.code).reshape(shape, order="F" if fortran else "C")


def _of_buffer(buffer: Any, kind: _Type, shape: tuple[int, ...], order: str) -> np.ndarray:
    return np.frombuffer(buffer, kind.code).reshape(shape, order="F" if order == "F" else "C")


def _bytes(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", b"latin1"):
        raise BadInput(f"is refused: it asks for the text encoding {encoding!r}.")
    return text.encode("latin1")


_MAKERS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _of_buffer,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _bytes,
}
