"""Passes asked of a model through the planner, each by a method of its own."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from pellucid.core.errors import PellucidError
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Pass, Seen
from pellucid.engine.planner import Cost, Planner, Task
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.read import read


def looker_of(model: nn.Module | Looker) -> Looker:
    return model if isinstance(model, Looker) else Looker(model)


def plan(
    model: nn.Module | Looker, *methods: Callable[..., Any], x: Any = None, target: Any = None, **planner: Any
) -> tuple[list[Task], Planner]:
    """Run methods `(x, target) -> generator` in lockstep."""
    clean = None if x is None else read(x)
    planned = Planner(looker_of(model), lambda method, x, target: method(x, target), clean, **planner)
    wanted = target if isinstance(target, Target) else Target(target)
    tasks = [planned.add(method, clean, wanted) for method in methods]
    planned.run()
    return tasks, planned


def ask(model: nn.Module | Looker, *passes: Pass, clean: Inputs | None = None) -> tuple[list[Any], Cost]:
    """Run passes as if each were a method's only one; a list of `Seen` or of what went wrong."""

    def method_for(one: Pass) -> Callable[..., Any]:
        def method(_: Any, __: Any) -> Any:
            return (yield from one)

        return method

    planned = Planner(looker_of(model), lambda method, x, target: method(x, target), clean)
    tasks = [planned.add(method_for(one), None, None) for one in passes]
    planned.run()
    return [task.error or task.result for task in tasks], planned.cost()


def see(model: nn.Module | Looker, x: Any, **wanted: Any) -> Seen:
    """One pass; raises what went wrong."""
    target = wanted.pop("target", None)
    if wanted.get("grads") or target is not None:
        wanted["target"] = target if isinstance(target, Target) else Target(target)
    (seen,), _ = ask(model, Pass(read(x), **wanted))
    if isinstance(seen, PellucidError):
        raise seen
    return seen


def addresses(seen: Seen, layer: Any) -> Sequence[str]:
    return [spot.address for spot in seen.at(layer)]
