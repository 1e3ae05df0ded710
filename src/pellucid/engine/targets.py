"""The scalar per sample that is explained, from whatever a user calls a target and whatever a model returns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pellucid.core.errors import BadTarget, NotApplicable, PellucidError, nearest_names, quoted
from pellucid.core.provenance import TargetInfo
from pellucid.engine.memory import out_of_memory

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Targets:
    """Several targets, one result each."""

    each: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"pl.targets({', '.join(map(repr, self.each))})"


@dataclass(frozen=True)
class Contrast:
    """Why `a`, and not `b`: the difference of their scores."""

    a: Any
    b: Any

    def __repr__(self) -> str:
        return f"pl.contrast({self.a!r}, {self.b!r})"


def targets(*each: Any) -> Targets:
    """Explain several targets, one result each."""
    return Targets(each)


def contrast(a: Any, b: Any) -> Contrast:
    """Explain why `a` rather than `b`."""
    return Contrast(a, b)


@dataclass(frozen=True, eq=False)
class Resolved:
    """A target that is fixed: the same elements of the output, whatever the input becomes.

    Args:
        pick: output tensor, and which example its first row is → one scalar per row; rows beyond the batch start over.
        key: equal for targets that pick the same.
        infos: one per sample.
        raw: `pick` takes the model's whole output, not the explained tensor.
        mean: the scalar of the batch is the mean, as losses are; otherwise the sum.
    """

    pick: Callable[..., Tensor]
    key: Any
    infos: tuple[TargetInfo, ...]
    raw: bool = False
    mean: bool = False

    def total(self, scores: Tensor) -> Tensor:
        """What the backward starts from."""
        return scores.mean() if self.mean else scores.sum()


@dataclass(eq=False)
class Target:
    """A target as asked, with what it was found to mean on the clean input of its look.

    Args:
        asked: class, name, list, tuple, `contrast`, function, or None for the predicted class.
        labels: class names.
        loss: explain this loss of the asked label instead of its score.
    """

    asked: Any = None
    labels: tuple[str, ...] = ()
    loss: Loss | None = None
    mask_key: str = ""
    resolved: Resolved | None = field(default=None, init=False)
    derived: "dict[int, Target]" = field(default_factory=dict, init=False)

    @property
    def key(self) -> Any:
        """Equal for targets that were asked alike."""
        return (_frozen(self.asked), id(self.loss) if self.loss else 0)

    def resolve(self, output: Tensor | None, raw: Any, size: int | None = None) -> Resolved:
        """Fix the target on the clean output of `size` examples (first call) and return it."""
        if self.resolved is None:
            self.resolved = _resolve(self, output, raw, size)
        return self.resolved

    def losing(self, loss: Loss | None) -> "Target":
        """The loss of this target as a label: cross-entropy unless `loss` says otherwise."""
        made: Loss = loss or cross_entropy
        if id(made) not in self.derived:
            self.derived[id(made)] = Target(self.asked, self.labels, made)
        return self.derived[id(made)]


def _frozen(asked: Any) -> Any:
    if isinstance(asked, Tensor):
        return ("list", tuple(asked.flatten().tolist())) if asked.ndim else asked.item()
    if isinstance(asked, np.ndarray):
        return ("list", tuple(asked.tolist()))
    if isinstance(asked, list):
        return ("list", tuple(map(_frozen, asked)))
    if isinstance(asked, Contrast):
        return ("contrast", _frozen(asked.a), _frozen(asked.b))
    return id(asked) if callable(asked) else asked


def _resolve(target: Target, output: Tensor | None, raw: Any, size: int | None) -> Resolved:
    asked = target.asked
    if target.loss is not None and (callable(asked) or isinstance(asked, Contrast)):
        raise NotApplicable("a loss needs a label, not a function or a contrast", hint="give the class as target=")
    if callable(asked):
        return _function(asked, raw, size)
    if output is None:
        raise NotApplicable("the model's output holds no floating tensor", hint="give output= or a function as target=")
    if isinstance(asked, Contrast):
        return _difference(target, asked, output, raw, size)
    if output.ndim == 0:
        raise BadTarget("the model's output has no batch axis", hint="return one score per example")
    per_sample = _per_sample(asked, output.shape[0])
    if target.loss is not None:
        return _loss(target, output, per_sample)
    if output.ndim == 1 or tuple(output.shape[1:]) == (1,):
        return _single(output, asked)
    if output.ndim >= 4 and not any(isinstance(one, tuple) for one in per_sample):
        return _region(target, output, per_sample)
    return _indexed(target, output, per_sample)


def _per_sample(asked: Any, batch: int) -> list[Any]:
    if isinstance(asked, (Tensor, np.ndarray)) and asked.ndim:
        asked = asked.tolist()
    if isinstance(asked, (Tensor, np.generic, np.ndarray)):
        asked = asked.item()
    if isinstance(asked, list):
        if len(asked) != batch:
            raise BadTarget(f"{len(asked)} targets for {batch} examples", hint="one per example, or one for all")
        return [int(one) if isinstance(one, float) and one.is_integer() else one for one in asked]
    return [asked] * batch


def _indexed(target: Target, output: Tensor, asked: Sequence[Any]) -> Resolved:
    """Rows of class scores, or (position, token) with the last position by default."""
    rank, classes = output.ndim - 1, output.shape[-1]
    indices: list[tuple[int, ...]] = []
    for row, one in enumerate(asked):
        lead = (output.shape[1] - 1,) if rank == 2 else ()
        if isinstance(one, tuple):
            if len(one) != rank:
                raise BadTarget(f"target {one} has {len(one)} indices, the output {tuple(output.shape)} needs {rank}")
            index = tuple(_index(target, part, side) for part, side in zip(one, output.shape[1:], strict=True))
        elif one is None:
            index = (*lead, int(output[row][lead].argmax()) if lead else int(output[row].argmax()))
        else:
            index = (*lead, _index(target, one, classes))
        indices.append(index)
    chosen = tuple(torch.tensor(list(axis), device=output.device) for axis in zip(*indices, strict=True))
    infos = tuple(_info(target, output[row], index, asked[row]) for row, index in enumerate(indices))

    def pick(out: Tensor, start: int = 0) -> Tensor:
        rows = torch.arange(out.shape[0], device=out.device)
        example = (rows + start) % len(indices)
        return out[(rows, *(axis[example] for axis in chosen))]

    return Resolved(pick, ("index", tuple(indices)), infos)


def _index(target: Target, asked: Any, size: int) -> int:
    if isinstance(asked, str):
        if asked in target.labels:
            return target.labels.index(asked)
        where = [i for i, label in enumerate(target.labels) if label.lower() == asked.lower()]
        if len(where) == 1:
            return where[0]
        raise BadTarget(
            f"no class is called '{asked}'",
            nearest=quoted(nearest_names(asked, target.labels)) if target.labels else "",
            hint="" if target.labels else "give Lens(labels=[...]), or the class as a number",
        )
    if isinstance(asked, bool) or not isinstance(asked, (int, np.integer)):
        raise BadTarget(
            f"a target of type {type(asked).__name__} means nothing here: {asked!r}",
            hint="an int, a class name, a list with one per example, a tuple of indices, or a function of the output",
        )
    if not -size <= asked < size:
        raise BadTarget(f"target {asked} is out of range: the output has {size} classes, 0 to {size - 1}")
    return int(asked) % size


def _info(target: Target, row: Tensor, index: tuple[int, ...], asked: Any) -> TargetInfo:
    *_, last = index
    scores = row[index[:-1]].detach().cpu().double()
    unit, probability = scale_of(scores)
    name = target.labels[last] if len(target.labels) == scores.shape[0] else f"class {last}"
    if len(index) == 2:
        name = f"{name.replace('class', 'token') if not target.labels else name} at position {index[0]}"
    elif len(index) > 2:
        name = f"output {index}"
    return TargetInfo(
        name,
        index,
        float(scores[last]),
        float(probability[last]) if len(index) < 3 else None,
        "predicted" if asked is None else "asked",
        unit,
    )


def scale_of(scores: Tensor) -> tuple[str, Tensor]:
    """Whether scores over classes are logits or already probabilities, and the probabilities."""
    total = scores.sum(-1)
    if scores.shape[-1] > 1 and bool((scores >= 0).all()) and torch.allclose(total, torch.ones_like(total), atol=1e-3):
        return "probability", scores
    return "logit", scores.softmax(-1)


def _single(output: Tensor, asked: Any) -> Resolved:
    if asked not in (None, 0):
        raise BadTarget(
            f"target {asked!r} is out of range: the output is one number per example",
            hint="leave target out, or give a function of the output",
        )
    flat = output.detach().reshape(output.shape[0]).cpu().double().tolist()
    infos = tuple(
        TargetInfo("output", (), value, None, "predicted" if asked is None else "asked", "output") for value in flat
    )
    return Resolved(lambda out, start=0: out.reshape(out.shape[0]), ("single",), infos)


def _region(target: Target, output: Tensor, asked: Sequence[Any]) -> Resolved:
    """Segmentation: the summed score of a class over the region that the clean prediction gives it."""
    classes, winner = output.shape[1], output.detach().argmax(1)
    picks: list[int] = []
    for row, one in enumerate(asked):
        counts = torch.bincount(winner[row].flatten(), minlength=classes)
        picks.append(int(counts.argmax()) if one is None else _index(target, one, classes))
    chosen = torch.tensor(picks, device=output.device)
    shape = (-1, *[1] * (output.ndim - 2))
    inside = winner == chosen.view(shape) if classes > 1 else output.detach()[:, 0] > 0
    empty = ~inside.flatten(1).any(1)
    inside = inside | empty.view(shape)

    def pick(out: Tensor, start: int = 0) -> Tensor:
        rows = torch.arange(out.shape[0], device=out.device)
        example = (rows + start) % len(picks)
        return (out[rows, chosen[example]] * inside[example]).flatten(1).sum(1)

    scores = pick(output.detach()).cpu().double().tolist()
    names = [target.labels[k] if len(target.labels) == classes else f"class {k}" for k in picks]
    infos = tuple(
        TargetInfo(
            f"{name}, {'whole image (predicted nowhere)' if empty[i] else 'its region'}",
            (picks[i],),
            scores[i],
            None,
            "predicted" if asked[i] is None else "asked",
            "summed logit",
        )
        for i, name in enumerate(names)
    )
    return Resolved(pick, ("region", tuple(picks), inside.cpu().numpy().tobytes()), infos)


def _function(asked: Callable[[Any], Any], raw: Any, batch: int | None) -> Resolved:
    name = _name(asked)

    def pick(out: Any, start: int = 0) -> Tensor:
        scores = _called(f"the target function {name}", asked, out)
        if not isinstance(scores, Tensor) or scores.ndim > 1:
            raise BadTarget(
                f"the target function {name} must return one scalar per example, "
                f"not {tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__}"
            )
        return scores.reshape(-1)

    scores = pick(raw).detach().cpu().double()
    values = scores.tolist() if batch in (None, scores.numel()) else [float(scores.sum())] * (batch or 1)
    return Resolved(
        pick, ("function", id(asked)), tuple(TargetInfo(name, None, one, unit="output") for one in values), raw=True
    )


def _difference(target: Target, asked: Contrast, output: Tensor, raw: Any, size: int | None) -> Resolved:
    a, b = (_resolve(Target(one, target.labels), output, raw, size) for one in (asked.a, asked.b))
    if a.raw != b.raw:
        raise BadTarget("contrast() cannot mix a function and a class")
    infos = tuple(
        TargetInfo(f"{one.label} rather than {two.label}", None, one.score - two.score, None, "asked", one.unit)
        for one, two in zip(a.infos, b.infos, strict=True)
    )
    return Resolved(
        lambda out, start=0: a.pick(out, start) - b.pick(out, start), ("contrast", a.key, b.key), infos, raw=a.raw
    )


def _loss(target: Target, output: Tensor, asked: Sequence[Any]) -> Resolved:
    """The loss of a label per example; the predicted label where none is given."""
    loss = target.loss or cross_entropy

    def each(out: Tensor, labels: Tensor) -> Tensor:
        if loss is cross_entropy:
            return cross_entropy(out, labels, reduction="none")
        return _called(f"the loss {_name(loss)}", loss, out, labels)

    if output.ndim == 1 or (output.shape[1] == 1 and output.ndim == 2):
        if loss is cross_entropy:
            raise NotApplicable(
                "the output is one number per example, cross-entropy needs classes",
                hint="give loss=, a function of the output and the label, and the label as target=",
            )
        if any(not isinstance(one, (int, float, type(None))) for one in asked):
            raise BadTarget(f"the label of one number per example is a number, not {asked[0]!r}")
        labels = torch.tensor([float(one or 0) for one in asked], device=output.device).to(output)
        return _lossy(lambda out, labels: each(out.reshape(-1), labels), labels, loss, asked, output)
    if output.ndim > 3:
        winner = output.detach().argmax(1)
        labels = torch.stack(
            [
                winner[row] if one is None else torch.full_like(winner[row], _index(target, one, output.shape[1]))
                for row, one in enumerate(asked)
            ]
        )
        return _lossy(lambda out, labels: each(out, labels).flatten(1).mean(1), labels, loss, asked, output)
    infos = _indexed(target, output, asked).infos
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
        infos[i].label if infos else (str(one) if one is not None else "predicted label") for i, one in enumerate(asked)
    ]
    made = tuple(
        TargetInfo(
            f"{_name(loss)} of {label}",
            infos[i].index if infos else None,
            values[i],
            infos[i].probability if infos else None,
            "predicted" if asked[i] is None else "asked",
            "loss",
        )
        for i, label in enumerate(said)
    )
    return Resolved(pick, ("loss", id(loss), tuple(labels.flatten().tolist())), made, mean=True)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _called(what: str, function: Callable[..., Any], *args: Any) -> Any:
    """What a function of the user gives; that it raises is told by its name."""
    try:
        return function(*args)
    except Exception as error:
        if isinstance(error, PellucidError) or out_of_memory(error):
            raise
        raise BadTarget(f"{what} raised {type(error).__name__}: {error}") from error
