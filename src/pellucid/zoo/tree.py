"""The tree of a weights file: every tensor under the names that lead to it, with sums at each level."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pellucid.core.provenance import Provenance, Words
from pellucid.core.text import Text
from pellucid.lens.provenance import versions
from pellucid.results.table import Table
from pellucid.zoo.stored import Stored, stored

ALL = "*"  # the name of the row that sums all tensors
_COLUMNS = {
    "name": Text("name", "名称"),
    "shape": Text("shape", "形状"),
    "type": Text("number type", "数值类型"),
    "numbers": Text("numbers", "数值个数"),
    "bytes": Text("bytes", "字节数"),
    "tensors": Text("tensors", "张量数"),
}
_WORDS = Words(
    title=Text("Weight tree", "权重树"),
    question=Text("Which tensors does the file hold?", "文件中有哪些张量？"),
    shows=Text(
        "Every tensor with its shape, under the names that lead to it; a row of several tensors holds their sums.",
        "每个张量及其形状，按名称层级排列；含多个张量的行给出总和。",
    ),
    cannot=Text("The network: what reads these weights, and in which order.", "网络本身：谁读取这些权重、顺序如何。"),
    check=Text("Compare the sums with what the authors state of their model.", "与作者公布的参数量比较。"),
)


def weight_tree(path: str | Path, *, most: int | None = None) -> Table:
    """Names, shapes and sizes of a weights file, without its network and, where the format allows, without its numbers.

    Args:
        path: the file; `FILE#KEY` for one of several sets in it.
        most: how many rows; where there are more, the deepest levels that do not fit are summed.
    Returns:  Table, a row for every tensor and for every part of a name that several tensors share.
    Raises:
        BadWeights: see `stored`.
    """
    held = stored(path)
    rows = tuple(_rows(held))
    deepest = depth = max((_depth(row) for row in rows), default=0)
    while most is not None and depth > 1 and sum(_depth(row) <= depth for row in rows) > most:
        depth -= 1
    summed = () if depth == deepest else (_summed(depth, deepest),)
    made = Provenance(
        "weight_tree", model=Path(path).stem, versions=versions(), words=_WORDS, code=f"pl.open({str(path)!r})"
    )
    kept = tuple(row for row in rows if _depth(row) <= depth)
    return Table(rows=kept, columns=_COLUMNS, provenance=made, notes=summed)


def _depth(row: dict[str, object]) -> int:
    name = str(row["name"])
    return 0 if name == ALL else name.count(".") + 1


def _summed(depth: int, deepest: int) -> Text:
    return Text(
        f"{depth} of {deepest} levels are listed; what lies deeper is summed.",
        f"共 {deepest} 层，列出前 {depth} 层；更深的各层已汇总。",
        aside=True,
    )


def _rows(held: Sequence[Stored]) -> Iterator[dict[str, object]]:
    """The whole first; then each part where its first tensor stands, followed by what lies in it."""
    sums: dict[str, list[int]] = {}
    for one in held:
        for part in ("", *_parts(one.name)):
            total = sums.setdefault(part, [0, 0, 0])
            total[0], total[1], total[2] = total[0] + 1, total[1] + one.numbers, total[2] + one.bytes
    yield _row(ALL, None, "", sums.get("", [0, 0, 0]))
    told: set[str] = set()
    for one in _grouped(held):
        for part in _parts(one.name):
            if part not in told and sums[part][0] > 1:
                yield _row(part, None, "", sums[part])
            told.add(part)
        yield _row(one.name, one.shape, one.dtype, [1, one.numbers, one.bytes])


def _parts(name: str) -> list[str]:
    return [name[:at] for at, letter in enumerate(name) if letter == "."]


def _grouped(held: Sequence[Stored]) -> list[Stored]:
    """In the file's order, with what shares a part of its name side by side."""
    order: dict[str, int] = {}
    for one in held:
        for part in (*_parts(one.name), one.name):
            order.setdefault(part, len(order))
    return sorted(held, key=lambda one: [order[part] for part in (*_parts(one.name), one.name)])


def _row(name: str, shape: tuple[int, ...] | None, dtype: str, sums: list[int]) -> dict[str, object]:
    tensors, numbers, count = sums
    return {"name": name, "shape": shape, "type": dtype, "numbers": numbers, "bytes": count, "tensors": tensors}
