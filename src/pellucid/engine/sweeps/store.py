"""The store of a sweep: every shard counts once, whatever is delivered twice, late, in another order, or cut off.

Parts are the nodes of a fixed binary tree over the shards: node `(level, i)` holds shards `i·2^level` up to
`(i+1)·2^level`. Two siblings are merged as soon as both are there, so the grouping of sums never depends on the order
of delivery, and about `log2(shards)` parts are alive. On disk a part is one file, written beside and renamed.
"""

import os
import re
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pellucid.core.errors import BadInput, BadRequest
from pellucid.core.text import Text
from pellucid.engine.sweeps.part import Part, joined, pack, unpack
from pellucid.engine.sweeps.plan import Plan

Node = tuple[int, int]
Merge = Callable[[str, Any, Any], Any]
_NODE = re.compile(r"n(\d+)_(\d+)\.safetensors")
_BEGUN = re.compile(r"begun_(\d+)\.safetensors")


class Memory:
    """Nodes in memory."""

    damaged: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.nodes: dict[Node, Part] = {}

    def found(self) -> list[Node]:
        return list(self.nodes)

    def read(self, node: Node) -> Part | None:
        return self.nodes[node]

    def write(self, node: Node, part: Part) -> None:
        self.nodes[node] = part

    def remove(self, node: Node) -> None:
        self.nodes.pop(node, None)

    def unfinished(self) -> list[int]:
        return []

    def begun(self, shard: int) -> tuple[Part, int] | None:
        return None

    def begin(self, shard: int, part: Part, done: int) -> None:
        pass

    def forget(self, shard: int) -> None:
        pass


class Folder:
    """Nodes as files; `damaged` names those that were set aside because they are not what they were written as.

    Args:
        path: of the sweep; made if it is not there.
        plan: what is going to be done.
        resume: go on with what is there.
    Raises:
        BadRequest: there is a sweep already and `resume` is not set, or it is another one.
    """

    def __init__(self, path: Path, plan: Plan, *, resume: bool) -> None:
        self.path, self.plan = path, plan
        self.damaged: tuple[str, ...] = ()
        self._parts = path / "parts"
        manifest = path / "plan.json"
        if manifest.exists():
            plan.check(manifest.read_text("utf-8", "replace"), str(path))
            if not resume:
                raise BadRequest(
                    Text(f"'{path}' holds this sweep already", f"'{path}' 中已有这次遍历"),
                    hint=Text("resume=True goes on with it", "resume=True 可继续"),
                )
        elif path.exists() and not _is_ours(path):
            raise BadRequest(
                Text(f"'{path}' is there and is no sweep", f"'{path}' 已存在，但不是遍历"),
                hint=Text("give a new folder", "请换一个新文件夹"),
            )
        self._parts.mkdir(parents=True, exist_ok=True)
        for one in (*path.glob(".plan.json.*.tmp"), *self._parts.glob("*.tmp")):
            one.unlink()
        if not manifest.exists():
            write_whole(manifest, plan.text.encode())

    def found(self) -> list[Node]:
        """Nodes whose files are whole."""
        names = [_NODE.fullmatch(one.name) for one in self._parts.iterdir()]
        nodes = sorted((int(one[1]), int(one[2])) for one in names if one is not None)
        return [node for node in nodes if self.read(node) is not None]

    def read(self, node: Node) -> Part | None:
        """The part, or None if its file is damaged: it is set aside, and its shards count as missing."""
        found = self._opened(self._file(node), "node", list(node))
        return None if found is None else found[0]

    def write(self, node: Node, part: Part) -> None:
        write_whole(self._file(node), pack(part, {"plan": self.plan.id, "node": node}))

    def remove(self, node: Node) -> None:
        self._file(node).unlink(missing_ok=True)

    def unfinished(self) -> list[int]:
        """Shards of which an interrupt left a beginning."""
        names = [_BEGUN.fullmatch(one.name) for one in self._parts.iterdir()]
        return [int(one[1]) for one in names if one is not None]

    def begun(self, shard: int) -> tuple[Part, int] | None:
        """What an interrupt left of a shard, and how many of its batches that is."""
        path = self._beginning(shard)
        found = self._opened(path, "shard", shard) if path.exists() else None
        return None if found is None else (found[0], int(found[1]["batches"]))

    def begin(self, shard: int, part: Part, done: int) -> None:
        """Keep what was gathered of a shard so far."""
        write_whole(self._beginning(shard), pack(part, {"plan": self.plan.id, "shard": shard, "batches": done}))

    def forget(self, shard: int) -> None:
        """A shard is complete: what was kept of its beginning is not needed."""
        self._beginning(shard).unlink(missing_ok=True)

    def _file(self, node: Node) -> Path:
        return self._parts / f"n{node[0]}_{node[1]}.safetensors"

    def _beginning(self, shard: int) -> Path:
        return self._parts / f"begun_{shard}.safetensors"

    def _opened(self, path: Path, kind: str, which: Any) -> tuple[Part, dict[str, Any]] | None:
        """What a file holds; a damaged one, or one that is not what its name says, is set aside, and named."""
        try:
            found = unpack(path.read_bytes(), path.name)
        except BadInput:
            found = None
        if found is not None and found[1].get("plan") == self.plan.id and found[1].get(kind) == which:
            return found
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        self.damaged = (*self.damaged, aside.name)
        return None


