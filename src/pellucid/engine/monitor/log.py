"""The folder of a run: written while training, whole after a kill at any moment, readable all the while.

    manifest.json        what is watched; written whole, before anything else; once a part is closed, how long it is,
                         and why it ends where it could not be written
    parts/000000.log     one for each time that training was begun; frames are appended, never changed
    LOCK                 held while a process trains into the folder

A frame is a mark, the length and the CRC-32 of what follows, and `chunk.pack`'s bytes. A torn frame at the end of a
part, which a kill may leave, is left out by the reader; the next training begins a part of its own. Whatever else is
no frame is damage: the reader goes on at the next whole frame.
"""

import json
import os
import platform
import struct
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from pellucid.core.errors import BadInput, BadRequest

MARK, HEAD = b"plcd", struct.Struct("<4sII")
SCHEMA = 1
MANIFEST, PARTS, LOCK = "manifest.json", "parts", "LOCK"
_HINT = "the folder that was given to lens.watch(folder=...)"


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
        self.folder, self.unwritten, self.whole = folder, "", 0
        try:
            (folder / PARTS).mkdir(parents=True, exist_ok=True)
            self.lock = _locked(folder)
        except OSError as error:
            raise _refused(folder, error) from error
        try:
            if not held:
                _write_manifest(folder, {"schema": SCHEMA, "kind": "run", **about})
            self.part = f"{max(numbers(folder), default=-1) + 1:06d}"
            self.stream = (folder / PARTS / f"{self.part}.log").open("ab", buffering=0)
            _sync(folder / PARTS)
        except BaseException as error:
            self.lock.close()
            if isinstance(error, OSError):
                raise _refused(folder, error) from error
            raise

    def append(self, content: bytes) -> None:
        """Add a frame; it counts once it is whole."""
        frame = memoryview(HEAD.pack(MARK, len(content), zlib.crc32(content)) + content)
        length = len(frame)
        while frame:
            frame = frame[self.stream.write(frame) :]
        os.fsync(self.stream.fileno())
        self.whole += length

    def give_up(self, why: str) -> None:
        """The part ends behind its last whole frame, because it cannot be written; noted if that can be."""
        self.unwritten = why
        with suppress(OSError):
            self.stream.truncate(self.whole)
        self._note()

    def close(self) -> None:
        """Let the folder go."""
        with suppress(OSError):
            self.stream.close()
        self._note()
        self.lock.close()

    def _note(self) -> None:
        """How long the part is, into the manifest; a disk that takes no more keeps the one that is there."""
        with suppress(OSError, BadRequest):
            told = manifest(self.folder)
            why = {"unwritten": self.unwritten} if self.unwritten else {}
            _write_manifest(self.folder, {**told, "parts": {**closed(told), self.part: {"bytes": self.whole, **why}}})


def manifest(folder: Path) -> dict[str, Any]:
    """What the folder says of its run.

    Raises:
        BadInput: it holds none.
        BadRequest: it was written by a newer version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BadInput(f"'{folder}' holds no run", hint=_HINT)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        kind, schema = told["kind"], int(told["schema"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f": {error}" if isinstance(error, OSError | ValueError) else ""
        raise BadInput(f"'{path}' is not the manifest of a run{why}", hint=_HINT) from error
    if kind != "run":
        raise BadInput(f"'{folder}' holds no run, but a {kind}", hint=_HINT)
    if schema > SCHEMA:
        raise BadRequest(f"'{folder}' was written by a newer version (schema {schema}, known is {SCHEMA}).")
    return told


def parts(folder: Path) -> list[Path]:
    """The parts in the order in which they were begun."""
    return sorted((folder / PARTS).glob("*.log"))


def closed(told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a manifest says of parts that were closed: `bytes`, and `unwritten`, why there are no more."""
    return told.get("parts", {})


def numbers(folder: Path) -> set[int]:
    """The numbers of the parts that are there, or that the manifest knows of."""
    return {int(one.stem) for one in parts(folder)} | {int(one) for one in closed(manifest(folder))}


def frames(path: Path) -> Iterator[bytes | None]:
    """What the whole frames of a part hold, and None for damage; a frame that is torn by the end of the file ends it.

    Behind damage the next whole frame is looked for.
    """
    content, at = path.read_bytes(), 0
    while at < len(content):
        held = _frame(content, at)
        if held is not None:
            yield held
            at += HEAD.size + len(held)
            continue
        behind = content.find(MARK, at + 1)
        while behind >= 0 and _frame(content, behind) is None:
            behind = content.find(MARK, behind + 1)
        if behind < 0 and _is_torn(content[at:]):
            return
        yield None
        if behind < 0:
            return
        at = behind


def _frame(content: bytes, at: int) -> bytes | None:
    """What the frame at a place holds; None where there is none, or not a whole one."""
    if len(content) < at + HEAD.size:
        return None
    mark, length, check = HEAD.unpack_from(content, at)
    held = content[at + HEAD.size : at + HEAD.size + length]
    return held if mark == MARK and len(held) == length and zlib.crc32(held) == check else None


def _is_torn(rest: bytes) -> bool:
    """Whether the last bytes of a part are the beginning of a frame that was not written to its end."""
    if len(rest) < HEAD.size:
        return rest[: len(MARK)] == MARK[: len(rest)]
    mark, length, _ = HEAD.unpack_from(rest)
    return mark == MARK and len(rest) < HEAD.size + length


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


def _refused(folder: Path, error: OSError) -> BadRequest:
    return BadRequest(
        f"'{folder}' cannot be written: {error.strerror}", hint="another folder, or more room on the disk"
    )


def _write_manifest(folder: Path, told: Mapping[str, Any]) -> None:
    """Whole, or not at all."""
    path = folder / MANIFEST
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as stream:
            stream.write(json.dumps(told, ensure_ascii=False, sort_keys=True).encode())
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    _sync(folder)


def _sync(folder: Path) -> None:
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
