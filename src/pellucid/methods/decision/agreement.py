"""Agreement: why this answer, by methods of different families side by side, and why not its rival."""

from collections.abc import Generator
from typing import Annotated, Any

from annotated_types import Ge

from pellucid.core.errors import BadSetting, NotApplicable, UnknownMethod
from pellucid.core.text import Text
from pellucid.engine.passes import Looking, together
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._side_by_side import answer_of, compared, tiles_of
from pellucid.registry import View, factory, method, view
from pellucid.results import Attribution, Gallery, Matrix

FAMILIES = ("grad_cam", "integrated_gradients", "lrp", "occlusion")
LEAST = 2


@method(
    title=Text("Why this answer", "为什么是这个答案"),
    question=Text(
        "Do methods of different kinds agree on why this answer, and tell it from its rival?",
        "不同种类的方法对“为什么是这个答案”是否一致，又能否将它与竞争答案区分开？",
    ),
    shows=Text(
        "One row per answer, one column per method, all on one scale: the share of its evidence that a method puts into each cell. Red speaks for the answer, blue against it.",
        "每行一个答案，每列一种方法，共用一个刻度：该方法放在每格的证据份额。红色支持该答案，蓝色反对。",
    ),
    cannot=Text(
        "Who is right: methods can agree and be wrong together. Nor how strong the evidence is: each map is measured by its own total.",
        "谁是对的：各方法可能一致地出错。也不说明证据有多强：每幅图以自身总量为单位。",
    ),
    check=Text(
        "Where the rows look alike, the method shows what is there rather than why this answer; cover a cell on which all agree and see whether the score falls.",
        "若上下两行相似，该方法显示的是画面内容而非答案的理由；遮住各方法一致指出的格子，看得分是否下降。",
    ),
    needs=Text(
        "A network to which at least two of the methods apply; a rival needs classes.",
        "至少适用其中两种方法的网络；竞争答案需要有类别。",
    ),
    formula="share = A / Σ|A| per cell;  agreement = Spearman's ρ;  overlap = Σ min(A⁺ of the answer, A⁺ of its rival)",
    paper="Krishna et al. 2022, arXiv:2202.01602; Adebayo et al. 2018, arXiv:1810.03292",
    steps=Text(
        "1. Look through every method, for the answer and for its best rival. 2. Average each map over the same coarse cells. 3. Divide it by its total of absolute values. 4. Draw all on one scale. 5. Correlate the ranks of the cells, method by method.",
        "1. 分别以该答案和最强的竞争答案为目标，用每种方法各看一次。2. 将各图在相同的粗格上取平均。3. 除以自身绝对值总和。4. 以同一刻度绘制。5. 逐对方法计算各格排名的相关系数。",
    ),
    quick={"of": ("saliency", "input_x_gradient")},
    tour=8,
)
def agreement(
    x: Inputs,
    target: Target,
    of: tuple[View | str, ...] | None = None,
    cells: Annotated[int, Ge(2)] = 14,
    examples: Annotated[int, Ge(1)] = 1,
) -> Looking[tuple[Gallery, Matrix]]:
    """Maps of several methods for the answer and its rival, in shares of their own total, and how far they agree.

    Args:
        of: the methods, with their settings. None: Grad-CAM, integrated gradients, layer-wise relevance propagation and
            occlusion (7 × 7 parts of an image), of which those are left out that do not apply, or do not exist.
        cells: how many along the longer side; tokens and features are compared one by one.
        examples: how many examples of the batch are drawn.
    Returns:  Gallery, values `(batch, answer, method, *cells)` whose absolute values sum to 1, drawn on the picture; and a
        Matrix `(batch, answer, method, method)` of rank correlations. `facts`, per example: `"overlap"`, by method, of
        the positive parts of both answers; `"agreement"`, the mean correlation of two methods for the answer.
    Raises:   NotApplicable if fewer than two methods apply.
    Source:   rank correlation as in Krishna et al. 2022, arXiv:2202.01602, section 3.
    """
    views = _default(x) if of is None else [view(one) for one in of]
    asked: list[Target | None] = [target, _rival(target)]
    looks = [(one, goal) for goal in asked if goal is not None for one in views]
    given: tuple[Any, ...] = yield from together(*(_tried(one, x, goal) for one, goal in looks))
    first, second = given[: len(views)], given[len(views) :] or (None,) * len(views)
    kept, missing, rival = _kept(views, first, second)
    if len(kept) < LEAST:
        raise NotApplicable(
            Text(
                f"{len(kept)} of {len(views)} methods apply: " + "; ".join(f"{name}: {why}" for name, why in missing),
                f"{len(views)} 种方法中只有 {len(kept)} 种适用："
                + "；".join(f"{name}：{why.say('zh')}" for name, why in missing),
            ),
            hint=Text("agreement(of=(...)) takes other methods", "agreement(of=(...)) 可选用其他方法"),
        )
    rows: list[list[Any]] = [[made[i] for i in kept] for made in ([first, second] if rival else [first])]
    answers = [answer_of(row, cells) for row in rows]
    names = [views[i] for i in kept]
    return tiles_of(x, names, answers, rows[0], examples, missing), compared(names, answers)


_NO_MAP = Text("it gives no map of each example", "没有给出每个样本的图")
_ELSEWHERE = Text("its map lies on another input", "它的图位于另一个输入上")


def _default(x: Inputs) -> list[View]:
    found: list[View] = []
    for name in FAMILIES:
        try:
            coarse = name == "occlusion" and x.canvas(2) is not None
            found.append(factory(name)(groups="grid:7") if coarse else factory(name)())
        except UnknownMethod:
            continue
    return found


def _rival(target: Target) -> Target | None:
    try:
        return target.rival()
    except NotApplicable:
        return None


def _tried(one: View, x: Inputs, target: Target) -> Generator[Any, Any, Attribution | Text]:
    """The first attribution that a method gives; the reason where it gives none."""
    try:
        looked = yield from one.look(x, target)
    except (NotApplicable, BadSetting) as error:
        return error.words
    result = looked[0] if isinstance(looked, tuple) else looked
    if not isinstance(result, Attribution) or result.heat.ndim < 2 or len(result.heat) != x.size:
        return _NO_MAP
    return result


def _kept(views: list[View], first: Any, second: Any) -> tuple[list[int], list[tuple[str, Text]], bool]:
    """Which methods gave maps on the same grid for the answer (and its rival, if any gave one); why others did not."""
    rival = any(isinstance(one, Attribution) for one in second)
    grid = next((one.heat.shape for one in first if isinstance(one, Attribution)), ())
    kept: list[int] = []
    missing: list[tuple[str, Text]] = []
    for i, one in enumerate(views):
        parts = [first[i], second[i]] if rival else [first[i]]
        reason = next((part for part in parts if isinstance(part, Text)), None)
        if reason is None and any(part.heat.shape != grid for part in parts):
            reason = _ELSEWHERE
        if reason is not None:
            missing.append((one.name, reason))
        else:
            kept.append(i)
    return kept, missing, rival
