"""The releases of CIFAR, read where they lie: nothing is downloaded, unpacked or trusted."""

import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core.errors import BadInput
from pellucid.core.text import Text
from pellucid.inputs.data.only_arrays import unpickled

_PIXELS = 3 * 32 * 32
_LARGEST_ARCHIVE = 1_000_000_000


@dataclass(frozen=True)
class Release:
    """One of the two data sets as it was published.

    Args:
        members: the files of each part, without `.bin`.
        fields: per byte before the pixels of a record in the binary form, the name of that label in the Python form.
        counts: how many classes each of these labels has.
        largest: bytes of one file beyond which it is none of the release.
        hint: what may be meant where a label is out of range.
    """

    name: str
    folders: tuple[str, ...]
    archives: tuple[str, ...]
    members: Mapping[str, Sequence[str]]
    fields: tuple[str, ...]
    counts: tuple[int, ...]
    largest: int
    hint: str = ""

    @property
    def record(self) -> int:
        """Bytes of one picture with its labels in the binary form."""
        return len(self.fields) + _PIXELS


_Part = tuple[np.ndarray, np.ndarray]


def read_release(path: str | Path, release: Release, split: str) -> _Part:
    """Read the Python or the binary form, from its folder or from its `.tar.gz` as it is.

    Args:
        path: the archive, its unpacked folder, or the folder that either lies in.
    Returns:
        Pictures `(image, 32, 32, 3)`, bytes, and labels `(image, field)`, in the order of the files.
    Raises:
        BadInput: it is not there, not complete, or not what it claims to be.
    """
    if split not in release.members:
        raise BadInput(
            Text(f"{release.name} has no part {split!r}.", f"{release.name} 没有部分 {split!r}。"),
            nearest="'train', 'test'",
        )
    place = located(Path(path), release)
    reading = _from_archive if place.is_file() else _from_folder
    members = dict(reading(place, release, split))
    missing = [name for name in release.members[split] if name not in members]
    if missing:
        raise BadInput(
            Text(
                f"'{place}' lacks {', '.join(missing)} of {release.name}.",
                f"'{place}' 缺少 {release.name} 的 {'、'.join(missing)}。",
            ),
            hint=Text("fetch the archive again; it is not complete", "请重新下载压缩包；它不完整"),
        )
    parts = [members[name] for name in release.members[split]]
    return np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts])


def located(path: Path, release: Release) -> Path:
    """The archive or the folder of files that `path` means.

    Raises:
        BadInput: neither lies there.
    """
    stems = [stem for part in release.members.values() for stem in part]
    if path.is_file() or any((path / f"{stem}{end}").is_file() for stem in stems for end in ("", ".bin")):
        return path
    for name in (*release.folders, *release.archives):
        if (path / name).exists():
            return path / name
    raise BadInput(
        Text(f"{release.name} does not lie in '{path}'.", f"'{path}' 中没有 {release.name}。"),
        hint=Text(
            f"put {release.archives[0]} of www.cs.toronto.edu/~kriz/cifar.html there, as it is",
            f"请把 www.cs.toronto.edu/~kriz/cifar.html 的 {release.archives[0]} 原样放在那里",
        ),
    )


def _from_folder(folder: Path, release: Release, split: str) -> Iterator[tuple[str, _Part]]:
    for name in release.members[split]:
        for file, reader in ((folder / name, _from_pickle), (folder / f"{name}.bin", _from_binary)):
            if file.is_file():
                if file.stat().st_size > release.largest:
                    raise BadInput(
                        Text(
                            f"'{file}' has {file.stat().st_size:,} bytes, too many for a batch of {release.name}.",
                            f"'{file}' 有 {file.stat().st_size:,} 字节，对 {release.name} 的一批而言过大。",
                        )
                    )
                yield name, _arrays(reader, file.read_bytes(), release, str(file))
                break


def _from_archive(archive: Path, release: Release, split: str) -> Iterator[tuple[str, _Part]]:
    passed = 0
    try:
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                passed += member.size
                if passed > _LARGEST_ARCHIVE:
                    raise BadInput(
                        Text(
                            f"'{archive}' unpacks to more than {_LARGEST_ARCHIVE:,} bytes; {release.name} does not.",
                            f"'{archive}' 解压后超过 {_LARGEST_ARCHIVE:,} 字节；{release.name} 没有这么大。",
                        )
                    )
                name = Path(member.name).name
                stem = name.removesuffix(".bin")
                if not member.isfile() or stem not in release.members[split]:
                    continue
                if member.size > release.largest:
                    raise BadInput(
                        Text(
                            f"'{name}' in '{archive}' has {member.size:,} bytes, too many for a batch of "
                            f"{release.name}.",
                            f"'{archive}' 中的 '{name}' 有 {member.size:,} 字节，对 {release.name} 的一批而言过大。",
                        )
                    )
                stream = tar.extractfile(member)
                content = stream.read() if stream is not None else b""
                reader = _from_binary if name.endswith(".bin") else _from_pickle
                yield stem, _arrays(reader, content, release, f"{archive}:{name}")
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise BadInput(
            Text(
                f"'{archive}' is not an archive that can be read: {error}.",
                f"'{archive}' 不是可读取的压缩包：{error}。",
            ),
            hint=Text("fetch it again", "请重新下载"),
        ) from error


def _arrays(
    reader: Callable[[bytes, Release], tuple[Any, Sequence[Any]]], content: bytes, release: Release, place: str
) -> _Part:
    try:
        pixels, columns = reader(content, release)
        labels = np.stack([np.asarray(column) for column in columns], axis=-1)
    except BadInput as error:
        error.what = error.words.changed(lambda said: f"'{place}' {said}")
        raise
    except Exception as error:  # damaged bytes make the reader of pickles raise almost any class
        raise BadInput(
            Text(f"'{place}' is damaged: {error}.", f"'{place}' 已损坏：{error}。"),
            hint=Text("fetch the archive again", "请重新下载压缩包"),
        ) from error
    well_formed = isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.shape == (len(labels), _PIXELS)
    if not well_formed or labels.dtype.kind not in "iu" or labels.ndim != 2 or not len(labels):
        raise BadInput(
            Text(
                f"'{place}' does not hold 3072 bytes and a label for each picture.",
                f"'{place}' 中并非每张图片 3072 字节加一个标签。",
            ),
            hint=Text("fetch the archive again", "请重新下载压缩包"),
        )
    for column, count in zip(labels.T, release.counts, strict=True):
        if column.min() < 0 or column.max() >= count:
            raise BadInput(f"'{place}' has labels outside 0..{count - 1}{release.hint}")
    return np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels.astype(np.int64)


def _from_binary(content: bytes, release: Release) -> tuple[np.ndarray, Sequence[np.ndarray]]:
    if len(content) % release.record:
        raise BadInput(
            Text(
                f"is cut short: {len(content)} bytes are not a multiple of {release.record}.",
                f"不完整：{len(content)} 字节不是 {release.record} 的整数倍。",
            ),
            hint=Text("fetch the archive again", "请重新下载压缩包"),
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, release.record)
    before = len(release.fields)
    return records[:, before:], [records[:, field].astype(np.int64) for field in range(before)]


def _from_pickle(content: bytes, release: Release) -> tuple[Any, Sequence[Any]]:
    batch = unpickled(content)
    return batch["data"], [batch[field] for field in release.fields]
