"""Many variants of one example, made by an edit: what lies before it runs once.

Later operations broadcast what they meet from before the edit. A network that reads the batch size before the edit
breaks this, so the first time that variants are made at a place two of them are compared with a run of the whole
network on as many rows as there are variants; where that differs, or only that works, the place is always run so.
"""

from dataclasses import replace

import torch
from torch import Tensor

from pellucid.core.errors import BadSetting, ModelFailed, NotApplicable, PellucidError
from pellucid.core.text import Text
from pellucid.engine.edits import Edit
from pellucid.engine.group import run_group
from pellucid.engine.looker import Session
from pellucid.engine.passes import Pass, Seen
from pellucid.engine.rows import rows_per_pass
from pellucid.engine.spread import Spread

CLOSE = 1e-4
Answers = list[Seen | PellucidError]


def makes_variants(ask: Pass) -> bool:
    """Whether an edit of this pass makes many rows of one example."""
    return any(edit.grows for edit in ask.edits)


def run_variants(session: Session, group: list[Pass]) -> Answers:
    """The group, whose passes have the same input of one example and the same edits, one of them by `variants`.

    Raises:
        BadSetting: there are several such edits, or several examples.
        ModelFailed: the network raised on a batch, too.
    """
    ask, looker = group[0], session.looker
    edit = _only(ask)
    site = looker.site(edit.site)
    if site.side.startswith(":") or site.role:
        raise BadSetting(
            Text(
                f"variants are made of what flows at one place, not at '{site}'",
                f"变体由一个位置处流动的值生成，而不是 '{site}'",
            )
        )
    if ask.expand == 1:
        return _counted(session, group, Spread(edit, 1))
    if _only_scores(group):
        key = (site, ask.x.signature)
        if key not in looker.sharing:
            answers, spread = _tried(session, group, edit)
            looker.sharing[key] = answers is not None and _right(session, group, edit, answers, spread.farthest)
            if answers is not None and looker.sharing[key]:
                return answers
        elif looker.sharing[key]:
            try:
                return _counted(session, group, Spread(edit, ask.expand))
            except ModelFailed:
                looker.sharing[key] = False
    return _in_parts(session, group, edit)


def _only_scores(group: list[Pass]) -> bool:
    return not any(one.looks_inside for one in group)


def _only(ask: Pass) -> Edit:
    growing = [edit for edit in ask.edits if edit.grows]
    if len(growing) > 1 or ask.x.size > 1:
        raise BadSetting(
            Text(
                f"variants are made by one edit of one example, not by {len(growing)} edits of {ask.x.size} examples",
                f"变体由一个样本的一处编辑生成，而不是 {ask.x.size} 个样本的 {len(growing)} 处编辑",
            )
        )
    return growing[0]


def _tried(session: Session, group: list[Pass], edit: Edit) -> tuple[Answers | None, Spread]:
    """All variants with the part before them shared; None if the network cannot."""
    spread = Spread(edit, group[0].expand, compares=True)
    try:
        answers = _counted(session, group, spread)
    except ModelFailed:
        return None, spread
    return (answers if all(isinstance(one, Seen) for one in answers) else None), spread


def _right(session: Session, group: list[Pass], edit: Edit, answers: Answers, rows: list[int]) -> bool:
    """Whether the two variants that change most come out as in a run of the whole network."""
    probe = Spread(edit, group[0].expand, picked=rows, entering=len(rows))
    expected = _whole(session, [replace(one, expand=len(rows)) for one in group], probe)
    return all(
        isinstance(one, Seen)
        and isinstance(two, Seen)
        and _close(one.output, two.output, rows)
        and _close(one.score, two.score, rows)
        for one, two in zip(answers, expected, strict=True)
    )


def _close(shared: Tensor | None, whole: Tensor | None, rows: list[int]) -> bool:
    if shared is None or whole is None:
        return shared is whole
    tolerance = max(CLOSE, 4 * torch.finfo(whole.dtype).eps)
    limit = tolerance * float(whole.abs().max())
    return len(shared) > max(rows) and torch.allclose(shared[rows], whole, rtol=0.0, atol=limit, equal_nan=True)


def _in_parts(session: Session, group: list[Pass], edit: Edit) -> Answers:
    """The whole network on as many rows as suit it, until all variants are done."""
    ask = group[0]
    rows = rows_per_pass(ask.x, None) if _only_scores(group) else ask.expand
    parts: list[Answers] = []
    for start in range(0, ask.expand, rows):
        stop = min(start + rows, ask.expand)
        spread = Spread(edit.part(start, stop), stop - start, entering=stop - start)
        parts.append(_whole(session, [replace(one, expand=stop - start) for one in group], spread))
    return [_joined(each) for each in zip(*parts, strict=True)]


def _joined(parts: tuple[Seen | PellucidError, ...]) -> Seen | PellucidError:
    first, seen = parts[0], [one for one in parts if isinstance(one, Seen)]
    if len(seen) < len(parts) or not isinstance(first, Seen) or len(parts) == 1:
        return next((one for one in parts if not isinstance(one, Seen)), first)
    outputs, scores = [one.output for one in seen], [one.score for one in seen]
    return replace(first, output=_cat(outputs), score=_cat(scores))


def _cat(tensors: list[Tensor | None]) -> Tensor | None:
    found = [one for one in tensors if one is not None]
    return torch.cat(found) if len(found) == len(tensors) else None


def _counted(session: Session, group: list[Pass], spread: Spread) -> Answers:
    answers = _run(session, group, spread)
    session.samples += group[0].expand - 1
    return answers


def _whole(session: Session, group: list[Pass], spread: Spread) -> Answers:
    many = group[0].x.repeated(spread.entering)
    return _run(session, [replace(one, x=many) for one in group], spread)


def _run(session: Session, group: list[Pass], spread: Spread) -> Answers:
    edits = tuple(spread.edit if edit.grows else edit for edit in group[0].edits)
    asked = [replace(one, edits=edits) for one in group]
    return [_checked(one, group[0].expand) for one in run_group(session, asked)]


def _checked(answer: Seen | PellucidError, rows: int) -> Seen | PellucidError:
    if isinstance(answer, Seen) and answer.score is not None and len(answer.score) != rows:
        return NotApplicable(
            Text(
                f"{len(answer.score)} scores for {rows} variants of an example: the target does not lie behind the "
                "edit, or does not tell the rows apart",
                f"一个样本的 {rows} 个变体得到 {len(answer.score)} 个得分：目标不在编辑位置之后，或不能区分各行",
            )
        )
    return answer
