"""Names in a file beside names in a model: what wrappers put before them, and what agrees."""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from pellucid.core.errors import quoted
from pellucid.core.text import Text
from pellucid.inputs.checkpoints.wrapping import Tensors

PREFIXES = ("module.", "model.", "net.", "network.", "backbone.", "encoder.", "_module.")
# What compiling, sharding and checkpointing put anywhere into a name.
_INSIDE = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")
_DEEPEST, _WIDEST = 4, 3


@dataclass(frozen=True)
class Reading:
    """One way to read the names of a file.

    Args:
        tensors: under the names as read.
        taken: what was taken off, in order.
        put: what was put before each name.
        beside: full names of those that do not start with what was taken off.
        key: under which key of the file they lay.
    """

    tensors: Tensors
    taken: tuple[str, ...] = ()
    put: str = ""
    beside: tuple[str, ...] = ()
    key: str = ""

    def agreement(self, wanted: AbstractSet[str]) -> tuple[int, int, int]:
        """How many names agree; then how few are over, and how little was changed."""
        agree = len(wanted & self.tensors.keys())
        return agree, -(len(self.tensors) - agree), -len(self.taken) - bool(self.put)

    def notes(self) -> Iterator[Text]:
        """What was changed, for the reader."""
        if self.taken:
            off = quoted(self.taken)
            yield Text(f"The prefix {off} was taken off the names.", f"已去掉名称中的前缀 {off}。")
        if self.put:
            yield Text(f"'{self.put}' was put before the names.", f"已在名称前加上 '{self.put}'。")
        if self.beside:
            count, first = len(self.beside), self.beside[0]
            yield Text(
                f"{count} tensors of the file are not of this network and were left out, the first is '{first}'.",
                f"文件中有 {count} 个张量不属于此网络，已略去，第一个是 '{first}'。",
            )


def best_reading(sets: dict[str, Tensors], wanted: AbstractSet[str]) -> Reading:
    """The reading whose names agree best with the model's; the first of equals, likely keys come first."""
    readings = [replace(one, key=key) for key, tensors in sets.items() for one in _readings(tensors, wanted)]
    return max(readings, key=lambda one: one.agreement(wanted))


def _readings(tensors: Tensors, wanted: AbstractSet[str]) -> Iterator[Reading]:
    bare, taken = tensors, ()
    for part in _INSIDE:
        shorter = {name.replace(part, ""): tensor for name, tensor in bare.items()}
        if shorter.keys() != bare.keys() and len(shorter) == len(bare):
            bare, taken = shorter, (*taken, part)
    yield Reading(tensors)
    for one in _without_prefixes(Reading(bare, taken), _DEEPEST):
        yield one
        yield from _with_prefix(one, wanted)


def _without_prefixes(reading: Reading, deep: int) -> Iterator[Reading]:
    yield reading
    if not deep:
        return
    for prefix in _leading(reading.tensors):
        shorter = {name.removeprefix(prefix): one for name, one in reading.tensors.items() if name.startswith(prefix)}
        rest = tuple(name for name in reading.tensors if not name.startswith(prefix))
        shorter.pop("", None)
        yield from _without_prefixes(
            Reading(shorter, (*reading.taken, prefix), beside=(*reading.beside, *rest)), deep - 1
        )


def _with_prefix(reading: Reading, wanted: AbstractSet[str]) -> Iterator[Reading]:
    for prefix in _leading(wanted):
        if not any(name.startswith(prefix) for name in reading.tensors):
            yield replace(reading, tensors={prefix + name: one for name, one in reading.tensors.items()}, put=prefix)


def _leading(names: AbstractSet[str] | Tensors) -> list[str]:
    """The first parts that most names have, and those that wrappers are known to leave."""
    counted = Counter(f"{name.partition('.')[0]}." for name in names if "." in name)
    common = [prefix for prefix, count in counted.most_common(_WIDEST) if 2 * count > len(names)]
    return list(dict.fromkeys([*common, *(one for one in PREFIXES if one in counted)]))[:_WIDEST]
