"""The levels of a network: places through which every path from the input to the output leads."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

from torch import nn

from pellucid.core.sites import Site
from pellucid.engine.passes import Spot
from pellucid.engine.rules import ACTIVATIONS
from pellucid.engine.trace import Trace

_CONTINUES = ACTIVATIONS | {"batch_norm", "layer_norm", "rms_norm", "group_norm", "instance_norm"}
_SAME = frozenset(
    {"flatten", "view", "reshape", "squeeze", "unsqueeze", "permute", "transpose", "movedim", "contiguous", "clone"}
    | {"dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout", "alpha_dropout", "unflatten"}
)


def candidates(modules: Mapping[str, nn.Module]) -> tuple[Site, ...]:
    """Every module that does not lie inside a block of a kind that repeats, as patterns, which pass over what did not run."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for path, module in modules.items():
        if path and any(module.children()) and type(module) not in (nn.Sequential, nn.ModuleList):
            kinds.setdefault((path.rpartition(".")[0], type(module).__name__), []).append(path)
    blocks = [path for paths in kinds.values() if len(paths) > 1 for path in paths]
    inside = tuple(f"{path}." for path in blocks)
    return tuple(Site(_pattern(path)) for path in modules if path and not path.startswith(inside))


def _pattern(path: str) -> str:
    return f"{path[:-1]}[{path[-1]}]"


def cuts(trace: Trace, names: Iterable[str]) -> list[int]:
    """The function calls through which every path from the inputs `names` to the output leads; indices of events.

    A call is one if nothing made before it is read after it.
    """
    links = trace.links
    starts = {-1 - i for i, (name, _) in enumerate(links.inputs) if name in set(names)}
    forward = set(starts)
    for index in sorted(links.reads):
        if trace.events[index].dtype.is_floating_point and any(maker in forward for maker, _ in links.reads[index]):
            forward.add(index)
    end = len(trace.events)
    makers: dict[int, set[int]] = {end: {maker for maker, _ in links.outputs}}
    makers |= {index: {maker for maker, _ in reads} for index, reads in links.reads.items()}
    backward, waiting = {end}, [end]
    while waiting:
        found = (makers.get(waiting.pop(), set()) & forward) - backward
        backward |= found
        waiting += found
    farthest: dict[int, int] = {}
    for index in sorted(backward):
        for maker in makers.get(index, ()):
            if maker in backward:
                farthest[maker] = index
    reach, found = max((farthest.get(start, -1) for start in starts), default=-1), []
    for index in sorted(one for one in backward if 0 <= one < end):
        if reach <= index:
            found.append(index)
        reach = max(reach, farthest.get(index, -1))
    return found


def levels(trace: Trace, spots: Sequence[Spot], crossed: Sequence[int], most: int) -> list[Spot]:
    """Of the places that were seen, those at a cut; at most `most`, evenly chosen, the last one among them.

    Where the next cut of the same shape is only an activation or a normalisation, that one stands for both; what only
    gives values another shape is left out; of modules that end together the outermost is taken.
    """
    at = {event.place: i for i, event in enumerate(trace.events)}
    made = sorted(trace.links.reads)
    by_maker: dict[int, Spot] = {}
    for spot in sorted(spots, key=lambda one: at[one.place]):
        before = bisect_right(made, at[spot.place])
        maker = made[before - 1] if before else -1
        if maker in set(crossed) and trace.events[maker].shape == tuple(spot.value.shape):
            by_maker[maker] = spot
    kept = [index for index in sorted(by_maker) if trace.events[index].op not in _SAME]
    kept = [one for k, one in enumerate(kept) if not _continued(trace, kept[k : k + 2])]
    if len(kept) > most:
        kept = [kept[round((k + 1) * len(kept) / most) - 1] for k in range(most)]
    return [by_maker[index] for index in kept]


def _continued(trace: Trace, pair: Sequence[int]) -> bool:
    """Whether the second of two calls only activates or normalises what the first gave."""
    if len(pair) < 2:
        return False
    first, second = (trace.events[index] for index in pair)
    reads = {maker for maker, _ in trace.links.reads[pair[1]]}
    return second.op in _CONTINUES and pair[0] in reads and first.shape == second.shape


def sites_of(trace: Trace, crossed: Sequence[int]) -> tuple[Site, ...]:
    """The calls themselves, where no module stands for them."""
    events = [trace.events[index] for index in crossed]
    return tuple(Site(one.path, one.call, one.op, one.n) for one in events if one.op not in _SAME)
