"""The scalar per sample that is explained, from whatever a user calls a target and whatever a model returns."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn.functional import cross_entropy

from pellucid.core.errors import BadTarget, NotApplicable, PellucidError
from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.engine.targets.aims import Resolved, as_rival, function_of, indexed, region_won, single
from pellucid.engine.targets.areas import Box, Region
from pellucid.engine.targets.losses import Loss, loss_of
from pellucid.engine.targets.places import placed
from pellucid.engine.targets.similarity import Similarity
from pellucid.engine.targets.tokens import Continuation
from pellucid.engine.targets.units import Unit
from pellucid.engine.targets.vocabulary import Texts


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


@dataclass(frozen=True)
class Rival:
    """The best-scoring class other than `of`."""

    of: Any = None

    def __repr__(self) -> str:
        return f"pl.rival({'' if self.of is None else repr(self.of)})"


def targets(*each: Any) -> Targets:
    """Explain several targets, one result each."""
    return Targets(each)


def contrast(a: Any, b: Any) -> Contrast:
    """Explain why `a` rather than `b`."""
    return Contrast(a, b)


def rival(of: Any = None) -> Rival:
    """Explain the best-scoring class other than `of` (None: the predicted class), as it is on the input itself.

    Of a segmentation it is the class with the largest score summed over the same region.
    """
    return Rival(of)


@dataclass(eq=False)
class Target:
    """A target as asked, with what it was found to mean on the clean input of its look.

    Args:
        asked: class, name, list, tuple, `contrast`, `rival`, `region`, `box`, `similarity`, `unit`, `token`,
            `continuation`, a function, or None for the predicted class.
        labels: class names.
        loss: explain this loss of the asked label instead of its score.
        texts: what was read, where the input is text: the names of tokens, and where each text ends.
    """

    asked: Any = None
    labels: tuple[str, ...] = ()
    loss: Loss | None = None
    mask_key: str = ""
    texts: Texts | None = None
    resolved: Resolved | None = field(default=None, init=False)
    derived: "dict[Any, Target]" = field(default_factory=dict, init=False)

    @property
    def key(self) -> Any:
        """Equal for targets that were asked alike."""
        return (_frozen(self.asked), id(self.loss) if self.loss else 0)

    @property
    def reads_whole(self) -> bool:
        """Whether it can read a model's output that holds no tensor with a row for each example."""
        return _reads_whole(self.asked)

    def resolve(self, output: Tensor | None, raw: Any, size: int | None = None) -> Resolved:
        """Fix the target on the clean output of `size` examples (first call) and return it.

        A rival that was derived from it is fixed on the same output.
        """
        if self.resolved is None:
            self.resolved = _resolve(self, output, raw, size)
            known = self.derived.get("rival")
            if known is not None and known.resolved is None and output is not None:
                try:
                    known.resolved = _rival_of(self.resolved, output)
                except PellucidError:
                    known.resolved = None  # it is told to whom asks for it
        return self.resolved

    def losing(self, loss: Loss | None) -> "Target":
        """The loss of this target as a label: cross-entropy unless `loss` says otherwise."""
        made: Loss = loss or cross_entropy
        if id(made) not in self.derived:
            self.derived[id(made)] = Target(self.asked, self.labels, made, texts=self.texts)
        return self.derived[id(made)]

    def rival(self) -> "Target":
        """The best-scoring class other than this target's, fixed on the same clean output.

        Raises:
            NotApplicable: this target is no class.
        """
        if self.loss is not None or callable(self.asked) or isinstance(self.asked, _NO_CLASS):
            raise NotApplicable(_NO_RIVAL, hint=_CLASS)
        if "rival" not in self.derived:
            self.derived["rival"] = Target(Rival(self.asked), self.labels, texts=self.texts)
        return self.derived["rival"]


_NO_CLASS = (Contrast, Rival, Unit, Similarity, Continuation)
_CLASS = Text("give a class as target=", "请用 target= 指定类别")
_NO_RIVAL = Text(
    "only a class has a rival: this target is none, so there is no other class to compare it with",
    "只有类别才有竞争类别：此目标不是类别，因此没有可与之比较的其他类别",
)


def _reads_whole(asked: Any) -> bool:
    if isinstance(asked, Contrast):
        return _reads_whole(asked.a) and _reads_whole(asked.b)
    return callable(asked) or isinstance(asked, Box)


def _frozen(asked: Any) -> Any:
    if isinstance(asked, Tensor):
        return ("list", tuple(asked.flatten().tolist())) if asked.ndim else asked.item()
    if isinstance(asked, np.ndarray):
        return ("list", tuple(asked.tolist()))
    if isinstance(asked, list):
        return ("list", tuple(map(_frozen, asked)))
    if isinstance(asked, Contrast):
        return ("contrast", _frozen(asked.a), _frozen(asked.b))
    if isinstance(asked, Rival):
        return ("rival", _frozen(asked.of))
    if isinstance(asked, (Region, Box)):
        return (*asked.key, _frozen(asked.target))
    if isinstance(asked, Similarity):
        return asked.key
    return id(asked) if callable(asked) else asked


