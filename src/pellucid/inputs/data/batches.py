"""Samples in batches, read and decoded ahead of whoever takes them, in order."""

import os
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text
from pellucid.inputs.data.data import Bad, Data, Sample
from pellucid.inputs.data.labels import UNKNOWN
from pellucid.inputs.data.preparation import NotStated, Preparation, Prepared
from pellucid.inputs.inputs import Inputs

LARGEST_AHEAD = 2**29
LARGEST_BATCH = 2**30
_MOST_BAD = 256


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples that go through the model together.

    Args:
        ordinals: `(batch,)`, ascending if what was asked for is.
        x: what the model is called with; None where there are only bad samples to tell of.
        labels: `(batch,)`, -1 where a sample has none.
        bad: the samples met since the batch before that could not be read.
        notes: what the reader must know of how these were read.
    """

    ordinals: Tensor
    x: Inputs | None
    labels: Tensor
    bad: tuple[Bad, ...]
    notes: tuple[Text, ...] = ()

    def __len__(self) -> int:
        return len(self.ordinals)


def batches(
    data: Data,
    preparation: Preparation,
    ordinals: Sequence[int] | None = None,
    *,
    batch_size: int = 32,
    threads: int | None = None,
) -> Generator[Batch]:
    """The samples `ordinals` as batches, which hold the same samples however many threads read.

    A batch ends at `batch_size`, at the end of `ordinals`, where the next sample has another shape, and before it
    grows over a gigabyte; so pictures that the preprocessing leaves at their own size, and series of different length,
    make batches of neighbours that are alike. Texts are padded to the longest of their batch.

    Every ordinal comes out exactly once, in a batch or as bad. Reading stops when the generator is closed.

    Args:
        ordinals: default all.
        threads: that decode; 0 decodes in the caller's own. Default what the machine and the source allow; the items
            of an object are always read in the caller's thread.
    Raises:
        BadSetting: `batch_size` or `threads` below what makes sense.
        BadInput: the model lacks what these samples need, or its forward does not take them.
    """
    if batch_size < 1 or (threads is not None and threads < 0):
        raise BadSetting(
            Text(
                f"batch_size={batch_size} and threads={threads}: at least 1, and at least 0.",
                f"batch_size={batch_size}、threads={threads}：前者至少为 1，后者至少为 0。",
            )
        )
    wanted = range(len(data)) if ordinals is None else ordinals
    usual = min(4, os.cpu_count() or 1) if threads is None else threads
    return _batches(data, preparation, wanted, batch_size, min(usual, data.reader.most_threads))


def _batches(
    data: Data, preparation: Preparation, ordinals: Sequence[int], size: int, threads: int
) -> Generator[Batch]:
    held: list[tuple[int, Prepared]] = []
    bad: list[Bad] = []

    def made() -> Batch:
        batch = _batch(preparation, held, bad)
        held.clear()
        bad.clear()
        return batch

    with closing(_read(data, preparation, ordinals, threads, size)) as results:
        for ordinal, result in results:
            if isinstance(result, Bad):
                bad.append(result)
                if len(bad) == _MOST_BAD:
                    yield _batch(preparation, [], bad)
                    bad.clear()
                continue
            if held and (held[0][1].shape != result.shape or (len(held) + 1) * result.nbytes > LARGEST_BATCH):
                yield made()
            held.append((ordinal, result))
            if len(held) == size:
                yield made()
    if held or bad:
        yield made()


def _batch(preparation: Preparation, held: Sequence[tuple[int, Prepared]], bad: Sequence[Bad]) -> Batch:
    samples = [one for _, one in held]
    x = preparation.together(samples) if samples else None
    labels = [UNKNOWN if one.sample.label is None else one.sample.label for one in samples]
    return Batch(
        torch.tensor([ordinal for ordinal, _ in held], dtype=torch.int64),
        x,
        torch.tensor(labels, dtype=torch.int64),
        tuple(bad),
        () if x is None else x.notes,
    )


_Result = tuple[int, Prepared | Bad]


def _read(data: Data, preparation: Preparation, ordinals: Sequence[int], threads: int, size: int) -> Generator[_Result]:
    """Every ordinal in order, prepared; at most two batches and `LARGEST_AHEAD` bytes wait to be taken."""
    if threads == 0:
        for ordinal in ordinals:
            yield ordinal, _finished(data, preparation, ordinal, _prepared(data, preparation, ordinal))
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="pellucid-read")
    waiting: deque[tuple[int, Future[Prepared | Sample | Bad]]] = deque()
    left, largest = iter(ordinals), 1
    try:
        while True:
            room = max(threads, min(2 * size, LARGEST_AHEAD // largest))
            while len(waiting) < room and (ordinal := next(left, None)) is not None:
                waiting.append((ordinal, pool.submit(_prepared, data, preparation, ordinal)))
            if not waiting:
                return
            ordinal, future = waiting.popleft()
            result = _finished(data, preparation, ordinal, future.result())
            largest = max(largest, result.nbytes) if isinstance(result, Prepared) else largest
            yield ordinal, result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _prepared(data: Data, preparation: Preparation, ordinal: int) -> Prepared | Sample | Bad:
    """One sample, prepared; a text only read: tokenizers must not be called from several threads."""
    sample = data.read(ordinal)
    if isinstance(sample, Bad) or preparation.reads(sample.x):
        return sample
    if isinstance(sample.x, str):  # without a tokenizer it is a path
        sample = replace(sample, x=Path(sample.x))
    try:
        return preparation.one(data.decoded(sample) if isinstance(sample.x, Path) else sample)
    except NotStated:
        raise
    except Exception as error:  # noqa: BLE001  (a preprocessing is code of others: any class may come)
        return data.bad(ordinal, error, sample)


def _finished(data: Data, preparation: Preparation, ordinal: int, result: Prepared | Sample | Bad) -> Prepared | Bad:
    if not isinstance(result, Sample):
        return result
    try:
        return preparation.one(result)
    except Exception as error:  # noqa: BLE001  (a tokenizer is code of others)
        return data.bad(ordinal, error, result)
