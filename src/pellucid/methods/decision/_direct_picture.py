"""What the direct shares of a score are drawn as: a bar for each writer, a matrix of attentions by heads."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.passes import Seen
from pellucid.methods.decision._direct import Shares
from pellucid.methods.decision._held_norm import Readout
from pellucid.methods.decision._lens_reading import answered
from pellucid.methods.decision._residual_stream import Stream, shortened
from pellucid.results import Matrix, Series
from pellucid.results.array import as_array


def bars(seen: Seen, stream: Stream, readout: Readout, shares: Shares, example: int) -> Series:
    """A bar for everything that was written, and for what is added behind."""
    found = _found(seen, stream, readout, shares, example)
    score, total = float(shares.score[example]), sum(found.values())
    first = sorted(found, key=lambda name: -abs(found[name]))[:3]
    said = Text(
        f"The bars sum to {score:.4g}; the largest: {', '.join(f'{one} {found[one]:+.3g}' for one in first)}.",
        f"各条形之和为 {score:.4g}；最大的是：{'，'.join(f'{one} {found[one]:+.3g}' for one in first)}。",
        aside=True,
    )
    return Series(
        curves={"contribution": as_array(_precise(seen, torch.tensor(list(found.values()), dtype=torch.float64)))},
        names={"contribution": Text("contribution", "贡献")},
        labels=tuple(found),
        position_unit=Text("what was written, first to last", "写入的内容（由前到后）"),
        unit=seen.targets[example].unit,
        style="bar",
        targets=(seen.targets[example],),
        notes=(said, *_notes(seen, stream, readout)),
        facts={"score": score, "sum": total, "gap": score - total},
    )


def heads(seen: Seen, stream: Stream, readout: Readout, shares: Shares, example: int) -> Matrix:
    """What each attention wrote, by head.

    Raises:
        NotApplicable: no attention writes its joined heads to the stream, or their numbers differ.
    """
    names = _names(stream, readout)
    rows: dict[str, Tensor] = {}
    for entry, one in shares.heads.items():
        rows[names[entry]] = rows.get(names[entry], 0) + one[example]
    if len({len(one) for one in rows.values()}) != 1:
        raise NotApplicable(
            Text(
                "no attention writes its joined heads to the residual stream as they are",
                "没有注意力把合并后的各头原样写入残差流",
            )
            if not rows
            else Text(
                "the attentions have different numbers of heads: they are no matrix of layers by heads",
                "各注意力的头数不同，构不成层与头的矩阵",
            ),
            hint="by='block'",
        )
    table = torch.stack(list(rows.values()))
    joined, last = table.sum(1), table.shape[1] - 1
    biased = bool(table[:, last].any())
    rest = sum(_found(seen, stream, readout, shares, example).values()) - float(
        sum(shares.each[example, entry] for entry in shares.heads)
    )
    score, total = float(shares.score[example]), rest + float(joined.sum())
    return Matrix(
        values=as_array(_precise(seen, table if biased else table[:, :last])),
        axes=("layer", "head"),
        rows=tuple(rows),
        columns=(*map(str, range(last)), *([Text("bias", "偏置")] if biased else [])),
        unit=seen.targets[example].unit,
        signed=True,
        targets=(seen.targets[example],),
        notes=(_said(rows, rest, score), *_notes(seen, stream, readout)),
        facts={
            "score": score,
            "sum": total,
            "gap": score - total,
            "rest": rest,
            "attentions": dict(zip(rows, joined.tolist(), strict=True)),
        },
    )


def _said(rows: Mapping[str, Tensor], rest: float, score: float) -> Text:
    each = {(name, i): value for name, row in rows.items() for i, value in enumerate(row[:-1].tolist())}
    first = sorted(each, key=lambda cell: -abs(each[cell]))[:3]
    en, zh = ([f"{name} {word} {i} {each[name, i]:+.3g}" for name, i in first] for word in ("head", "的头"))
    return Text(
        f"The cells, and {rest:+.4g} by all that is no attention, sum to {score:.4g}; the largest: {', '.join(en)}.",
        f"各单元格之和，加上注意力以外的 {rest:+.4g}，等于 {score:.4g}；最大的是：{'，'.join(zh)}。",
        aside=True,
    )


def _names(stream: Stream, readout: Readout) -> list[str]:
    start = "input" if stream.start < 0 else "embedding"
    shift = [f"{readout.norm}:bias"] if readout.norm else []
    return [start, *shortened([name for one in stream.writes for name in one.names]), *shift]


def _found(seen: Seen, stream: Stream, readout: Readout, shares: Shares, example: int) -> dict[str, float]:
    """All that sums to the score, by name."""
    found: dict[str, float] = {}
    for name, share in zip(_names(stream, readout), shares.each[example].tolist(), strict=True):
        found[name] = found.get(name, 0.0) + share
    if readout.norm and not found[f"{readout.norm}:bias"]:
        del found[f"{readout.norm}:bias"]
    bias = float(shares.bias[example])
    if readout.shifts and abs(bias) > 4 * torch.finfo(answered(seen).dtype).eps * sum(map(abs, found.values())):
        found[f"{stream.event(readout.unembedding).path or 'classifier'}:bias"] = bias
    return found


def _precise(seen: Seen, values: Tensor) -> Tensor:
    """In the precision of the model, at least single."""
    return values.to(torch.promote_types(answered(seen).dtype, torch.float32))


def _notes(seen: Seen, stream: Stream, readout: Readout) -> tuple[Text, ...]:
    return (*([_CAPPED] if readout.cap is not None else []), *seen.notes, *stream.notes)


_CAPPED = Text(
    "The scores are capped behind the classifier: what is attributed is the score before the cap.",
    "分类头之后还有一个软上限：这里归因的是加上限之前的得分。",
)