def _resolve(target: Target, output: Tensor | None, raw: Any, size: int | None) -> Resolved:
    asked, labels = target.asked, target.labels
    if target.loss is not None and (callable(asked) or isinstance(asked, (*_NO_CLASS, Region, Box))):
        raise NotApplicable(
            Text("a loss needs a label, not a function or a contrast", "损失需要标签，不能是函数或对比"),
            hint=_CLASS,
        )
    if callable(asked):
        return function_of(asked, raw, size)
    if isinstance(asked, Contrast) and target.reads_whole:
        return _difference(target, asked, output, raw, size)
    if isinstance(asked, Box):
        count = size or (len(raw) if output is None else output.shape[0])
        return asked.resolve(output, raw, _per_sample(asked.target, count), labels)
    if output is None:
        raise NotApplicable(
            Text("the model's output holds no floating tensor", "模型的输出中没有浮点张量"),
            hint=Text("give output= or a function as target=", "请给出 output=，或以函数作为 target="),
        )
    if isinstance(asked, Contrast):
        return _difference(target, asked, output, raw, size)
    if isinstance(asked, Rival):
        return _rival_of(_resolve(Target(asked.of, labels, texts=target.texts), output, raw, size), output)
    if output.ndim == 0:
        raise BadTarget(
            Text("the model's output has no batch axis", "模型的输出没有批轴"),
            hint=Text("return one score per example", "请为每个样本返回一个得分"),
        )
    if isinstance(asked, Region):
        return asked.resolve(output, _per_sample(asked.target, output.shape[0]), labels)
    if isinstance(asked, Similarity):
        return asked.resolve(output, target.texts)
    if isinstance(asked, Continuation):
        return asked.resolve(output, target.texts)
    per_sample = _per_sample(asked, output.shape[0])
    if target.loss is not None:
        return loss_of(target.loss, labels, output, per_sample, target.texts)
    if output.ndim == 1 or tuple(output.shape[1:]) == (1,):
        return single(output, asked)
    if output.ndim >= 4 and not any(isinstance(one, tuple) for one in per_sample):
        return region_won(labels, output, per_sample)
    return placed(indexed(labels, output, per_sample, target.texts), output, raw, target.texts)


def _per_sample(asked: Any, batch: int) -> list[Any]:
    if isinstance(asked, (Tensor, np.ndarray)) and asked.ndim:
        asked = asked.tolist()
    if isinstance(asked, (Tensor, np.generic, np.ndarray)):
        asked = asked.item()
    if isinstance(asked, list):
        if len(asked) != batch:
            raise BadTarget(
                Text(f"{len(asked)} targets for {batch} examples", f"样本有 {batch} 个，目标却有 {len(asked)} 个"),
                hint=Text("one per example, or one for all", "每个样本一个，或全部共用一个"),
            )
        return [int(one) if isinstance(one, float) and one.is_integer() else one for one in asked]
    return [asked] * batch


def _rival_of(resolved: Resolved, output: Tensor) -> Resolved:
    if resolved.rival is None:
        raise NotApplicable(_NO_RIVAL, hint=_CLASS)
    return as_rival(resolved.rival(output))


def _difference(target: Target, asked: Contrast, output: Tensor | None, raw: Any, size: int | None) -> Resolved:
    each = (Target(one, target.labels, texts=target.texts) for one in (asked.a, asked.b))
    a, b = (_resolve(one, output, raw, size) for one in each)
    if a.raw != b.raw:
        raise BadTarget(Text("contrast() cannot mix a function and a class", "contrast() 不能混用函数与类别"))
    if a.key == b.key:
        raise BadTarget(
            Text(
                f"{a.infos[0].label} rather than itself: the two sides of contrast() are the same target",
                f"{a.infos[0].label} 与它自身：contrast() 的两侧是同一个目标",
            ),
            hint=Text(
                "pl.contrast(None, pl.rival()) sets the answer against the best other class",
                "pl.contrast(None, pl.rival()) 将答案与最强的其他类别对比",
            ),
        )
    infos = tuple(
        TargetInfo(
            f"{one.label} rather than {two.label}",
            None,
            one.score - two.score,
            None,
            "asked",
            one.unit,
            f"{one.words.say('zh')}，而非 {two.words.say('zh')}",
        )
        for one, two in zip(a.infos, b.infos, strict=True)
    )
    return Resolved(
        lambda out, start=0: a.pick(out, start) - b.pick(out, start),
        ("contrast", a.key, b.key),
        infos,
        raw=a.raw,
        notes=a.notes,
    )
