"""Detections as the target: the score of the one that overlaps a box best."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pellucid.core.errors import BadTarget, NotApplicable
from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.engine.targets.aims import Labels, Resolved, class_index

Corners = tuple[float, float, float, float]
SHOWN = 3


def is_detections(raw: Any) -> bool:
    """Whether an output is a list of dicts with boxes and scores, one for each example."""
    return (
        isinstance(raw, (list, tuple))
        and len(raw) > 0
        and all(isinstance(one, Mapping) and {"boxes", "scores"} <= one.keys() for one in raw)
    )


def detected(raw: Sequence[Mapping[str, Tensor]], corners: Corners, asked: Sequence[Any], labels: Labels) -> Resolved:
    """Fix the class of each example on the clean detections.

    Raises:
        BadTarget: nothing of that class overlaps the box in any example.
    """
    if len(asked) != len(raw):
        raise NotApplicable(
            Text(
                f"{len(raw)} sets of detections for {len(asked)} examples",
                f"样本有 {len(asked)} 个，检测结果却有 {len(raw)} 组",
            )
        )
    wanted = [None if one is None else _number(labels, one) for one in asked]
    best = [_best(one, corners, number) for one, number in zip(raw, wanted, strict=True)]
    if all(one is None for one in best):
        raise BadTarget(
            Text(
                f"nothing that was asked for is detected in the box {corners}", f"方框 {corners} 中没有检测到所要的内容"
            ),
            nearest=_some(raw, labels),
        )
    for row, index in enumerate(best):
        if wanted[row] is None and index is not None and "labels" in raw[row]:
            wanted[row] = int(raw[row]["labels"][index])

    def pick(out: Any, start: int = 0) -> Tensor:
        scores: list[Tensor] = []
        for row, one in enumerate(out):
            index = _best(one, corners, wanted[(row + start) % len(wanted)])
            scores.append(one["scores"].sum() * 0 if index is None else one["scores"][index])
        return torch.stack(scores)

    infos = tuple(
        _info(one, index, number, corners, labels, predicted=given is None)
        for one, index, number, given in zip(raw, best, wanted, asked, strict=True)
    )
    return Resolved(pick, ("detected", corners, tuple(wanted)), infos, raw=True, listed=True)


def _number(labels: Labels, asked: Any) -> int:
    return class_index(labels, asked, len(labels) if isinstance(asked, str) else 1 << 31)


def overlaps(boxes: Tensor, corners: Corners) -> Tensor:
    """Intersection over union of each box `(n, 4)` with one."""
    other = torch.tensor(corners, dtype=boxes.dtype, device=boxes.device)
    sides = (torch.minimum(boxes[:, 2:], other[2:]) - torch.maximum(boxes[:, :2], other[:2])).clamp(min=0)
    shared = sides.prod(1)
    union = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (other[2:] - other[:2]).prod() - shared
    return shared / union.clamp(min=1e-12)


def _best(one: Mapping[str, Tensor], corners: Corners, number: int | None) -> int | None:
    """The detection of the class that overlaps the box best; None if none does."""
    share = overlaps(one["boxes"].detach(), corners)
    if number is not None and "labels" in one:
        share = share * (one["labels"] == number)
    return int(share.argmax()) if len(share) and float(share.max()) > 0 else None


def _info(
    one: Mapping[str, Tensor],
    index: int | None,
    number: int | None,
    corners: Corners,
    labels: Labels,
    *,
    predicted: bool,
) -> TargetInfo:
    name = _named(labels, number)
    chosen = "predicted" if predicted else "asked"
    if index is None:
        words = Text(f"{name.en}, not detected in the box", f"{name.say('zh')}，方框内未检测到")
        return TargetInfo(words.en, None, 0.0, None, chosen, "score", words.zh)
    share = float(overlaps(one["boxes"].detach()[index : index + 1], corners)[0])
    words = Text(
        f"{name.en}, detected (IoU {share:.2f} with the box)",
        f"{name.say('zh')}，检测框（与方框的 IoU 为 {share:.2f}）",
    )
    return TargetInfo(words.en, None, float(one["scores"].detach()[index]), None, chosen, "score", words.zh)


def _named(labels: Labels, number: int | None) -> Text:
    if number is None:
        return Text("anything", "任意物体")
    return Text(labels[number]) if 0 <= number < len(labels) else Text(f"class {number}", f"类别 {number}")


def _some(raw: Sequence[Mapping[str, Tensor]], labels: Labels) -> str:
    """The strongest detections, for a message."""
    found: list[tuple[float, str]] = []
    for one in raw:
        for i in range(len(one["scores"])):
            number = int(one["labels"][i]) if "labels" in one else None
            at = ", ".join(f"{side:.0f}" for side in one["boxes"].detach()[i].tolist())
            score = float(one["scores"].detach()[i])
            found.append((score, f"{_named(labels, number).en} {score:.2f} at ({at})"))
    return "; ".join(words for _, words in sorted(found, reverse=True)[:SHOWN]) or "nothing is detected at all"
