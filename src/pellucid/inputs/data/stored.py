"""Arrays in `.npy` and `.npz` files: the header is measured against the file before a byte of memory is asked for."""

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from pellucid.core.errors import BadInput, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.inputs.image import as_file

LARGEST_PACKED = 4 * 2**30
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_LOCAL_HEADER = 30


@dataclass(frozen=True)
class Stored:
    """One array of a file; nothing is held open.

    Args:
        key: its name inside an `.npz`; None for an `.npy`.
    """

    file: Path
    key: str | None = None

    def open(self) -> np.ndarray:
        """The array, mapped and not loaded unless it is packed.

        Raises:
            BadInput: the file is none, claims more than it holds, or holds objects.
        """
        try:
            if self.key is not None:
                return _of_zip(self.file, self.key)
            with as_file(self.file).open("rb") as stream:
                return _mapped(self.file, stream, self.file.stat().st_size)
        except BadInput:
            raise
        except Exception as error:  # damaged bytes make the readers raise almost any class
            raise BadInput(
                Text(f"'{self}' is not an array that can be read: {error}.", f"'{self}' 不是可读取的数组：{error}。")
            ) from error

    def __str__(self) -> str:
        return f"{self.file}#{self.key}" if self.key is not None else str(self.file)


def arrays_in(file: Path) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and type of every array in an `.npz`, by name; nothing is loaded.

    Raises:
        BadInput: it is none.
    """
    try:
        with zipfile.ZipFile(as_file(file)) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            if len(set(names)) != len(names):
                raise BadInput(Text(f"'{file}' holds two arrays of one name.", f"'{file}' 中有两个同名的数组。"))
            found = {}
            for name in names:
                with archive.open(name) as stream:
                    shape, _, kind = _header(stream)
                found[name.removesuffix(".npy")] = (shape, kind)
            return found
    except BadInput:
        raise
    except Exception as error:  # damaged bytes make the readers raise almost any class
        raise BadInput(
            Text(f"'{file}' is not an .npz that can be read: {error}.", f"'{file}' 不是可读取的 .npz：{error}。"),
            hint="numpy.savez('x.npz', x)",
        ) from error


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(stream)
    if version not in _HEADERS:
        raise BadInput(
            Text(
                f"The array is of the format {version[0]}.{version[1]}, which is for records.",
                f"该数组的格式为 {version[0]}.{version[1]}，用于记录。",
            )
        )
    return _HEADERS[version](stream)


def _mapped(file: Path, stream: IO[bytes], end: int) -> np.ndarray:
    shape, fortran, kind = _checked(stream, str(file))
    start, needed = stream.tell(), _bytes(shape, kind)
    if needed > end - start:
        raise BadInput(
            Text(
                f"'{file}' claims {needed:,} bytes of numbers (shape {shape}) and holds {end - start:,}.",
                f"'{file}' 声称有 {needed:,} 字节的数（形状 {shape}），而实有 {end - start:,}。",
            ),
            hint=Text("it is cut short or damaged", "它不完整或已损坏"),
        )
    return np.memmap(file, kind, "r", start, shape, "F" if fortran else "C")


def _of_zip(file: Path, key: str) -> np.ndarray:
    with zipfile.ZipFile(as_file(file)) as archive:
        names = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
        if key not in names:
            raise BadInput(
                Text(f"'{file}' holds no array '{key}'.", f"'{file}' 中没有数组 '{key}'。"),
                nearest=quoted(nearest_names(key, names)),
            )
        entry = archive.getinfo(names[key])
        if entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits & 1:
            with file.open("rb") as stream:
                stream.seek(entry.header_offset)
                local = stream.read(_LOCAL_HEADER)
                name, extra = (int.from_bytes(local[at : at + 2], "little") for at in (26, 28))
                start = entry.header_offset + _LOCAL_HEADER + name + extra
                stream.seek(start)
                return _mapped(file, stream, min(start + entry.file_size, file.stat().st_size))
        with archive.open(entry) as stream:
            shape, fortran, kind = _checked(stream, f"{file}#{key}")
            needed, held = _bytes(shape, kind), entry.file_size - stream.tell()
            if needed > min(held, LARGEST_PACKED):
                raise BadInput(
                    Text(
                        f"'{file}#{key}' claims {needed:,} bytes of numbers (shape {shape}) and holds {held:,}; packed "
                        f"arrays are read up to {LARGEST_PACKED:,} bytes.",
                        f"'{file}#{key}' 声称有 {needed:,} 字节的数（形状 {shape}），"
                        f"而实有 {held:,}；压缩的数组最多读取 {LARGEST_PACKED:,} 字节。",
                    ),
                    hint=Text(
                        "numpy.save('x.npy', x): such a file is mapped, however large it is",
                        "numpy.save('x.npy', x)：这种文件以内存映射读取，多大都可以",
                    ),
                )
            content = stream.read(needed)
    return np.frombuffer(content, kind).reshape(shape, order="F" if fortran else "C")


def _checked(stream: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    shape, fortran, kind = _header(stream)
    if kind.kind not in "biuf":
        what = "objects, and loading those can run code" if kind.hasobject else f"'{kind}'"
        raise BadInput(
            Text(f"'{where}' is an array of {what}; refused.", f"'{where}' 是由 {what} 组成的数组；拒绝读取。"),
            hint=Text("an array of whole or floating numbers", "请用整数或浮点数的数组"),
        )
    if min(shape, default=0) < 0:
        raise BadInput(Text(f"'{where}' claims the shape {shape}.", f"'{where}' 声称形状为 {shape}。"))
    return shape, fortran, kind


def _bytes(shape: tuple[int, ...], kind: np.dtype[Any]) -> int:
    return math.prod(shape) * kind.itemsize
