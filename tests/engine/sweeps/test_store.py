import io
import os
import random
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.core.errors import BadRequest
from pellucid.engine.sweeps import store as tested
from pellucid.engine.sweeps.part import Part, unpack
from pellucid.engine.sweeps.plan import Plan
from pellucid.engine.sweeps.store import Folder, Memory, Store, locked, write_whole

PLAN = Plan(11, 1, {"data": "d"})


@pytest.fixture(autouse=True)
def nothing_waits_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one test here can tell whether a disk has written; waiting for it would take most of the time."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def part_of(shard: int) -> Part:
    """Sums of floats that show in which order they were added."""
    numbers = torch.Generator().manual_seed(shard)
    left = ((shard, "bad"),) if shard % 3 == 0 else ()
    return Part({"a": {"x": torch.randn(5, generator=numbers, dtype=torch.float64)}}, 1, left, shard % 2, {"a": 1})


def merge(name: str, a: Any, b: Any) -> Any:
    return {"x": a["x"] + b["x"]}


def filled(shards: int, nodes: Memory | Folder, order: list[int] | None = None) -> Store:
    store = Store(shards, merge, nodes)
    for shard in order if order is not None else range(shards):
        store.commit(shard, part_of(shard))
    return store


def opened(path: Path, *, resume: bool = True) -> Folder:
    return Folder(path, PLAN, resume=resume)


@given(st.integers(1, 20), st.data())
@settings(max_examples=150, deadline=None)
def test_order_and_repetition_of_deliveries_do_not_show(shards: int, data: st.DataObject) -> None:
    whole = filled(shards, Memory()).whole()
    again = data.draw(st.lists(st.integers(0, shards - 1), max_size=10))
    order = data.draw(st.permutations([*range(shards), *again]))
    store = Store(shards, merge, Memory())
    taken = [store.commit(shard, part_of(shard)) for shard in order]
    assert taken == [shard not in order[:i] for i, shard in enumerate(order)]
    assert store.whole().digest == whole.digest
    assert whole.read == shards and [at for at, _ in whole.left_out] == list(range(0, shards, 3))
    assert torch.allclose(
        whole.states["a"]["x"], sum((part_of(i).states["a"]["x"] for i in range(shards)), torch.zeros(5))
    )


def test_disk_gives_what_memory_gives_and_ends_with_one_file(tmp_path: Path) -> None:
    for shards in (1, 2, 5, 8, 11):
        folder = tmp_path / str(shards)
        plan = Plan(shards, 1, {})
        order = random.Random(shards).sample(range(shards), shards)
        store = filled(shards, Folder(folder, plan, resume=False), order)
        assert store.whole().digest == filled(shards, Memory()).whole().digest
        assert len(list((folder / "parts").iterdir())) == 1
        assert Store(shards, merge, Folder(folder, plan, resume=True)).missing() == []


def test_few_parts_are_alive_at_once() -> None:
    nodes = Memory()
    store = Store(1000, merge, nodes)
    most = 0
    for shard in range(1000):
        store.commit(shard, part_of(shard))
        most = max(most, len(nodes.nodes))
    assert most <= 10


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    store = filled(11, opened(tmp_path / "run"), [0, 1, 2, 7])
    assert store.missing() == [3, 4, 5, 6, 8, 9, 10]
    with pytest.raises(BadRequest, match="7 of 11 shards are missing"):
        store.whole()
    for shard in (-1, 11):
        with pytest.raises(BadRequest, match=f"no shard {shard}"):
            store.commit(shard, Part())


def test_what_was_gathered_so_far_is_in_order(tmp_path: Path) -> None:
    store = filled(11, opened(tmp_path / "run"), [7, 6, 0, 3, 2])
    found = store.so_far()
    assert found.read == 5 and [at for at, _ in found.left_out] == [0, 3, 6]
    assert filled(11, Memory()).so_far().digest == filled(11, Memory()).whole().digest


@pytest.mark.parametrize("cut", [0, 3, 6, 11])
def test_every_file_with_a_flipped_bit_is_set_aside_and_gathered_again(tmp_path: Path, cut: int) -> None:
    digest = filled(11, Memory()).whole().digest
    numbers = random.Random(cut)
    for trial in range(12):
        folder = tmp_path / str(trial)
        nodes = opened(folder)
        filled(11, nodes, list(range(cut)))
        nodes.begin(10, Part(read=3), 2)
        files = sorted((folder / "parts").iterdir())
        hurt = files[trial % len(files)]
        content = bytearray(hurt.read_bytes())
        content[numbers.randrange(len(content))] ^= 1 << numbers.randrange(8)
        hurt.write_bytes(bytes(content))
        store = Store(11, merge, again := opened(folder))
        assert again.begun(10) is None or again.begun(10)[1] == 2  # type: ignore[index]
        for shard in store.missing():
            store.commit(shard, part_of(shard))
        assert store.whole().digest == digest