class Store:
    """Counts every shard once.

    Args:
        shards: how many there are.
        merge: two states of a name.
        nodes: where they lie.
    """

    def __init__(self, shards: int, merge: Merge, nodes: Memory | Folder) -> None:
        self.shards, self._merge, self._nodes = shards, merge, nodes
        found = set(nodes.found())
        for node in sorted(found):
            if any(above in found for above in self._above(node)):
                nodes.remove(node)
                found.discard(node)
        self._found = found
        for node in sorted(found):
            if node in self._found:
                self._climb(node)
        for shard in set(nodes.unfinished()) - set(self.missing()):
            nodes.forget(shard)

    def missing(self) -> list[int]:
        """Shards that were not delivered yet, in rising order."""
        covered = {shard for node in self._found for shard in self._covers(node)}
        return [shard for shard in range(self.shards) if shard not in covered]

    def commit(self, shard: int, part: Part) -> bool:
        """Take a shard in; False if it is there already.

        Raises:
            BadRequest: there is no such shard.
        """
        if not 0 <= shard < self.shards:
            raise BadRequest(
                Text(
                    f"there is no shard {shard}; they are 0 to {self.shards - 1}",
                    f"没有分片 {shard}；编号为 0 至 {self.shards - 1}",
                )
            )
        node = (0, shard)
        if node in self._found or any(above in self._found for above in self._above(node)):
            return False
        self._nodes.write(node, part)
        self._found.add(node)
        self._climb(node)
        self._nodes.forget(shard)
        return True

    def whole(self) -> Part:
        """Everything, once no shard is missing.

        Raises:
            BadRequest: shards are missing.
        """
        top = (self._levels(), 0)
        part = self._nodes.read(top) if top in self._found else None
        if part is None:
            self._found.discard(top)
            raise BadRequest(
                Text(
                    f"{len(self.missing())} of {self.shards} shards are missing",
                    f"{self.shards} 个分片中缺 {len(self.missing())} 个",
                ),
                hint=Text("deliver them again", "请重新交付"),
            )
        return part

    def so_far(self) -> Part:
        """What the shards delivered until now amount to."""
        made = Part()
        for node in sorted(self._found, key=lambda one: one[1] << one[0]):
            part = self._nodes.read(node)
            made = made if part is None else joined(made, part, self._merge)
        return made

    def _climb(self, node: Node) -> None:
        while node[0] < self._levels():
            level, i = node
            parent, sibling = (level + 1, i // 2), (level, i ^ 1)
            alone = (sibling[1] << level) >= self.shards
            if not alone and sibling not in self._found:
                return
            children = [node] if alone else sorted((node, sibling))
            parts = {one: self._nodes.read(one) for one in children}
            for one in [one for one, part in parts.items() if part is None]:
                self._found.discard(one)
            read = [part for part in parts.values() if part is not None]
            if len(read) < len(children):
                return
            self._nodes.write(parent, read[0] if alone else joined(read[0], read[1], self._merge))
            self._found.add(parent)
            for one in children:
                self._nodes.remove(one)
                self._found.discard(one)
            node = parent

    def _levels(self) -> int:
        return max(0, self.shards - 1).bit_length()

    def _covers(self, node: Node) -> range:
        level, i = node
        return range(i << level, min((i + 1) << level, self.shards))

    def _above(self, node: Node) -> Iterator[Node]:
        level, i = node
        for up in range(1, self._levels() - level + 1):
            yield level + up, i >> up


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a crash."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_ours(path: Path) -> bool:
    """Whether a folder holds no more than a sweep that was cut off before its plan was written."""
    if not path.is_dir():
        return False
    every = list(path.iterdir())
    empty = not any(one for parts in every if parts.name == "parts" for one in parts.iterdir())
    return empty and all(one.name in ("LOCK", "parts") or one.match(".plan.json.*.tmp") for one in every)


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """One process at a time writes into a sweep (where the system has `flock`).

    Raises:
        BadRequest: another one does.
    """
    if folder.exists() and not folder.is_dir():
        raise BadRequest(
            Text(f"'{folder}' is there and is no folder", f"'{folder}' 已存在，但不是文件夹"),
            hint=Text("give a new folder", "请换一个新文件夹"),
        )
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with (folder / "LOCK").open("a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadRequest(
                Text(f"another process is sweeping into '{folder}'", f"另一个进程正在向 '{folder}' 遍历")
            ) from error
        yield
