"""Variants of one example, as the engine makes them and by hand."""

import torch

from pellucid.engine.edits import variants
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Pass
from tests.engine.asking import plan

ROWS = 5
X = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(3))


def change(value):
    """Five rows: one feature after the other is taken away."""
    made = value.repeat(ROWS, *[1] * (value.ndim - 1))
    for row in range(ROWS):
        made[row, row % made.shape[1]] *= -0.5 * row
    return made


def looked(model, x, site, *, edit=change, rows=ROWS, times=1, **wanted):
    """What several equal passes show, one after the other, and what they cost besides the clean one."""
    looker = model if isinstance(model, Looker) else Looker(model)

    def method(x, target):
        yield from Pass(x, target=target)
        seen = []
        for _ in range(times):
            seen.append((yield from Pass(x, target=target, edits=(variants(site, edit),), expand=rows, **wanted)))
        return seen

    (task,), planner = plan(looker, method, x=x)
    if task.error is not None:
        raise task.error
    return task.result, planner.cost(), looker


def by_hand(model, x, path, call=0):
    """The whole network on as many rows, changed by a hook."""
    calls = []

    def hook(_module, _args, out):
        calls.append(0)
        return change(out[:1]) if len(calls) == call + 1 else None

    handle = model.get_submodule(path).register_forward_hook(hook)
    with torch.no_grad():
        out = model(x.repeat(ROWS, *[1] * (x.ndim - 1)))
    handle.remove()
    return out
