"""One plan gives the same bytes whatever runs it, in which order, and how often it is cut off."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch

from pellucid.core.errors import Cancelled
from pellucid.engine.sweeps.part import Part, unpack
from pellucid.engine.sweeps.run import merged, plan_of
from pellucid.engine.sweeps.store import Memory, Store
from tests.engine.sweeps import executing
from tests.engine.sweeps.executing import BAD, SIZE, by_processes, course, places, run, shards


def delivered(parts: list[tuple[int, Part]]) -> Part:
    items = places()
    store = Store(plan_of(course(), items).shards, merged(items), Memory())
    for shard, part in parts:
        store.commit(shard, part)
    return store.whole()


@pytest.fixture(scope="module")
def alone() -> list[tuple[int, Part]]:
    return [(shard, unpack(content, "delivered")[0]) for shard, content in shards(list(range(8)))]


def test_the_order_of_shards_and_repetition_do_not_show(alone: list[tuple[int, Part]]) -> None:
    digest = delivered(alone).digest
    numbers = random.Random(0)
    for _ in range(20):
        parts = alone * numbers.choice([1, 2, 3])
        numbers.shuffle(parts)
        whole = delivered(parts)
        assert whole.digest == digest
        assert whole.read == SIZE - len(BAD) and {at for at, _ in whole.left_out} == BAD


def test_processes_and_threads_do_not_show(alone: list[tuple[int, Part]]) -> None:
    parts = by_processes([([7, 2, 4], 1), ([0, 1, 6, 5, 3, 2], 2)])
    assert len(parts) == 9
    assert delivered(parts).digest == delivered(alone).digest
    known = dict(alone)
    assert all(part.digest == known[shard].digest for shard, part in parts)


def test_a_sweep_stopped_at_every_batch_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    digest, batches = run(None), []
    run(None, lambda at: batches.append(at[0]))
    assert batches[-1] == SIZE and len(batches) == 17
    for k in range(len(batches)):
        folder = tmp_path / str(k)
        seen: list[int] = []

        def stop(at: tuple[int, int], k: int = k, seen: list[int] = seen) -> None:
            seen.append(at[0])
            if len(seen) > k:
                raise Cancelled("enough")

        with pytest.raises(Cancelled):
            run(folder, stop)
        assert seen == batches[: k + 1]
        again: list[int] = []
        assert run(folder, lambda at, again=again: again.append(at[0]), resume=True) == digest
        assert len(again) + len(seen) <= len(batches) + 2, "what was gathered is gathered again"


def test_a_sweep_stopped_at_every_batch_over_and_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    digest = run(None)
    for _ in range(40):
        told = 0

        def stop(_: tuple[int, int]) -> None:
            nonlocal told
            told += 1
            if told > 2:
                raise Cancelled("enough")

        try:
            assert run(tmp_path / "run", stop, resume=True) == digest
        except Cancelled:
            continue
        return
    pytest.fail("it does not come to an end")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_sweep_killed_at_twenty_moments_gives_the_same_bytes(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    digest = run(None)
    numbers = random.Random(0)
    for turn in range(20):
        by_clock, writes, wait = turn % 2 == 0, numbers.randrange(2, 14), 0.02 + 0.15 * numbers.random()
        folder = tmp_path / ("by clock" if by_clock else f"by count {turn}")
        child = os.fork()
        if not child:
            try:
                if by_clock:
                    run(folder, lambda _: time.sleep(0.01), resume=True)
                else:
                    executing.killed(folder, writes)
            finally:
                os._exit(0)
        if by_clock:
            time.sleep(wait)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not by_clock:
            assert os.WIFSIGNALED(status), f"it was over before write {writes}"
            assert run(folder, resume=True) == digest
    assert run(tmp_path / "by clock", resume=True) == digest
    assert [one.name for one in (tmp_path / "by clock" / "parts").iterdir()] == ["n3_0.safetensors"]
