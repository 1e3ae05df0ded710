"""One run of views over a data set, and their results signed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pellucid.core.errors import BadRequest
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.planner import Cost, Planner, Progress, Task
from pellucid.engine.sweeps.run import Course
from pellucid.inputs.data.data import Data
from pellucid.inputs.data.open import KINDS
from pellucid.lens.feed import Feed
from pellucid.lens.looking import failure
from pellucid.lens.numbering import own_classes
from pellucid.lens.provenance import Origin
from pellucid.registry import View
from pellucid.results.result import Result


def check_views(views: Sequence[View]) -> None:
    """Refuse to sweep with what looks at an input.

    Raises:
        BadRequest: no view is asked for, or one does not take a data set.
    """
    if not views:
        raise BadRequest(
            Text("a sweep needs at least one view", "遍历至少需要一个视图"), hint="lens.sweep(data, pl.top_regions())"
        )
    for one in views:
        if "data" not in one.spec.given:
            over_run = "run" in one.spec.required
            at, hint = ("a run", f"run.see(pl.{one!r})") if over_run else ("an input", f"lens.see(x, pl.{one!r})")
            raise BadRequest(
                Text(
                    f"{one.name} looks at {at}, not at a data set",
                    f"{one.name} 查看的是{'训练记录' if over_run else '输入'}，而不是数据集",
                ),
                hint=hint,
            )


def swept(
    looker: Looker,
    origin: Origin,
    views: Sequence[View],
    course: Course,
    feed: Feed,
    *,
    seed: int,
    progress: Callable[[Progress], None] | None,
) -> tuple[list[Any], Cost]:
    """For each view a result, a tuple of results, or a `Failure`; and the cost."""
    planner = Planner(
        looker,
        lambda view, x, target: view.start(looker, x, target, feed),
        None,
        seed=seed,
        watch=progress,
        course=course,
    )
    tasks = [planner.add(view, None, None) for view in views]
    planner.run()
    cost, weights = planner.cost(), origin.weights
    given: list[Any] = []
    for view, task in zip(views, tasks, strict=True):
        given.append(
            failure(view, task.error)
            if task.error is not None
            else _signed(origin, view, task, feed, cost, weights, seed)
        )
    return given, cost


def _signed(origin: Origin, view: View, task: Task, feed: Feed, cost: Cost, weights: str, seed: int) -> Any:
    made: tuple[Result, ...] = task.result if isinstance(task.result, tuple) else (task.result,)
    about = _data(feed, made)
    results = [
        origin.sign(
            one.with_(notes=(*one.notes, *feed.notes), facts={**one.facts, "data": about}),
            view,
            None,
            weights=weights,
            said=_said(feed.data.said),
            seed=seed,
            asked=None,
            cost=cost,
        )
        for one in made
    ]
    return results[0] if len(results) == 1 else tuple(results)


def names_data(x: Any) -> bool:
    """Whether it is a data set where it could be an input too: one that was opened, or the words that open one."""
    return isinstance(x, Data) or (isinstance(x, str) and ":" in x and x.partition(":")[0] in KINDS)


def _said(words: str) -> str:
    """What the line that makes a result again calls its data set: words that open it, or a name for an object."""
    return repr(words) if words.partition(":")[0] in KINDS else "data"


def _data(feed: Feed, made: Sequence[Result]) -> dict[str, Any]:
    """What every result of a sweep states of the data set."""
    facts = next((one.facts for one in made if "left out" in one.facts), {})
    return {
        "name": feed.data.said,
        "samples": len(feed),
        "read": facts.get("samples", len(feed)),
        "left out": facts.get("left out", ()),
        "classes": len(own_classes(feed.data)),
        "fingerprint": feed.data.fingerprint,
        "told apart by": feed.data.fingerprint_covers,
    }


def folder_of(folder: str | Path | None, resume: bool) -> Path | None:
    """Where parts are stored.

    Raises:
        BadRequest: there is nothing to go on with.
    """
    if folder is None and resume:
        raise BadRequest(
            Text("resume=True needs the folder of the sweep", "resume=True 需要遍历的文件夹"), hint="folder="
        )
    return None if folder is None else Path(folder)