def test_a_file_that_is_damaged_while_the_sweep_runs_is_not_merged(tmp_path: Path) -> None:
    store = filled(4, Folder(tmp_path / "run", Plan(4, 1, {}), resume=False), [0, 1, 2])
    (tmp_path / "run" / "parts" / "n0_2.safetensors").write_bytes(b"")
    store.commit(3, part_of(3))
    assert store.missing() == [2]
    store.commit(2, part_of(2))
    assert store.whole().digest == filled(4, Memory()).whole().digest
    (tmp_path / "run" / "parts" / "n2_0.safetensors").write_bytes(b"")
    with pytest.raises(BadRequest, match="4 of 4 shards are missing"):
        store.whole()


def test_a_file_under_the_name_of_another_is_not_taken(tmp_path: Path) -> None:
    filled(11, opened(tmp_path / "run"), [0])
    parts = tmp_path / "run" / "parts"
    (parts / "n0_0.safetensors").rename(parts / "n0_5.safetensors")
    assert Store(11, merge, opened(tmp_path / "run")).missing() == list(range(11))
    opened(tmp_path / "run").begin(3, part_of(3), 1)
    (parts / "begun_3.safetensors").rename(parts / "begun_4.safetensors")
    assert opened(tmp_path / "run").begun(4) is None


def test_a_part_of_a_newer_version_is_refused_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.engine.sweeps import part

    with monkeypatch.context() as patch:
        patch.setattr(part, "SCHEMA", 2)
        filled(11, opened(tmp_path / "run"), [0])
    with pytest.raises(BadRequest, match="newer version"):
        Store(11, merge, opened(tmp_path / "run"))
    assert (tmp_path / "run" / "parts" / "n0_0.safetensors").exists()


def test_another_plan_is_refused_and_the_same_needs_resume(tmp_path: Path) -> None:
    opened(tmp_path / "run", resume=False)
    with pytest.raises(BadRequest, match="resume=True"):
        opened(tmp_path / "run", resume=False)
    with pytest.raises(BadRequest, match="data differ"):
        Folder(tmp_path / "run", Plan(11, 1, {"data": "e"}), resume=True)
    manifest = tmp_path / "run" / "plan.json"
    content = manifest.read_bytes()
    for at in range(len(content)):
        for bit in (0, 7):
            changed = bytearray(content)
            changed[at] ^= 1 << bit
            manifest.write_bytes(bytes(changed))
            with pytest.raises(BadRequest, match="is another one"):
                opened(tmp_path / "run")


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    for name, inner in (("a", "file"), ("b", "parts/file"), ("c", "parts")):
        (tmp_path / name / inner).parent.mkdir(parents=True)
        (tmp_path / name / inner).write_text("mine")
        with pytest.raises((BadRequest, NotADirectoryError)):
            opened(tmp_path / name)
        assert (tmp_path / name / inner).read_text() == "mine"
    with pytest.raises(BadRequest, match="is no folder"), locked(tmp_path / "a" / "file"):
        pass


class Stopped(BaseException):
    """The process ends here."""


class Calls:
    """Counts the calls that write, and lets the n-th fail; as a crash, no later one does anything any more."""

    def __init__(self, last: int, fault: str) -> None:
        self.left, self.fault, self.dead = last, fault, False

    def count(self) -> bool:
        """Whether this call fails."""
        if self.dead:
            raise Stopped
        self.left -= 1
        if self.left != 0:
            return False
        self.dead = self.fault == "stop"
        return True

    def error(self) -> BaseException:
        return Stopped() if self.fault == "stop" else OSError(5 if self.fault == "EIO" else 28, self.fault)


