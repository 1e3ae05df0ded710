"""LIME: a weighted linear model of the score over random covers of the input's groups."""

from math import isfinite
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from pellucid.core.text import Text
from pellucid.engine.passes import Looking
from pellucid.engine.targets.target import Target
from pellucid.inputs.attributed_groups import attributed_groups
from pellucid.inputs.groups import GroupsSetting, grouped
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._coalitions import BLACK_BOX, Baselines, Game, covered_scores, opened
from pellucid.ops.draws import generator
from pellucid.ops.surrogate import Fit, weighted_fit
from pellucid.registry import method
from pellucid.results import Attribution

LOW, WIDTHS = 0.5, {"cosine": 0.25, "euclid": 0.75}


@method(
    title=Text("LIME", "LIME 局部线性解释"),
    question=Text(
        "Which regions, words or columns would a simple linear model of this answer count on?",
        "用一个简单的线性模型近似该输出时，它倚重哪些区域、词或列？",
    ),
    shows=Text(
        "Red groups raise the linear model's score when they are uncovered, blue ones lower it.",
        "揭开红色的组会提高线性模型的得分，揭开蓝色的组则使其降低。",
    ),
    cannot=Text(
        "What groups do only together: a linear model adds them up. How much that leaves out is the R² in the notes.",
        "只在共同出现时才起作用的组：线性模型只会相加。由此遗漏多少，见说明中的 R²。",
    ),
    check=Text(
        "facts['R2'] near 1 means that the linear model is right about the covers it saw; change kernel_width and seed and see what stays.",
        "facts['R2'] 接近 1，说明线性模型与所见的遮挡相符；改变 kernel_width 和 seed，看哪些部分保持不变。",
    ),
    needs=BLACK_BOX,
    formula="argmin_{b, φ} Σ_k π(z_k) (f_t(x_{z_k}) − b − φ·z_k)² + λ‖φ‖²,  π(z) = exp(−d(z, 1)² / 2σ²)",
    paper="Ribeiro et al. 2016, arXiv:1602.04938",
    steps=Text(
        "1. Cut the input into groups. 2. Cover each with probability one half, many times. 3. Score every cover. 4. Weigh the covers by how much of the input they leave. 5. Fit a linear model: its slopes are the values.",
        "1. 将输入分组。2. 多次以二分之一的概率遮住各组。3. 对每种遮挡求得分。4. 按保留的多少给各遮挡加权。5. 拟合线性模型，其斜率即各组的值。",
    ),
    quick={"n_samples": 60},
)
def lime(
    x: Inputs,
    target: Target,
    groups: GroupsSetting = "auto",
    baselines: Baselines = 0.0,
    n_samples: Annotated[int, Ge(2)] = 512,
    kernel: Literal["cosine", "euclid"] = "cosine",
    kernel_width: Annotated[float, Gt(0)] | None = None,
    ridge: Annotated[float, Ge(0)] = 0.0,
    seed: int = 0,
    batch_size: Annotated[int, Ge(1)] | None = None,
) -> Looking[tuple[Attribution, ...]]:
    """The slopes of a linear model of the score in what is uncovered.

    Args:
        groups: what is covered as one: `"superpixels:40"`, `"grid:5"`, `"words"`, `"columns"`, a tensor of labels, ...;
            `"auto"`: superpixels, words, columns, segments or blocks, as the input is.
        baselines: what covered elements become: a number, a tensor like the input, `"mean"` or `"blur"`; an embedding for
            integer inputs; a tuple of these, one per explained input.
        n_samples: covers, the uncovered input counted as the first.
        kernel: distance of a cover to the whole input: cosine, or the root of the share of covered groups.
        kernel_width: σ of the weights; None: 0.25 for cosine, 0.75 for euclid, as the authors have it.
        ridge: λ of the penalty on the slopes; 0: plain weighted least squares, the smallest solution where covers are few.
        seed: of the covers.
        batch_size: most rows in one pass; None: as many as suit the device.
    Returns:  Attribution on the input's grid, every element with the slope of its group in units of the target; `facts`
        hold groups, values, standard errors, intercept and weighted R² per example.
    Raises:   BadSetting if the input has no such groups.
    Source:   Ribeiro et al. 2016, arXiv:1602.04938, eq. 1 with a fixed number of covers and a ridge in place of the lasso.
    """
    game: Game = yield from opened(x, target, baselines, batch_size)
    cut = grouped(x, groups)
    width = kernel_width or WIDTHS[kernel]
    fits: list[Fit] = []
    for example, count in enumerate(cut.count):
        shown = drawn_covers(n_samples, count, seed)
        rest = yield from covered_scores(game, cut, example, ~shown[1:], 0, n_samples - 1)
        scores = torch.cat([rest.new_tensor([game.full(example)]), rest])
        fits.append(weighted_fit(shown, scores, closeness(shown, kernel, width), ridge))
    facts = {
        "standard error": tuple(tuple(one.errors.tolist()) for one in fits),
        "R2": tuple(one.explained for one in fits),
        "intercept": tuple(one.intercept for one in fits),
        "score": tuple(map(game.full, range(x.size))),
    }
    return attributed_groups(
        x,
        cut,
        [one.slopes for one in fits],
        facts=facts,
        signed=True,
        targets=game.seen.targets,
        notes=game.seen.notes + _notes(fits, n_samples),
        unit=game.seen.targets[0].unit,
    )


def drawn_covers(n_samples: int, count: int, seed: int) -> Tensor:
    """`(cover, group)`, true where a group is uncovered; the first row uncovers all."""
    drawn = [torch.rand(count, generator=generator(seed, i)) < 0.5 for i in range(1, n_samples)]
    return torch.stack([torch.ones(count, dtype=torch.bool), *drawn])


def closeness(shown: Tensor, kernel: str, width: float) -> Tensor:
    """Weights of covers: 1 for the whole input, less the more is covered."""
    share = shown.double().mean(1)
    distance = 1 - share.sqrt() if kernel == "cosine" else (1 - share).sqrt()
    return torch.exp(-distance.square() / (2 * width**2))


def _notes(fits: list[Fit], n_samples: int) -> tuple[Text, ...]:
    fit, error = min(one.explained for one in fits), max(float(one.errors.mean()) for one in fits)
    known = isfinite(error)
    found = [
        Text(
            f"The linear model explains {fit:.0%} of the weighted variance (R²)"
            + (f"; slopes are good to about ±{error:.2g}." if known else "; covers are too few to tell its error."),
            f"线性模型解释了加权方差的 {fit:.0%}（R²）"
            + (f"；斜率误差约 ±{error:.2g}。" if known else "；遮挡太少，无法得知误差。"),
            aside=known and fit >= LOW,
        )
    ]
    if fit < LOW:
        found.append(
            Text(
                "That is little: what the groups do together matters more than what each does alone.",
                "这很低：各组共同的作用比各自单独的作用更重要。",
            )
        )
    if not all(one.determined for one in fits):
        found.append(
            Text(
                f"{n_samples} covers do not fix every slope: the smallest solution is shown. Take more (n_samples=).",
                f"{n_samples} 种遮挡不足以确定所有斜率，所示为最小解。请增大 n_samples。",
            )
        )
    return tuple(found)
