"""Which layers read the units of a layer, where that is certain."""

from typing import Any

from torch import Tensor, nn

from pellucid.engine.looker import Looker
from pellucid.engine.trace import Event, Trace

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
CALLS = frozenset({"linear", "conv1d", "conv2d", "conv3d"})
ALONE = frozenset(
    {
        *("relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "hardswish", "hardtanh", "softplus"),
        *("sigmoid", "tanh", "dropout"),
    }
)
BY_CHANNEL = frozenset(
    {
        *("batch_norm", "dropout2d"),
        *(f"{kind}_pool{axes}d" for kind in ("max", "avg", "adaptive_avg", "adaptive_max") for axes in (1, 2, 3)),
    }
)


def readers(lens: Looker, trace: Trace) -> dict[str, tuple[str, ...]]:
    """Layer → the layers that read its units, where nothing else does; a pass must have recorded the graph.

    Of flattened pictures a unit is as many inputs of the next layer as it has positions, side by side.
    """
    found = {}
    for at, one in enumerate(trace.events):
        if _is_layer(lens, trace, one):
            behind = _behind(lens, trace, at)
            units = weight_of(lens.modules[one.path]).shape[0]
            if behind and all(weight_of(lens.modules[each]).shape[1] % units == 0 for each in behind):
                found[one.path] = behind
    return found


def weight_of(module: nn.Module) -> Tensor:
    """The weight of one of `LAYERS`, as it acts."""
    weight: Any = module.weight
    return weight.detach()


def _behind(lens: Looker, trace: Trace, start: int) -> tuple[str, ...]:
    """The layers that read what a call made, each unit on its own until there; none where that is not certain."""
    links, events = trace.links, trace.events
    answers = {maker for maker, _ in links.outputs}
    behind, ends = list[str](), [start]
    while ends:
        here = ends.pop()
        after = [at for at, reads in links.reads.items() if any(maker == here for maker, _ in reads)]
        if here in answers or not after:
            return ()
        for each in after:
            one = events[each]
            if _is_layer(lens, trace, one) and _fits(events[start], events[here], one, lens.modules[one.path]):
                behind.append(one.path)
            elif _keeps(events[start], one):
                ends.append(each)
            else:
                return ()
    return tuple(dict.fromkeys(behind))


def _is_layer(lens: Looker, trace: Trace, one: Event) -> bool:
    """Whether a call is that of a layer with its own weight, which is called once."""
    known = isinstance(lens.modules.get(one.path), LAYERS)
    return known and one.op in CALLS and trace.calls.get(one.path, 1) == 1


def _keeps(start: Event, one: Event) -> bool:
    """Whether a call leaves each unit where it was: on the second axis, or behind where a linear layer made several."""
    if one.op in ALONE:
        return True
    if start.op == "linear" and len(start.shape) > 2:
        return False
    whole = len(one.shape) == 2 and one.shape[:1] == start.shape[:1]
    return one.op in BY_CHANNEL or (one.op == "flatten" and whole)


def _fits(start: Event, before: Event, reader: Event, module: nn.Module) -> bool:
    """Whether a layer reads the axis on which the units lie, all of them with each of its own."""
    if reader.op != "linear":
        return start.op != "linear" and len(before.shape) == len(start.shape) and getattr(module, "groups", 1) == 1
    return len(before.shape) == 2 or start.op == "linear"
