"""Values that are not finite, and the operation that first gave one."""

import numpy as np
import torch
from torch import Tensor

from pellucid.core.sites import Place, Site
from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, check
from pellucid.diagnose.finding import Noticed
from pellucid.engine.looker import Looker
from pellucid.engine.monitor.history import History
from pellucid.engine.passes import OUTPUT, Keep, Layer, Looking, Pass, Seen
from pellucid.inputs.inputs import Inputs
from pellucid.results.series import Series

LOGARITHMS = frozenset({"log", "log2", "log10", "log1p", "logit", "reciprocal", "div", "truediv"})


@check(
    title=Text("Values that are not finite", "出现非有限值"),
    why=Text(
        "A NaN spreads to everything that reads it; an infinity becomes one at the next difference.",
        "NaN 会扩散到所有读取它的地方；无穷大在下一次相减时就会变成 NaN。",
    ),
    advice=Text(
        "Keep the operation away from where it has no value: a small number under log and division, a limit for exp.",
        "避开该运算没有定义的地方：在 log 与除法中加一个小量，在 exp 之前设上限。",
    ),
    rank=10,
)
def not_finite(lens: Looker, x: Inputs | None = None, run: History | None = None) -> Checking:
    """Weights first; then what goes through the network; then what a run tells."""
    broken = [name for name, one in lens.held.items() if one.is_floating_point() and not bool(one.isfinite().all())]
    if broken and not lens.hollow:
        counts = np.array([float((~lens.held[name].isfinite()).sum()) for name in broken])
        said = Text(
            f"{int(counts[0]):,} numbers of the weights '{broken[0]}' are not finite.",
            f"权重“{broken[0]}”中有 {int(counts[0]):,} 个非有限值。",
        )
        return [Noticed("high", broken[0], said, _picture(broken, counts))]
    found = []
    if x is not None:
        every = Keep("*", count)
        seen = yield from Pass(x, keep=[every, OUTPUT])
        found = yield from _born(x, seen, every)
    if run is not None and run.born is not None:
        born = run.born
        flags = np.array([float(one.step >= born.step) for one in run.samples] or [1.0])
        found.append(Noticed("high", born.layer, born.words, _picture([str(i) for i in range(len(flags))], flags)))
    return found


def _born(x: Inputs, seen: Seen, every: Keep) -> Looking[list[Noticed]]:
    """The first place; a second pass looks at every function, where the first has shown that there is something."""
    spots = [spot for spot in seen.at(every) if spot.value]
    wrong_output = seen.output is not None and not bool(seen.output.isfinite().all())
    if not spots and not wrong_output:
        return []
    events = [one for one in seen.trace.events if one.dtype is not None and one.op not in ("attention", "empty")]
    sites: list[Layer] = [Site(one.path, one.call, one.op, one.n if one.op else None) for one in events]
    keeps = [Keep(site, count_all if one.op in LOGARITHMS else count) for site, one in zip(sites, events, strict=True)]
    again = yield from Pass(x, keep=tuple(keeps))
    counts = [(spot.place, spot.address, float(spot.value)) for keep in keeps for spot in again.at(keep) if spot.value]
    if not counts:
        place, name, number = spots[0].place, spots[0].address, float(spots[0].value)
        counts = [(place, name, number)]
    place, name, number = counts[0]
    picture = _picture([one[1] for one in counts], np.array([one[2] for one in counts]))
    return [Noticed("high", name, _said(place, name, int(number)), picture)]


def _said(place: Place, name: str, number: int) -> Text:
    by, zh = (f", in {place.op}", f"，运算为 {place.op}") if place.op else ("", "")
    return Text(
        f"{number:,} values that are not finite are born at '{name}'{by}.",
        f"{number:,} 个非有限值首先产生于“{name}”{zh}。",
    )


def count(value: Tensor) -> int:
    """How many values are NaN, or an infinity that no mask puts there: attention scores hold minus infinity."""
    return 0 if _is_sound(value) else int((torch.isnan(value) | torch.isposinf(value)).sum())


def count_all(value: Tensor) -> int:
    """How many values are not finite, where minus infinity is no mask."""
    return 0 if _is_sound(value) else int((~value.isfinite()).sum())


def _is_sound(value: Tensor) -> bool:
    """Whether all is finite, as a finite sum proves; a sum that is not proves nothing."""
    return not value.is_floating_point() or bool(value.detach().sum(dtype=torch.float32).isfinite())


def _picture(labels: list[str], counts: np.ndarray) -> Series:
    return Series(
        curves={"not finite": counts},
        names={"not finite": Text("values that are not finite", "非有限值个数")},
        labels=tuple(labels),
        position_unit=Text("place, in order", "位置（按顺序）"),
        unit=Text("count", "个数"),
    )