@contextmanager
def failing(calls: Calls, patch: pytest.MonkeyPatch) -> Generator[None]:
    """Opening, writing, flushing to disk, renaming, removing and making folders go through `calls`."""

    def through(call: Callable[..., Any]) -> Callable[..., Any]:
        def made(*args: Any, **kwargs: Any) -> Any:
            if calls.count():
                raise calls.error()
            return call(*args, **kwargs)

        return made

    class Stream:
        def __init__(self, path: Path) -> None:
            if calls.count():
                raise calls.error()
            self.inner = io.FileIO(path, "wb")

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self.inner.close()

        def write(self, content: bytes) -> None:
            if calls.count():
                self.inner.write(content[: len(content) // 2])
                raise calls.error()
            self.inner.write(content)

        def flush(self) -> None:
            pass

        def fileno(self) -> int:
            return self.inner.fileno()

    real = Path.open
    with patch.context() as here:
        here.setattr(
            Path, "open", lambda path, mode="r", *a, **k: Stream(path) if mode == "wb" else real(path, mode, *a, **k)
        )
        here.setattr(os, "fsync", through(os.fsync))
        for name in ("replace", "unlink", "mkdir"):
            here.setattr(Path, name, through(getattr(Path, name)))
        yield


@pytest.mark.parametrize("fault", ["stop", "EIO", "ENOSPC"])
@pytest.mark.parametrize("there", [0, 3, 7])
def test_a_commit_that_fails_at_any_call_leaves_the_old_or_the_new_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, there: int
) -> None:
    digest = filled(11, Memory()).whole().digest
    states, failed, last = set(), 0, 0
    for last in range(1, 60):
        folder = tmp_path / str(last)
        nodes = opened(folder)
        store = filled(11, nodes, list(range(there)))
        nodes.begin(there, Part(read=9), 4)
        calls = Calls(last, fault)
        with failing(calls, monkeypatch):
            try:
                store.commit(there, part_of(there))
            except (OSError, Stopped):
                failed += 1
        again = Store(11, merge, nodes := opened(folder))
        states.add(len(again.missing()))
        assert again.missing() in (list(range(there, 11)), list(range(there + 1, 11)))
        begun = nodes.begun(there)
        assert begun is None or (begun[0].read, begun[1]) == (9, 4)
        assert (begun is None) == (again.missing()[0] != there)
        for shard in again.missing():
            again.commit(shard, part_of(shard))
        assert again.whole().digest == digest
        names = [one.name for one in (folder / "parts").iterdir()]
        assert names == ["n4_0.safetensors"]
        if calls.left > 0:
            break
    assert states == {11 - there, 10 - there} and failed == last - 1 >= 6


@pytest.mark.parametrize("fault", ["stop", "EIO", "ENOSPC"])
def test_a_folder_that_fails_at_any_call_while_it_is_made_can_be_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    last = 0
    for last in range(1, 20):
        folder = tmp_path / str(last)
        calls = Calls(last, fault)
        with failing(calls, monkeypatch):
            try:
                opened(folder, resume=False)
            except (OSError, Stopped):
                assert last > 0
        store = filled(11, opened(folder))
        assert store.whole().digest == filled(11, Memory()).whole().digest
        assert sorted(one.name for one in folder.iterdir()) == ["parts", "plan.json"]
        if calls.left > 0:
            break
    assert last > 4


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")
    for last in range(1, 6):
        with failing(Calls(last, "ENOSPC"), monkeypatch), pytest.raises(OSError, match="ENOSPC"):
            write_whole(path, b"new content")
        assert path.read_bytes() in (b"old", b"new content") and [one.name for one in tmp_path.iterdir()] == ["file"]
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"


WRITING = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from pellucid.engine.sweeps.part import Part, pack
from pellucid.engine.sweeps.store import write_whole
torch.set_num_threads(1)
numbers = random.Random(0)
for turn in range(60):
    folder = Path(sys.argv[1]) / str(turn)
    folder.mkdir()
    child = os.fork()
    number = 0
    while not child:
        number += 1
        part = Part({"a": {"x": torch.full((40_000,), number)}}, number)
        write_whole(folder / f"{number % 3}.safetensors", pack(part, {}))
    while not (folder / "1.safetensors").exists():  # a busy machine starts late
        time.sleep(0.001)
    time.sleep(numbers.random() * 0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_sixty_killed_writers_leave_no_torn_file(tmp_path: Path) -> None:
    writing = started(WRITING, tmp_path)
    writing.communicate(timeout=100)
    assert writing.returncode == 0
    files = list(tmp_path.glob("*/*.safetensors"))
    assert len(files) >= 60
    for path in files:
        part, _ = unpack(path.read_bytes(), path.name)
        assert part.states["a"]["x"].unique().tolist() == [part.read]


LOCKING = """
import sys
from pathlib import Path
from pellucid.engine.sweeps.store import locked
with locked(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no flock")
def test_a_second_process_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first = started(LOCKING, folder)
    assert first.stdout is not None and first.stdout.readline() == b"ready\n"
    with pytest.raises(BadRequest, match="another process is sweeping"), locked(folder):
        pass
    first.kill()
    first.communicate()
    with locked(folder), pytest.raises(BadRequest, match="another process"), locked(folder):
        pass


def started(program: str, folder: Path) -> subprocess.Popen[bytes]:
    source = Path(tested.__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, env=environment
    )
