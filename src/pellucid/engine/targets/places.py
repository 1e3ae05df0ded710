"""Answers that are places in a text: where a question answering model's answer begins, and where it ends."""

from dataclasses import replace
from typing import Any

from torch import Tensor

from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.engine.calls import fields
from pellucid.engine.targets.aims import Resolved
from pellucid.engine.targets.vocabulary import Texts

_SIDES = {
    "start_logits": (Text("start of the answer at token", "答案起始于词元"), "end_logits"),
    "end_logits": (Text("end of the answer at token", "答案结束于词元"), "start_logits"),
}


def placed(resolved: Resolved, output: Tensor, raw: Any, texts: Texts | None) -> Resolved:
    """The same target, its classes called by the tokens that they are, where `output` is such scores; else as it is."""
    parts = dict(fields(raw))
    side = next((name for name in _SIDES if parts.get(name) is output), "")
    if not side or texts is None or output.ndim != 2 or output.shape[1] != texts.ids.shape[1]:
        return resolved
    _, other = _SIDES[side]
    note = Text(
        f"The explained output is '{side}'; pl.Lens(model, output='{other}') explains the other one.",
        f"所解释的输出是 '{side}'；用 pl.Lens(model, output='{other}') 解释另一个。",
        aside=True,
    )
    return _called(resolved, side, texts, (note,) if other in parts else ())


def _called(resolved: Resolved, side: str, texts: Texts, notes: tuple[Text, ...]) -> Resolved:
    infos = tuple(_info(one, side, texts, row) for row, one in enumerate(resolved.infos))
    best = resolved.rival
    rival = None if best is None else lambda out: _called(best(out), side, texts, notes)
    return replace(resolved, infos=infos, rival=rival, notes=notes)


def _info(info: TargetInfo, side: str, texts: Texts, row: int) -> TargetInfo:
    if info.index is None:
        return info
    words, at = _SIDES[side][0], info.index[-1]
    name = texts.names(row)[at].strip()
    return replace(info, label=f"{words.en} {at} '{name}'", zh=f"{words.zh} {at}‘{name}’")
