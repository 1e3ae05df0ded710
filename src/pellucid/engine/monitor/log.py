"""The folder of a run: written while training, whole after a kill at any moment, readable all the while.

    manifest.json        what is watched; written whole, before anything else
    parts/000000.log     one for each time that training was begun; frames are appended, never changed
    LOCK                 held while a process trains into the folder

A frame is a mark, the length and the CRC-32 of what follows, and `chunk.pack`'s bytes. A torn frame at the end of a
part, which a kill may leave, is left out by the reader; the next training begins a part of its own.
"""

import json
import os
import platform
import struct
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from pellucid.core.errors import BadInput, BadRequest

MARK, HEAD = b"plcd", struct.Struct("<4sII")
SCHEMA = 1
MANIFEST, PARTS, LOCK = "manifest.json", "parts", "LOCK"


class Log:
    """One part of a run, being written.

    Args:
        folder: of the run; made if it is not there.
        about: what the manifest says of the run.
        resume: whether the folder may hold a run already.

    Raises:
        BadRequest: the folder holds something, or another process trains into it.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any], *, resume: bool = False) -> None:
        if folder.exists() and not folder.is_dir():
            raise BadRequest(f"'{folder}' is there and is no folder", hint="give a new folder")
        held = (folder / MANIFEST).exists()
        if held and not resume:
            raise BadRequest(f"'{folder}' holds a run already", hint="a new folder, or resume=True to go on with it")
        if not held and folder.exists() and any(one.name not in (LOCK, PARTS) for one in folder.iterdir()):
            raise BadRequest(f"'{folder}' holds other files", hint="give a new folder")
        (folder / PARTS).mkdir(parents=True, exist_ok=True)
        self.folder, self.lock = folder, _locked(folder)
        try:
            if not held:
                manifest = {"schema": SCHEMA, "kind": "run", **about}
                _write_whole(folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, sort_keys=True).encode())
            number = max((int(one.stem) + 1 for one in (folder / PARTS).glob("*.log")), default=0)
            self.stream = (folder / PARTS / f"{number:06d}.log").open("ab", buffering=0)
            _sync(folder / PARTS)
        except BaseException:
            self.lock.close()
            raise

    def append(self, content: bytes) -> None:
        """Add a frame; it counts once it is whole."""
        self.stream.write(HEAD.pack(MARK, len(content), zlib.crc32(content)) + content)
        os.fsync(self.stream.fileno())

    def close(self) -> None:
        """Let the folder go."""
        self.stream.close()
        self.lock.close()


def manifest(folder: Path) -> dict[str, Any]:
    """What the folder says of its run.

    Raises:
        BadInput: it holds none.
        BadRequest: it was written by a newer version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BadInput(f"'{folder}' holds no run", hint="the folder that was given to lens.watch(folder=...)")
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        kind, schema = told["kind"], int(told["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"'{path}' is not the manifest of a run: {error}") from error
    if kind != "run":
        raise BadInput(f"'{folder}' holds no run, but a {kind}")
    if schema > SCHEMA:
        raise BadRequest(f"'{folder}' was written by a newer version (schema {schema}, known is {SCHEMA}).")
    return told


def parts(folder: Path) -> list[Path]:
    """The parts in the order in which they were begun."""
    return sorted((folder / PARTS).glob("*.log"))


def frames(path: Path) -> Iterator[bytes]:
    """What the whole frames of a part hold; a torn or damaged one ends it."""
    with path.open("rb") as stream:
        while len(head := stream.read(HEAD.size)) == HEAD.size:
            mark, length, check = HEAD.unpack(head)
            if mark != MARK:
                return
            content = stream.read(length)
            if len(content) < length or zlib.crc32(content) != check:
                return
            yield content


def is_held(folder: Path) -> bool:
    """Whether a process trains into the folder now (False where the system has no `flock`)."""
    if sys.platform == "win32" or not (folder / LOCK).exists():
        return False
    import fcntl

    with (folder / LOCK).open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        return False


def _locked(folder: Path) -> IO[str]:
    stream = (folder / LOCK).open("a+", encoding="utf-8")
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            stream.close()
            raise BadRequest(f"another process trains into '{folder}'") from error
    stream.truncate(0)
    stream.write(f"{platform.node()} {os.getpid()}\n")
    stream.flush()
    return stream


def _write_whole(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with beside.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
