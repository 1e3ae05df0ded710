"""What a pass may ask of every call beside what it reads, and what was noted of one."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Detail:
    """What is noted of each call.

    Args:
        values: figures of what it gave.
        seconds: how long it took.
    """

    values: bool = False
    seconds: bool = False

    def joined(self, other: "Detail") -> "Detail":
        """What both ask for."""
        return Detail(self.values or other.values, self.seconds or other.seconds)


@dataclass(slots=True)
class Note:
    """One call.

    Args:
        attributes: its arguments that are no tensors, by name.
        outputs: shape and type of every tensor that it gave.
        flops: multiplications and additions of matrix products, convolutions and attention.
        memory: bytes that it allocated for what it gave; 0 for views and for what is written in place.
        value: figures of the first floating tensor that it gave, None where they were not asked for.
        seconds: how long it took, None where that was not asked for.
    """

    attributes: dict[str, Any] = field(default_factory=dict)
    outputs: tuple[tuple[tuple[int, ...], str], ...] = ()
    flops: int = 0
    memory: int = 0
    value: dict[str, float] | None = None
    seconds: float | None = None


@dataclass(slots=True)
class ModuleCall:
    """One call of a module.

    Args:
        path, call, kind: which module, which call of it, its class.
        parent: position of the call around it, None for the model's own.
        start, stop: the events inside are those from `start` to before `stop`; None while it runs.
    """

    path: str
    call: int
    kind: str
    parent: int | None
    start: int
    stop: int | None = None
