"""Dead units: channels of a rectifier that are zero for every example at every position."""

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, check
from pellucid.diagnose.finding import Noticed, Severity
from pellucid.diagnose.gates import is_gate
from pellucid.engine.passes import Keep, Pass, Spot
from pellucid.inputs.inputs import Inputs
from pellucid.ops.statistics import Summary, summary
from pellucid.results.series import Series
from pellucid.results.spell import percent

RECTIFIERS = frozenset({"relu", "relu6", "threshold"})
HIGH, MEDIUM, LOW, ALL = 0.9, 0.5, 0.3, 0.999
SEEN = 16  # values of a channel below which silence tells little


@check(
    title=Text("Dead units", "失活的单元"),
    why=Text(
        "A rectifier that is zero for every input passes no gradient: its weights never move again.",
        "对任何输入都为零的整流单元不传递梯度，其权重再也不会更新。",
    ),
    advice=Text(
        "Is a bias far below zero, or was the rate too high? Try a lower rate, LeakyReLU, or new weights there.",
        "检查偏置是否远低于零、学习率是否过高；可降低学习率、改用 LeakyReLU，或重新初始化该层。",
    ),
    rank=40,
)
def dead_units(x: Inputs) -> Checking:
    """The share of silent channels of every rectifier; part of a squeeze-excitation may rest for alike pictures."""
    every = Keep("every activation", summary)
    seen = yield from Pass(x, keep=[every])
    rows = [(spot, *_silent(spot)) for spot in seen.at(every) if spot.place.op in RECTIFIERS]
    picture = Series(
        curves={"silent": [share for _, share, _ in rows]} if rows else {},  # pyright: ignore[reportArgumentType]
        names={"silent": Text("silent channels", "沉默通道占比")},
        labels=tuple(spot.address for spot, _, _ in rows),
        position_unit=Text("layer, first to last", "层（由前到后）"),
        unit=Text("share", "占比"),
        style="bar",
    )
    found: list[tuple[float, Noticed]] = []
    for spot, share, count in rows:
        severity = _severity(share, count)
        if severity == "medium" and is_gate(spot.value.shape):
            severity = "low"
        if severity is not None:
            said = Text(
                f"{percent(share)} of the channels are zero for all {x.size} examples.",
                f"{percent(share)} 的通道对全部 {x.size} 个样本均为零。",
            )
            found.append((-share, Noticed(severity, spot.address, said, picture)))
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def _silent(spot: Spot) -> tuple[float, int]:
    """Share of silent channels, and how many values a channel has."""
    numbers: Summary = spot.value
    last = spot.layout.kind != "channels_first" if spot.layout else len(numbers.shape) == 3
    channels = numbers.shape[-1 if last else 1] if len(numbers.shape) > 1 else 1
    silent = numbers.silent_last if last else numbers.silent_first
    size = 1
    for side in numbers.shape:
        size *= side
    return silent / max(channels, 1), size // max(channels, 1)


def _severity(share: float, count: int) -> Severity | None:
    if share >= ALL or (share >= HIGH and count >= SEEN):
        return "high"
    if count < SEEN:
        return None
    return "medium" if share >= MEDIUM else "low" if share >= LOW and count >= 4 * SEEN else None
