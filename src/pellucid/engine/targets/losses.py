"""The loss of a label as the scalar that is explained."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pellucid.core.errors import BadTarget, NotApplicable
from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.engine.targets.aims import Labels, Resolved, called, class_index, indexed, name_of
from pellucid.engine.targets.vocabulary import Texts

Loss = Callable[[Tensor, Tensor], Tensor]


def loss_of(loss: Loss, names: Labels, output: Tensor, asked: Sequence[Any], texts: Texts | None = None) -> Resolved:
    """The loss of a label per example; the predicted label where none is given."""

    def each(out: Tensor, labels: Tensor) -> Tensor:
        if loss is cross_entropy:
            return cross_entropy(out, labels, reduction="none")
        return called(f"the loss {name_of(loss)}", loss, out, labels)

    if output.ndim == 1 or (output.shape[1] == 1 and output.ndim == 2):
        if loss is cross_entropy:
            raise NotApplicable(
                Text(
                    "the output is one number per example, cross-entropy needs classes",
                    "输出为每个样本一个数，而交叉熵需要类别",
                ),
                hint=Text(
                    "give loss=, a function of the output and the label, and the label as target=",
                    "请给出 loss=（输出与标签的函数），并以标签作为 target=",
                ),
            )
        if any(not isinstance(one, (int, float, type(None))) for one in asked):
            raise BadTarget(
                Text(
                    f"the label of one number per example is a number, not {asked[0]!r}",
                    f"每个样本一个数时，标签应为数，而不是 {asked[0]!r}",
                )
            )
        labels = torch.tensor([float(one or 0) for one in asked], device=output.device).to(output)
        return _lossy(lambda out, labels: each(out.reshape(-1), labels), labels, loss, asked, output)
    if output.ndim > 3:
        winner = output.detach().argmax(1)
        labels = torch.stack(
            [
                winner[row] if one is None else torch.full_like(winner[row], class_index(names, one, output.shape[1]))
                for row, one in enumerate(asked)
            ]
        )
        return _lossy(lambda out, labels: each(out, labels).flatten(1).mean(1), labels, loss, asked, output)
    infos = indexed(names, output, asked, texts).infos
    labels = torch.tensor([info.index for info in infos], device=output.device)
    if output.ndim == 3:
        return _lossy(
            lambda out, both: each(out[torch.arange(len(both), device=out.device), both[:, 0]], both[:, 1]),
            labels,
            loss,
            asked,
            output,
        )
    return _lossy(each, labels[:, 0], loss, asked, output, infos)


def _lossy(
    each: Callable[[Tensor, Tensor], Tensor],
    labels: Tensor,
    loss: Loss,
    asked: Sequence[Any],
    output: Tensor,
    infos: tuple[TargetInfo, ...] = (),
) -> Resolved:
    def pick(out: Tensor, start: int = 0) -> Tensor:
        return each(out, labels[(torch.arange(out.shape[0], device=out.device) + start) % len(labels)])

    with torch.no_grad():
        values = pick(output.detach()).cpu().double().reshape(-1).tolist()
    values = values if len(values) == output.shape[0] else values * output.shape[0]
    said = [
        infos[i].words if infos else (Text(str(one)) if one is not None else Text("predicted label", "预测的标签"))
        for i, one in enumerate(asked)
    ]
    made = tuple(
        TargetInfo(
            f"{name_of(loss)} of {label.en}",
            infos[i].index if infos else None,
            values[i],
            infos[i].probability if infos else None,
            "predicted" if asked[i] is None else "asked",
            "loss",
            f"{label.say('zh')} 的 {name_of(loss)}",
        )
        for i, label in enumerate(said)
    )
    return Resolved(pick, ("loss", id(loss), tuple(labels.flatten().tolist())), made, mean=True)
