"""Shapley values: what each group of the input adds to the score, averaged over the orders in which groups can join."""

from typing import Annotated

from annotated_types import Ge, Gt

from pellucid.core.text import Text
from pellucid.engine.passes import Looking
from pellucid.engine.targets.target import Target
from pellucid.inputs.attributed_groups import attributed_groups
from pellucid.inputs.groups import GroupsSetting, grouped
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._coalitions import BLACK_BOX, Baselines, Game, opened
from pellucid.methods.decision._orders import Shared, noise, shared_by_orders, shared_exactly
from pellucid.registry import method
from pellucid.results import Attribution

EXACT, ROUGH = 12, 0.1


@method(
    title=Text("Shapley values", "沙普利值"),
    question=Text(
        "How do the regions, words or columns share the score fairly, whatever they do together?",
        "各区域、词或列无论怎样共同作用，应如何公平地分摊得分？",
    ),
    shows=Text(
        "Red groups raise the score above that of the covered input, blue ones lower it. All values together make up the difference.",
        "红色的组使得分高于全部遮住时的得分，蓝色的组使其降低。所有值之和即二者之差。",
    ),
    cannot=Text(
        "Anything finer than the groups, and what the model does with whole inputs: most coalitions look like nothing it was trained on.",
        "比分组更细的内容，也不能说明模型对完整输入的行为：多数组合与训练时所见的样子都不同。",
    ),
    check=Text(
        "facts['standard error'] should be small beside the values; try another baseline (baselines='blur') and see what stays.",
        "facts['standard error'] 相对各值应当很小；换一个基线（baselines='blur'），看哪些部分保持不变。",
    ),
    needs=BLACK_BOX,
    formula="φ_i = Σ_{S ∌ i} |S|! (n − |S| − 1)! / n! · (f_t(S ∪ i) − f_t(S))",
    paper="Shapley 1953; Castro et al. 2009, doi:10.1016/j.cor.2008.04.004",
    steps=Text(
        "1. Cut the input into groups. 2. Cover all, then uncover one group after another in a random order. 3. Note what each adds to the score. 4. Do the same in the reverse order. 5. Average over many orders (up to 12 groups: over all coalitions, exactly).",
        "1. 将输入分组。2. 先全部遮住，再按随机顺序逐组揭开。3. 记录每组使得分增加多少。4. 按相反的顺序再做一遍。5. 对许多顺序取平均（不超过 12 组时遍历所有组合，结果精确）。",
    ),
    quick={"n_samples": 10},
)
def shapley(
    x: Inputs,
    target: Target,
    groups: GroupsSetting = "auto",
    baselines: Baselines = 0.0,
    n_samples: Annotated[int, Ge(2)] = 32,
    tolerance: Annotated[float, Gt(0)] | None = None,
    seed: int = 0,
    batch_size: Annotated[int, Ge(1)] | None = None,
) -> Looking[tuple[Attribution, ...]]:
    """Shapley values of groups: exact up to 12 groups, else from random orders, each with its reverse.

    Args:
        groups: what is covered as one: `"superpixels:40"`, `"grid:5"`, `"words"`, `"columns"`, a tensor of labels, ...;
            `"auto"`: superpixels, words, columns, segments or blocks, as the input is.
        baselines: what covered elements become: a number, a tensor like the input, `"mean"` or `"blur"`; an embedding for
            integer inputs; a tuple of these, one per explained input.
        n_samples: at most this many orders (an odd number is rounded up: orders come in pairs); each needs a row per group.
        tolerance: stop when the mean standard error is at most this share of the largest value.
        seed: of the orders.
        batch_size: most rows in one pass; None: as many as suit the device.
    Returns:  Attribution on the input's grid, every element with the value of its group in units of the target; `facts`
        hold groups, values and standard errors (0 where exact), and the gap to f(x) − f(covered).
    Raises:   BadSetting if the input has no such groups.
    Source:   Castro et al. 2009; antithetic orders as in Mitchell et al. 2022, arXiv:2104.12199.
    """
    game: Game = yield from opened(x, target, baselines, batch_size)
    cut = grouped(x, groups)
    found: list[Shared] = []
    for example, count in enumerate(cut.count):
        if count <= EXACT:
            found.append((yield from shared_exactly(game, cut, example)))
        else:
            found.append((yield from shared_by_orders(game, cut, example, n_samples, tolerance, seed)))
    facts = {
        "standard error": tuple(tuple(one.errors.tolist()) for one in found),
        "gap": tuple(float(one.values.sum()) - game.full(i) + one.empty for i, one in enumerate(found)),
        "score": tuple(map(game.full, range(x.size))),
        "baseline score": tuple(one.empty for one in found),
        "orders": tuple(one.orders for one in found),
    }
    return attributed_groups(
        x,
        cut,
        [one.values for one in found],
        facts=facts,
        signed=True,
        targets=game.seen.targets,
        notes=game.seen.notes + _notes(found),
        unit=game.seen.targets[0].unit,
    )


def _notes(found: list[Shared]) -> tuple[Text, ...]:
    drawn = [one for one in found if one.orders]
    if not drawn:
        return ()
    error = sum(float(one.errors.mean()) for one in drawn) / len(drawn)
    share = max(noise(one.values, one.errors) for one in drawn)
    more_en, more_zh = (
        ("; a larger n_samples= makes it smaller", "；增大 n_samples 可使其减小") if share > ROUGH else ("", "")
    )
    orders = max(one.orders for one in drawn)
    return (
        Text(
            f"Values from {orders} orders, good to about ±{error:.2g} (mean standard error, up to {share:.0%} of the largest value){more_en}.",
            f"由 {orders} 种顺序估计，误差约 ±{error:.2g}（平均标准误差，最多为最大值的 {share:.0%}）{more_zh}。",
            aside=share <= ROUGH,
        ),
    )
