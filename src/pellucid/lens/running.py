"""Views of one watched training, and their results signed."""

import platform
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pellucid.core.errors import BadRequest, NotApplicable
from pellucid.core.provenance import Provenance, Trace
from pellucid.core.text import Text
from pellucid.engine.monitor.history import History
from pellucid.engine.planner import Cost
from pellucid.lens.looking import failure
from pellucid.lens.provenance import plain_settings
from pellucid.lens.views import Views
from pellucid.registry import View, names, view
from pellucid.registry import find as method_of
from pellucid.results.result import Result


def over_a_run() -> tuple[View, ...]:
    """One view of every method that can look at a run."""
    return tuple(view(name) for name in names() if "run" in method_of(name).given)


def see_run(history: History, views: Sequence[View | str], said: str) -> Views:
    """What some views show of a run; of a run there is nothing to pass through a network.

    Args:
        said: what the line that makes a result again calls the run.
    Raises:
        BadRequest: a view that looks at no run, or a setting that does not fit this one.
    """
    chosen = [view(one) for one in views] if views else list(over_a_run())
    for one in chosen:
        if "run" not in one.spec.given:
            over_data = "data" in one.spec.required
            hint = f"lens.sweep(data, pl.{one!r})" if over_data else f"lens.see(x, pl.{one!r})"
            at = "a data set" if over_data else "an input"
            raise BadRequest(
                Text(
                    f"{one.name} looks at {at}, not at a run",
                    f"{one.name} 查看的是{'数据集' if over_data else '输入'}，而不是训练记录",
                ),
                asked_by=repr(one),
                hint=hint,
            )
    began = time.perf_counter()
    given = [_seen(history, one, said) for one in chosen]
    return Views(chosen, given, Cost(seconds=time.perf_counter() - began), str(history.about.get("model", "")))


def _seen(history: History, one: View, said: str) -> Any:
    steps = one.start(None, None, None, run=history)
    try:
        next(steps)
    except StopIteration as ended:
        made = ended.value if isinstance(ended.value, tuple) else (ended.value,)
    except NotApplicable as error:
        return failure(one, error)
    except BadRequest as error:
        error.asked_by = error.asked_by or repr(one)
        raise
    else:
        return failure(
            one,
            NotApplicable(
                Text(
                    f"{one.name} asks for a pass through the model, of which a run has none",
                    f"{one.name} 需要让模型前向计算，而训练记录里没有模型",
                )
            ),
        )
    signed = tuple(_signed(history, one, result, said, i, len(made)) for i, result in enumerate(made))
    return signed[0] if len(signed) == 1 else signed


def _signed(history: History, one: View, result: Result, said: str, index: int, count: int) -> Result:
    """The result with its provenance; words that it has already stay, they tell of a run."""
    spec, about = one.spec, history.about
    of = result.provenance or Provenance(spec.name)
    made = replace(
        of,
        method=spec.name,
        family=spec.family,
        settings=plain_settings(one),
        words=of.words or spec.words,
        model=str(about.get("model", "")),
        versions=dict(about.get("versions", {})),
        code=f"pl.{one!r}({said})" + (f"[{index}]" if count > 1 else ""),
        trace=Trace(date=datetime.now(UTC).isoformat(timespec="seconds"), host=platform.node()),
    )
    return result.with_(provenance=made)
