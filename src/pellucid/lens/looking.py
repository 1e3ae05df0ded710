"""One look: blocks of examples, restarts when memory runs out, results signed and joined."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pellucid.core.errors import NotApplicable, PellucidError
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.planner import Cost, Planner, Progress, Task
from pellucid.engine.sharing import MemoryRanOut
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.lens.asked import cut
from pellucid.lens.generating import Written
from pellucid.lens.provenance import Origin
from pellucid.registry import View
from pellucid.results.attribution import Attribution
from pellucid.results.failure import Failure
from pellucid.results.join import join
from pellucid.results.result import Result


@dataclass(frozen=True, eq=False)
class Looking:
    """What was asked for.

    Args:
        said: what the line that makes a result again calls the input.
        written: what the model wrote behind the input, where each token of it is explained.
    """

    looker: Looker
    origin: Origin
    views: Sequence[View]
    targets: Sequence[Target]
    seed: int
    progress: Callable[[Progress], None] | None
    said: str = "x"
    written: Written | None = None


def look_in_blocks(looking: Looking, x: Inputs | None, batch_size: int | None) -> tuple[list[Any], Cost]:
    """Everything, in equal blocks of at most `batch_size` examples; smaller ones if memory runs out.

    Returns:
        For each view a result, a tuple of results, or a `Failure`; and the cost of all blocks.
    """
    if x is None:
        return _block(looking, None, looking.targets)
    blocks = _equal_blocks(x.size, batch_size or x.size)
    while True:
        try:
            parts = [
                _block(looking, x if len(blocks) == 1 else x.rows(*block), _cut(looking.targets, block, x.size))
                for block in blocks
            ]
        except MemoryRanOut as error:
            largest = max(stop - start for start, stop in blocks)
            if largest < 2:
                raise NotApplicable(
                    Text("memory ran out on a single example", "单个样本就用尽了内存"),
                    hint=Text(
                        "smaller input, fewer layers at once, or another device",
                        "请缩小输入、减少同时查看的层，或换用其他设备",
                    ),
                ) from error
            blocks = _equal_blocks(x.size, (largest + 1) // 2)
            continue
        if len(parts) == 1:
            return parts[0]
        cost = _summed([cost for _, cost in parts], tuple(stop - start for start, stop in blocks))
        return [_joined(view, [given[i] for given, _ in parts]) for i, view in enumerate(looking.views)], cost


def _equal_blocks(size: int, most: int) -> list[tuple[int, int]]:
    """Equal pieces of at most `most`; no piece of one unless asked for."""
    count = -(-size // max(1, most))
    edges = [round(i * size / count) for i in range(count + 1)]
    return list(itertools.pairwise(edges))


def _cut(targets: Sequence[Target], block: tuple[int, int], size: int) -> list[Target]:
    if block == (0, size):
        return [Target(one.asked, one.labels, one.loss, texts=one.texts) for one in targets]
    return [
        Target(cut(one.asked, block, size), one.labels, one.loss, texts=one.texts and one.texts.rows(*block))
        for one in targets
    ]


def _block(looking: Looking, x: Inputs | None, targets: Sequence[Target]) -> tuple[list[Any], Cost]:
    planner = Planner(
        looking.looker,
        lambda view, x, target: view.start(looking.looker, x, target),
        x,
        seed=looking.seed,
        watch=looking.progress,
    )
    tasks = [
        [planner.add(view, x, target) for target in (targets if "target" in view.spec.given else targets[:1])]
        for view in looking.views
    ]
    planner.run()
    cost, weights = planner.cost(), looking.origin.weights
    given = [_given(looking, view, x, each, cost, weights) for view, each in zip(looking.views, tasks, strict=True)]
    return given, cost


def _given(looking: Looking, view: View, x: Inputs | None, tasks: Sequence[Task], cost: Cost, weights: str) -> Any:
    results: list[Result] = []
    same: dict[str, Any] = {"weights": weights, "said": looking.said, "seed": looking.seed, "cost": cost}
    for task in tasks:
        if task.error is not None:
            return failure(view, task.error)
        made = task.result if isinstance(task.result, tuple) else (task.result,)
        asked = looking.written.asked if looking.written else task.target and task.target.asked
        among = {one.input for one in made if isinstance(one, Attribution)}
        results += [looking.origin.sign(one, view, x, asked=asked, among=among, **same) for one in made]
    if looking.written is not None and "target" in view.spec.given:
        results = list(looking.written.table(results))
    return results[0] if len(results) == 1 else tuple(results)


def failure(view: View, error: BaseException) -> Failure:
    """The card of a view that failed."""
    reason = error.what if isinstance(error, PellucidError) else str(error)
    return Failure(view.name, reason, f"pl.{view!r}", view.spec.words, error)


def _joined(view: View, parts: Sequence[Any]) -> Any:
    for one in parts:
        if isinstance(one, Failure):
            return one
    if isinstance(parts[0], tuple):
        if len({len(one) for one in parts}) > 1:
            return failure(
                view,
                NotApplicable(
                    Text("the blocks of this batch gave different places", "这一批的各块给出的位置不同"),
                    hint="batch_size=None",
                ),
            )
        joined = [_joined(view, each) for each in zip(*parts, strict=True)]
        return next((one for one in joined if isinstance(one, Failure)), tuple(joined))
    try:
        return join(parts)
    except NotApplicable as error:
        return failure(view, error)


def _summed(costs: Sequence[Cost], chunks: tuple[int, ...]) -> Cost:
    return replace(
        costs[0],
        forwards=sum(one.forwards for one in costs),
        samples=sum(one.samples for one in costs),
        backwards=sum(one.backwards for one in costs),
        rounds=sum(one.rounds for one in costs),
        kept_bytes=sum(one.kept_bytes for one in costs),
        seconds=sum(one.seconds for one in costs),
        chunks=chunks,
    )
