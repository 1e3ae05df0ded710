"""What is picked of an output: classes, tokens, regions, functions; fixed on the clean output, the same ever after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.core.errors import BadTarget, NotApplicable, PellucidError, nearest_names, quoted
from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.engine.memory import out_of_memory
from pellucid.engine.targets.vocabulary import Texts, Vocabulary

Labels = tuple[str, ...]


@dataclass(frozen=True)
class Token:
    """The score of a token at a position of the text."""

    words: str | int | None = None
    position: int | None = None

    def __repr__(self) -> str:
        place = "" if self.position is None else f"position={self.position}"
        return f"pl.token({', '.join(one for one in ('' if self.words is None else repr(self.words), place) if one)})"


@dataclass(frozen=True, eq=False)
class Resolved:
    """A target that is fixed: the same elements of the output, whatever the input becomes.

    Args:
        pick: output tensor, and which example its first row is → one scalar per row; rows beyond the batch start over.
        key: equal for targets that pick the same.
        infos: one per sample.
        raw: `pick` takes the model's whole output, not the explained tensor.
        mean: the scalar of the batch is the mean, as losses are; otherwise the sum.
        listed: that whole output is a list with an item for each example.
        rival: the clean output → the best of the other classes, fixed likewise; None where there are no classes.
        notes: what is to be said of the output.
    """

    pick: Callable[..., Tensor]
    key: Any
    infos: tuple[TargetInfo, ...]
    raw: bool = False
    mean: bool = False
    listed: bool = False
    rival: "Callable[[Tensor], Resolved] | None" = None
    notes: tuple[Text, ...] = ()

    def total(self, scores: Tensor) -> Tensor:
        """What the backward starts from."""
        return scores.mean() if self.mean else scores.sum()

    def scores(self, out: Any, start: int = 0, *, variants: bool = False) -> Tensor:
        """One number per row.

        Args:
            out: what `pick` takes.
            start: which example the first row is.
            variants: every row is that example.
        """
        if not variants or (self.raw and not self.listed) or len(self.infos) == 1:
            return self.pick(out, start).reshape(-1)
        return torch.cat([self.pick(out[row : row + 1], start).reshape(-1) for row in range(len(out))])


def indexed(labels: Labels, output: Tensor, asked: Sequence[Any], texts: Texts | None = None) -> Resolved:
    """Rows of class scores, or (position, token), by default at the last position of each text."""
    rank, classes = output.ndim - 1, output.shape[-1]
    texts = texts or (Texts(torch.zeros(output.shape[:2], dtype=torch.long)) if rank == 2 else None)
    words = texts.vocabulary if texts is not None else None
    words = words if words is not None and words.fits(classes) else None
    indices: list[tuple[int, ...]] = []
    wanted: list[Any] = []
    for row, each in enumerate(asked):
        one, position = (each.words, each.position) if isinstance(each, Token) else (each, None)
        wanted.append(one)
        if position is not None and rank != 2:
            raise BadTarget(
                Text(
                    f"{each} names a position, and the output {tuple(output.shape)} has none",
                    f"{each} 指定了位置，而输出 {tuple(output.shape)} 没有位置",
                )
            )
        lead = (texts.place(row, output.shape[1], position),) if rank == 2 and texts is not None else ()
        if isinstance(one, tuple):
            if len(one) != rank:
                raise BadTarget(
                    Text(
                        f"target {one} has {len(one)} indices, the output {tuple(output.shape)} needs {rank}",
                        f"目标 {one} 有 {len(one)} 个下标，而输出 {tuple(output.shape)} 需要 {rank} 个",
                    )
                )
            sides = zip(one, output.shape[1:], strict=True)
            index = tuple(class_index(labels, part, side, words) for part, side in sides)
        elif one is None:
            index = (*lead, int(output[row][lead].argmax()) if lead else int(output[row].argmax()))
        else:
            index = (*lead, class_index(labels, one, classes, words))
        indices.append(index)
    chosen = tuple(torch.tensor(list(axis), device=output.device) for axis in zip(*indices, strict=True))
    infos = tuple(_info(labels, output[row], index, wanted[row], texts) for row, index in enumerate(indices))

    def pick(out: Tensor, start: int = 0) -> Tensor:
        rows = torch.arange(out.shape[0], device=out.device)
        example = (rows + start) % len(indices)
        return out[(rows, *(axis[example] for axis in chosen))]

    return Resolved(
        pick, ("index", tuple(indices)), infos, rival=lambda out: _indexed_rival(labels, out.detach(), indices, texts)
    )


def _indexed_rival(labels: Labels, output: Tensor, indices: Sequence[tuple[int, ...]], texts: Texts | None) -> Resolved:
    """The best class other than that of each index, at the same place."""
    axis = len(indices[0]) - 1 if len(indices[0]) < 3 else 0
    others: list[Any] = []
    for row, index in enumerate(indices):
        scores = output[(row, *index[:axis], slice(None), *index[axis + 1 :])]
        others.append((*index[:axis], best_other(scores, index[axis]), *index[axis + 1 :]))
    return as_rival(indexed(labels, output, others, texts))


def best_other(scores: Tensor, chosen: int) -> int:
    """The class with the largest of `scores` but for `chosen`.

    Raises:
        NotApplicable: there is no other.
    """
    if scores.numel() < 2:
        raise NotApplicable(
            Text("the output has one class: the target has no rival", "输出只有一个类别：目标没有竞争类别"),
            hint=Text("name what to compare it with", "请指明与什么比较"),
        )
    order = scores.detach().double().nan_to_num(-torch.inf).argsort(descending=True, stable=True).tolist()
    return next(one for one in order if one != chosen)


def as_rival(resolved: Resolved) -> Resolved:
    """The same, told to be the strongest rival."""
    return replace(resolved, infos=tuple(replace(info, chosen="rival") for info in resolved.infos), rival=None)


def class_index(labels: Labels, asked: Any, size: int, words: Vocabulary | None = None) -> int:
    """The class, or with `words` the token, that is asked for by name or number.

    Raises:
        BadTarget: there is none.
    """
    if isinstance(asked, str):
        if asked in labels:
            return labels.index(asked)
        where = [i for i, label in enumerate(labels) if label.lower() == asked.lower()]
        if len(where) == 1:
            return where[0]
        if words is not None:
            return words.number(asked)
        raise BadTarget(
            Text(f"no class is called '{asked}'", f"没有名为 '{asked}' 的类别"),
            nearest=quoted(nearest_names(asked, labels)) if labels else "",
            hint=""
            if labels
            else Text(
                "give Lens(labels=[...]), or the class as a number", "请给出 Lens(labels=[...])，或以编号指定类别"
            ),
        )
    if isinstance(asked, bool) or not isinstance(asked, (int, np.integer)):
        raise BadTarget(
            Text(
                f"a target of type {type(asked).__name__} means nothing here: {asked!r}",
                f"类型为 {type(asked).__name__} 的目标在此没有意义：{asked!r}",
            ),
            hint=Text(
                "an int, a class name, a list with one per example, a tuple of indices, or a function of the output",
                "整数、类别名、每个样本一个的列表、下标元组，或输出的函数",
            ),
        )
    if not -size <= asked < size:
        raise BadTarget(
            Text(
                f"target {asked} is out of range: the output has {size} classes, 0 to {size - 1}",
                f"目标 {asked} 超出范围：输出有 {size} 个类别，编号 0 至 {size - 1}",
            )
        )
    return int(asked) % size


def _info(labels: Labels, row: Tensor, index: tuple[int, ...], asked: Any, texts: Texts | None) -> TargetInfo:
    *_, last = index
    scores = row[index[:-1]].detach().cpu().double()
    unit, probability = scale_of(scores)
    name = _class_name(labels, last, scores.shape[0])
    words = None if texts is None or len(labels) == len(scores) else texts.vocabulary
    if words is not None and words.fits(len(scores)):
        name = Text(f"'{words.name(last)}'", f"‘{words.name(last)}’")
    elif len(index) == 2 and not labels:
        name = Text(f"token {last}", f"词元 {last}") if words is None else Text(f"feature {last}", f"特征 {last}")
    if len(index) == 2:
        name = Text(f"{name.en} at position {index[0]}", f"位置 {index[0]} 处的{_gap(name)}")
    elif len(index) > 2:
        name = Text(f"output {index}", f"输出 {index}")
    return TargetInfo(
        name.en,
        index,
        float(scores[last]),
        float(probability[last]) if len(index) < 3 else None,
        "predicted" if asked is None else "asked",
        unit,
        name.zh,
    )


def _gap(name: Text) -> str:
    words = name.say("zh")
    return words if words.startswith("‘") else f" {words}"


def scale_of(scores: Tensor) -> tuple[str, Tensor]:
    """Whether scores over classes are logits or already probabilities, and the probabilities."""
    total = scores.sum(-1)
    if scores.shape[-1] > 1 and bool((scores >= 0).all()) and torch.allclose(total, torch.ones_like(total), atol=1e-3):
        return "probability", scores
    return "logit", scores.softmax(-1)


def single(output: Tensor, asked: Any) -> Resolved:
    """The only number per example."""
    if asked not in (None, 0):
        raise BadTarget(
            Text(
                f"target {asked!r} is out of range: the output is one number per example",
                f"目标 {asked!r} 超出范围：输出为每个样本一个数",
            ),
            hint=Text("leave target out, or give a function of the output", "请省去目标，或给出输出的函数"),
        )
    flat = output.detach().reshape(output.shape[0]).cpu().double().tolist()
    infos = tuple(
        TargetInfo("output", (), value, None, "predicted" if asked is None else "asked", "output", "输出")
        for value in flat
    )
    return Resolved(lambda out, start=0: out.reshape(out.shape[0]), ("single",), infos)


def region_won(labels: Labels, output: Tensor, asked: Sequence[Any]) -> Resolved:
    """Segmentation: the summed score of a class over the region that the clean prediction gives it."""
    classes, winner = output.shape[1], output.detach().argmax(1)
    picks: list[int] = []
    for row, one in enumerate(asked):
        counts = torch.bincount(winner[row].flatten(), minlength=classes)
        picks.append(int(counts.argmax()) if one is None else class_index(labels, one, classes))
    chosen = torch.tensor(picks, device=output.device)
    shape = (-1, *[1] * (output.ndim - 2))
    inside = winner == chosen.view(shape) if classes > 1 else output.detach()[:, 0] > 0
    empty = ~inside.flatten(1).any(1)
    where = [_NOWHERE if one else _ITS_REGION for one in empty.tolist()]
    return summed(labels, output, picks, inside | empty.view(shape), where, [one is None for one in asked])


_NOWHERE = Text("whole image (predicted nowhere)", "整幅图像（任何位置都未预测为该类）")
_ITS_REGION = Text("its region", "其区域")


def summed(
    labels: Labels,
    output: Tensor,
    picks: Sequence[int],
    inside: Tensor,
    where: Sequence[Text],
    predicted: Sequence[bool],
) -> Resolved:
    """The score of one class per example, summed over a part of the grid.

    Args:
        output: `(batch, class, *grid)`.
        picks: the class of each example.
        inside: `(batch, *grid)`, whether a cell counts.
        where: how to say which part, per example.
        predicted: whether the class was not asked for.
    """
    classes, chosen = output.shape[1], torch.tensor(list(picks), device=output.device)

    def pick(out: Tensor, start: int = 0) -> Tensor:
        rows = torch.arange(out.shape[0], device=out.device)
        example = (rows + start) % len(picks)
        return (out[rows, chosen[example]] * inside[example]).flatten(1).sum(1)

    def rival(out: Tensor) -> Resolved:
        scores = (out.detach() * inside[:, None]).flatten(2).sum(2)
        others = [best_other(scores[row], one) for row, one in enumerate(picks)]
        where = [Text("the same region", "同一区域")] * len(others)
        return as_rival(summed(labels, out, others, inside, where, predicted))

    names = [_class_name(labels, one, classes) for one in picks]
    scores = pick(output.detach()).cpu().double().tolist()
    infos = tuple(
        TargetInfo(
            f"{name.en}, {part.en}",
            (one,),
            score,
            None,
            "predicted" if free else "asked",
            "summed logit",
            f"{name.say('zh')}，{part.say('zh')}",
        )
        for name, part, one, score, free in zip(names, where, picks, scores, predicted, strict=True)
    )
    return Resolved(pick, ("region", tuple(picks), inside.cpu().numpy().tobytes()), infos, rival=rival)


def _class_name(labels: Labels, index: int, classes: int) -> Text:
    return Text(labels[index]) if len(labels) == classes else Text(f"class {index}", f"类别 {index}")


def function_of(asked: Callable[[Any], Any], raw: Any, batch: int | None) -> Resolved:
    """What a function makes of the whole output."""
    name = name_of(asked)

    def pick(out: Any, start: int = 0) -> Tensor:
        scores = called(f"the target function {name}", asked, out)
        if not isinstance(scores, Tensor) or scores.ndim > 1:
            given = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
            raise BadTarget(
                Text(
                    f"the target function {name} must return one scalar per example, not {given}",
                    f"目标函数 {name} 应为每个样本返回一个标量，而不是 {given}",
                )
            )
        return scores.reshape(-1)

    scores = pick(raw).detach().cpu().double()
    values = scores.tolist() if batch in (None, scores.numel()) else [float(scores.sum())] * (batch or 1)
    return Resolved(
        pick, ("function", id(asked)), tuple(TargetInfo(name, None, one, unit="output") for one in values), raw=True
    )


def name_of(function: Callable[..., Any]) -> str:
    """How to call a function of the user."""
    return getattr(function, "__name__", type(function).__name__)


def called(what: str, function: Callable[..., Any], *args: Any) -> Any:
    """What a function of the user gives; that it raises is told by its name."""
    try:
        return function(*args)
    except Exception as error:
        if isinstance(error, PellucidError) or out_of_memory(error):
            raise
        raise BadTarget(f"{what} raised {type(error).__name__}: {error}") from error
