"""A data set made of a tensor, and a sweep over it, for the tests of sweeps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.core.errors import PellucidError
from pellucid.engine.looker import Looker
from pellucid.engine.sweeps.gather import Batch
from pellucid.engine.sweeps.request import Sweep, Swept
from pellucid.engine.sweeps.run import Course, Watch, answers_to
from pellucid.inputs.inputs import Inputs


@dataclass(eq=False)
class Fed:
    """Rows of a tensor; those of `bad` cannot be read."""

    rows: Tensor
    labels: Tensor | None = None
    bad: frozenset[int] = frozenset()
    white: float | None = None

    classes: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, ordinal: int) -> str:
        return f"row {ordinal}"

    def label(self, ordinal: int) -> int | None:
        return None if self.labels is None else int(self.labels[ordinal])

    def batches(self, span: range, size: int) -> Iterator[Batch]:
        for start in range(span.start, span.stop, size):
            every = range(start, min(start + size, span.stop))
            fine = [i for i in every if i not in self.bad]
            left_out = tuple((i, "cut short") for i in every if i in self.bad)
            labels = tuple(-1 if self.labels is None else int(self.labels[i]) for i in fine)
            yield Batch(self.inputs(fine) if fine else None, tuple(fine), labels, left_out)

    def inputs(self, ordinals: list[int]) -> Inputs:
        return Inputs((self.rows[ordinals],))


def sweep(
    model: nn.Module,
    fed: Fed,
    asked: Sequence[Sweep],
    *,
    batch_size: int = 4,
    shard: int | None = 8,
    folder: Path | None = None,
    resume: bool = False,
    watch: Watch = lambda _: None,
    facts: dict[str, Any] | None = None,
) -> list[Swept]:
    """What each of `asked` gets."""
    torch.set_num_threads(1)
    course = Course(fed, facts or {}, batch_size, shard, folder, resume)
    with Looker(model).looking(0) as session:
        given = answers_to(session, asked, course, watch)
    for one in given:
        if isinstance(one, PellucidError):
            raise one
    return list(given)  # type: ignore[arg-type]
