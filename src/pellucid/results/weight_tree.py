"""A file of weights as a tree of modules, from names and shapes alone: no model is needed, no number is read."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from pellucid.core.text import Text
from pellucid.results.table import Table

MOST = 38
BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
STEP = "› "

Shape = tuple[int, ...]


@dataclass
class _Module:
    """Tensors by name, and modules by name, in order."""

    tensors: dict[str, tuple[Shape, str]] = field(default_factory=dict)
    children: dict[str, "_Module"] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Numbers in all tensors inside."""
        own = sum(math.prod(shape) for shape, _ in self.tensors.values())
        return own + sum(child.count for child in self.children.values())

    @property
    def form(self) -> object:
        """Equal for modules that hold the same names, shapes and types."""
        return tuple(self.tensors.items()), tuple((name, child.form) for name, child in self.ordered())

    @property
    def depth(self) -> int:
        """How many levels of modules are inside."""
        return 1 + max((child.depth for child in self.children.values()), default=-1)

    def ordered(self) -> list[tuple[str, "_Module"]]:
        """Children; numbered ones by number, whatever the order of the file."""
        pairs = list(self.children.items())
        return sorted(pairs, key=lambda pair: int(pair[0])) if all(name.isdecimal() for name, _ in pairs) else pairs


def weight_tree(
    shapes: Mapping[str, Sequence[int]], types: Mapping[str, str] | None = None, *, depth: int | None = None
) -> Table:
    """One row for each module that holds tensors, sums for those around them, neighbours of one form as one row.

    Args:
        shapes: of every tensor by its dotted name, as a state dict has them.
        types: the type of each tensor's numbers, as "float32".
        depth: how many levels of modules are listed, from 1; None: as many as about forty rows allow.
    Returns:
        columns `module looks shape type numbers share`; facts `tensors`, `numbers`, `buffers` (numbers of tensors that
        are named as statistics of a normalisation).
    """
    root = _grown(shapes, types or {})
    levels = [depth] if depth is not None else range(1, max(2, root.depth + 1))
    listings = [list(_rows(root, level, 0)) for level in levels]
    rows = next((one for one in reversed(listings) if len(one) <= MOST), listings[0])
    total = root.count
    buffers = sum(math.prod(shape) for name, shape in shapes.items() if name.rpartition(".")[2] in BUFFERS)
    return Table(
        rows=tuple({**row, "share": row["numbers"] / total if total else 0.0} for row in rows),
        columns={
            "module": Text("module", "模块"),
            "looks": Text("looks like", "形似"),
            "shape": Text("tensors", "张量"),
            "type": Text("type", "类型"),
            "numbers": Text("numbers", "元素数"),
            "share": Text("share of all", "占比"),
        },
        facts={"tensors": len(shapes), "numbers": total, "buffers": buffers},
        notes=(
            Text(
                "From names and shapes alone: they do not say what is computed with these tensors, nor in which order. "
                "Under a row × n stand the parts of one of the n.",
                "仅据名称与形状：这些张量如何参与计算、次序如何，无从得知。标 × n 的行之下只列出其中一个的组成。",
            ),
        ),
    )


def _grown(shapes: Mapping[str, Sequence[int]], types: Mapping[str, str]) -> _Module:
    root = _Module()
    for name, shape in shapes.items():
        *path, last = name.split(".")
        module = root
        for part in path:
            module = module.children.setdefault(part, _Module())
        module.tensors[last] = tuple(int(size) for size in shape), types.get(name, "")
    return root


def _rows(module: _Module, levels: int, at: int) -> Iterator[dict[str, Any]]:
    """The module's own tensors and its children, neighbours of one form together."""
    if at == 0 and module.tensors:
        yield _row("", _Module(module.tensors), 1, 0)
    named = [(name, *_single(child)) for name, child in module.ordered()]
    for _, run in groupby([(name + more, child) for name, more, child in named], key=lambda pair: pair[1].form):
        same = list(run)
        (first, child), (last, _) = same[0], same[-1]
        number = last.removeprefix(first.rstrip("0123456789"))
        name = first if len(same) == 1 else f"{first} – {number if number.isdigit() else last} × {len(same)}"
        yield _row(name, child, len(same), at)
        if at + 1 < levels:
            yield from _rows(child, levels, at + 1)


def _single(module: _Module) -> tuple[str, _Module]:
    """A module that holds nothing but another is named together with it."""
    name = ""
    while len(module.children) == 1 and not module.tensors:
        ((inner, module),) = module.children.items()
        name += f".{inner}"
    return name, module


def _row(name: str, module: _Module, times: int, at: int) -> dict[str, Any]:
    tensors = " · ".join(
        f"{key} {'×'.join(map(str, shape)) or '1'}" for key, (shape, _) in module.tensors.items() if key not in BUFFERS
    )
    kinds = dict.fromkeys(kind for _, kind in module.tensors.values() if kind)
    return {
        "module": STEP * at + name,
        "looks": _looks(module),
        "shape": tensors,
        "type": ", ".join(kinds),
        "numbers": module.count * times,
    }


def _looks(module: _Module) -> Text:
    """What holds tensors of these names and shapes, as a rule."""
    shapes = {name: shape for name, (shape, _) in module.tensors.items()}
    weight = shapes.get("weight", ())
    if "running_mean" in shapes:
        return Text("batch normalisation", "批归一化")
    if any(name.startswith("weight_hh") for name in shapes):
        return Text("recurrent layer", "循环层")
    if "in_proj_weight" in shapes:
        return Text("attention", "注意力")
    if len(weight) in (3, 4, 5):
        return Text("convolution", "卷积")
    if len(weight) == 2:
        return Text("linear", "线性") if "bias" in shapes else Text("linear or embedding", "线性或嵌入")
    if len(weight) == 1 and set(shapes) <= {"weight", "bias"}:
        return Text("normalisation", "归一化")
    return Text("", "")
