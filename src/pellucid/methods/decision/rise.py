"""RISE: how the score changes with what random masks let through."""

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt

from pellucid.core.text import Text
from pellucid.engine.passes import Looking
from pellucid.engine.targets.target import Target
from pellucid.inputs.attributed_groups import on_grid
from pellucid.inputs.groups import GroupsSetting
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._coalitions import BLACK_BOX, Baselines, opened
from pellucid.methods.decision._masking import Masked, Masking, Wish, masked
from pellucid.registry import method
from pellucid.results import Attribution

ROUGH = 0.15


@method(
    title=Text("RISE", "RISE 随机遮挡显著图"),
    question=Text(
        "Which parts of the input raise the score when they can be seen, whatever else is hidden?",
        "无论其余部分是否被遮住，输入的哪些部分一旦可见就会提高得分？",
    ),
    shows=Text(
        "Red: where a random mask lets this part through the score is higher; blue: lower. In units of the score.",
        "红色：随机掩码露出此处时得分更高；蓝色：更低。单位与得分相同。",
    ),
    cannot=Text(
        "Anything finer than the cells of the masks, and small effects: what lies below the standard error is chance.",
        "比掩码网格更细的内容，以及微弱的作用：小于标准误差的部分只是偶然。",
    ),
    check=Text(
        "Look again with another seed: what is real stays. facts['standard error'] should be small beside the map's range.",
        "换一个 seed 再看：真实的部分会保持不变。facts['standard error'] 相对图的取值范围应当很小。",
    ),
    needs=BLACK_BOX,
    formula="A = cov(f_t(x ⊙ M), M) / var(M)  (debiased);  S = Σ_k f_t(x ⊙ M_k) M_k / Σ_k M_k  (the paper's)",
    paper="Petsiuk et al. 2018, arXiv:1806.07421",
    steps=Text(
        "1. Draw a coarse grid of open and closed cells. 2. Enlarge it smoothly and shift it: a mask. 3. Lay it on the input and score what shows. 4. Do so many times. 5. At each place, take how the score goes with the mask there.",
        "1. 随机生成由开、闭单元组成的粗网格。2. 平滑放大并随机平移，得到掩码。3. 将掩码盖在输入上，对露出的部分求得分。4. 重复多次。5. 在每个位置上，求得分随该处掩码变化的幅度。",
    ),
    quick={"n_samples": 64},
)
def rise(
    x: Inputs,
    target: Target,
    groups: GroupsSetting | None = None,
    baselines: Baselines = 0.0,
    n_samples: Annotated[int, Ge(2)] = 1024,
    cells: Annotated[int, Ge(1)] = 7,
    probability: Annotated[float, Gt(0), Lt(1)] = 0.5,
    debiased: bool = True,
    tolerance: Annotated[float, Gt(0)] | None = None,
    seed: int = 0,
    batch_size: Annotated[int, Ge(1)] | None = None,
) -> Looking[tuple[Attribution, ...]]:
    """Scores of randomly masked inputs, related to the masks.

    Args:
        groups: mask these as one (`"superpixels"`, `"words"`, a tensor of labels, ...) instead of smooth cells; tokens
            and columns are always masked one by one.
        baselines: what hidden elements become: a number, a tensor like the input, `"mean"` or `"blur"`; an embedding for
            integer inputs; a tuple of these, one per explained input.
        n_samples: at most this many masks.
        cells: of a mask along each axis.
        probability: that a cell is open.
        debiased: False: the paper's weighted mean score, which stands on a pedestal that the whole input shares.
        tolerance: stop when the mean standard error is at most this share of the map's range.
        seed: of the masks, which are the same for every example.
        batch_size: most rows in one pass; None: as many as suit the device.
    Returns:  Attribution on the input's grid, in units of the target; for a linear score with a mask for each element it
        is the element's contribution. `facts`: mean standard error, its share of the range, and masks used, per example.
    Raises:   BadSetting if the input has no such groups.
    Source:   Petsiuk et al. 2018, arXiv:1806.07421, eq. 6, divided by the actual sum of the masks; debiased: regression.
    """
    game = yield from opened(x, target, baselines, batch_size)
    masking = Masking(x, groups, cells, probability, seed)
    asked = Wish(n_samples, debiased, tolerance)
    found: list[Masked] = []
    for example in range(x.size):
        one = yield from masked(game, masking, example, asked)
        found.append(one)
    fields = {
        "signed": debiased,
        "targets": game.seen.targets,
        "notes": (*game.seen.notes, _told(found)),
        "unit": game.seen.targets[0].unit,
        "facts": {
            "standard error": tuple(one.error for one in found),
            "relative error": tuple(one.share for one in found),
            "masks": tuple(one.masks for one in found),
        },
    }
    return tuple(
        on_grid(x, name, torch.stack([one.maps[name].reshape(shape) for one in found]), **fields)
        for name, shape in masking.shapes.items()
    )


def _told(found: list[Masked]) -> Text:
    masks, error, share = (
        max(many) for many in zip(*((one.masks, one.error, one.share) for one in found), strict=True)
    )
    more_en, more_zh = (
        ("; a larger n_samples= makes it smaller", "；增大 n_samples 可使其减小") if share > ROUGH else ("", "")
    )
    return Text(
        f"{masks} masks; values are good to about ±{error:.2g} (mean standard error, {share:.0%} of the map's range){more_en}.",
        f"{masks} 个掩码；数值误差约 ±{error:.2g}（平均标准误差，为取值范围的 {share:.0%}）{more_zh}。",
        aside=share <= ROUGH,
    )
