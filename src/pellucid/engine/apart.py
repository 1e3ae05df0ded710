"""Networks whose rows know of one another: batch statistics, means over everything, branches on them.

Where a method looks at many variants of an input at once, each must score as it would alone. What a trace shows that
may mix rows is tried out once: does an example come out otherwise beside others? Then variants run one by one.
"""

from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable, PellucidError
from pellucid.core.text import Text
from pellucid.engine.covered import covered_rows
from pellucid.engine.group import run_group
from pellucid.engine.halving import cuttable, joined, part_of
from pellucid.engine.looker import Looker, Session
from pellucid.engine.memory import out_of_memory
from pellucid.engine.passes import OUTPUT, Pass, Seen
from pellucid.engine.variants import makes_variants
from pellucid.inputs.inputs import Inputs

CLOSE = 1e-4
BESIDE = ((5.0, 3.0), (-5.0, -3.0))
"""What stands beside the example when it is tried out: itself, times and plus these."""
_mixing: "WeakKeyDictionary[Looker, dict[Any, bool]]" = WeakKeyDictionary()


def knows_others(session: Session, one: Pass, clean: Inputs) -> bool:
    """Whether a pass has other rows than the batch that is looked at, of a network that mixes them."""
    if makes_variants(one) or not (one.covered or one.expand > 1 or one.x.size != clean.size):
        return False
    reader = session.looker.traces.get(clean.signature)
    if reader is None or not reader.trace.mixes:
        return False
    alone, known = clean.rows(0, 1), _mixing.setdefault(session.looker, {})
    if alone.signature not in known:
        known[alone.signature] = _tried(session, alone)
    return known[alone.signature]


@dataclass(frozen=True, eq=False)
class Apart:
    """Runs a group in pieces: variants of one example one by one, copies of the batch each as that batch.

    Args:
        clean: the batch as it is looked at.
    """

    clean: Inputs

    def __call__(self, session: Session, group: list[Pass]) -> list[Seen | PellucidError]:
        """For each pass what it was shown; a refusal where its rows have no place of their own."""
        ask, size = group[0], self.clean.size
        each = 1 if ask.covered is not None or ask.expand > 1 or ask.x.size < size else size
        if ask.covered is not None:
            rows = covered_rows(ask.x, ask.covered)
            group = [replace(one, x=rows, covered=None, expand=rows.size) for one in group]
        count = group[0].x.size
        if each < size or count % each or not all(cuttable(session, one) for one in group):
            return [_refused() for _ in group]
        answers = run_group(session, [part_of(one, 0, each) for one in group])
        for start in range(each, count, each):
            more = run_group(session, [part_of(one, start, start + each) for one in group])
            shares = (start / (start + each), each / (start + each))
            answers = [joined(one, a, b, shares) for one, a, b in zip(group, answers, more, strict=True)]
        return answers


def _refused() -> NotApplicable:
    return NotApplicable(
        Text(
            "the network scores an example otherwise beside others (batch statistics, or a mean over all rows), so "
            "what one example scores is not known here",
            "网络把样本与其他样本放在一起时得分会变（批统计量，或对所有行求平均），因此这里无从得知单个样本的得分",
        ),
        hint=Text(
            "one example at a time: see(..., batch_size=1), and batch_size=1 of the method",
            "请逐个样本查看：see(..., batch_size=1)，方法的 batch_size 也设为 1",
        ),
    )


def _tried(session: Session, alone: Inputs) -> bool:
    """Whether an example comes out otherwise beside another one."""
    try:
        one = _output(session, alone)
        return one is not None and any(_differs(one, _output(session, _beside(alone, *how))) for how in BESIDE)
    except Exception as error:
        if isinstance(error, PellucidError) or out_of_memory(error):
            return False
        raise


def _output(session: Session, x: Inputs) -> Tensor | None:
    (seen,) = run_group(session, [Pass(x, keep=[OUTPUT])])
    return seen.output if isinstance(seen, Seen) else None


def _beside(alone: Inputs, times: float, plus: float) -> Inputs:
    """The example, and another one made of it."""

    def changed(name: str, value: Tensor) -> Tensor:
        if name not in alone.explained:
            return value
        other = value[1:].flip(-1) if alone.is_discrete else value[1:] * times + plus
        return torch.cat([value[:1], other])

    return alone.repeated(2).mapped(changed)


def _differs(one: Tensor, two: Tensor | None) -> bool:
    if two is None or two[:1].shape != one.shape:
        return False
    limit = max(CLOSE, 16 * torch.finfo(one.dtype).eps) * float(one.nan_to_num().abs().max())
    return not torch.allclose(two[:1], one, rtol=0.0, atol=limit, equal_nan=True)
