"""Weight spectrum: the singular values of every layer, beside those of a random matrix of the same size."""

from typing import Annotated

from annotated_types import Ge

from pellucid.core.needs import WEIGHTS
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Layer, Looking, Step
from pellucid.methods.structure._spectrum_drawn import charts, curves, findings, table
from pellucid.methods.structure._spectrum_row import Row, refuse_vectors, row_of
from pellucid.methods.structure._weights_held import held
from pellucid.registry import method
from pellucid.results import Series, Table


@method(
    title=Text("Weight spectrum", "权重谱"),
    question=Text(
        "How many directions does each layer really use, and what sets it apart from chance?",
        "每一层真正用到多少个方向？与随机矩阵有何不同？",
    ),
    shows=Text(
        "Singular values, largest first, of one matrix per layer (a convolution: outputs × inputs·kernel). What rises above the curve of a random matrix of the same size and variance was put there by training or by the initialization's structure.",
        "每层一个矩阵（卷积取 输出 × 输入·核）的奇异值，由大到小。高出同尺寸、同方差随机矩阵曲线的部分，来自训练或初始化的结构。",
    ),
    cannot=Text(
        "Whether a layer is good: large values may be rarely excited by data, scale may be undone by a normalisation behind, and a straight tail over a short range is no proof of a power law.",
        "一层的好坏：大的奇异值可能很少被数据激发，尺度可能被其后的归一化抵消；短区间上的直尾也不能证明幂律。",
    ),
    check=Text(
        "Look at the same layers of the untrained network; zero what lies within the random range and measure the accuracy.",
        "对未训练的同一网络做同样的图；把落在随机范围内的部分置零，再测准确率。",
    ),
    needs=WEIGHTS,
    formula="W = U diag(σ) Vᵀ;  stable rank ‖W‖_F² / σ₁²;  effective rank exp(−Σ p ln p), p = σ² / Σσ²;  random edge s(√m + √n)",
    paper="Martin & Mahoney 2021, JMLR 22(165); Roy & Vetterli 2007; Marchenko & Pastur 1967",
    steps=Text(
        "1. Lay each weight out as a matrix, a grouped convolution as one block for each group. 2. Take its singular values. 3. Compare them with those of independent entries of the same variance. 4. Fit a power law to the tail of σ² and test it.",
        "1. 把每个权重展成矩阵，分组卷积每组一块。2. 求奇异值。3. 与同方差独立元素的矩阵比较。4. 对 σ² 的尾部拟合幂律并检验。",
    ),
)
def weight_spectrum(
    lens: Looker,
    layer: Layer = "every weight",
    grid: Annotated[int, Ge(1)] | None = None,
    most: Annotated[int, Ge(1)] = 1024,
) -> Looking[tuple[Series | Table, ...]]:
    """Singular values of weights; the network is not run.

    Args:
        layer: whose weights.
        grid: also the largest singular value of each convolution as a map on a grid of so many cells a side that wraps
            around: exact for circular padding and stride one; zero padding and strides only estimate it.
        most: up to which shorter side all singular values are computed; beyond, the first 64 are estimated.
    Returns:  Series, a curve per layer, values `(curve, rank)`, NaN behind the last one; of one layer also the curve
        of a random matrix. Table with a row per layer, `norm` ‖W‖_F. Complex weights have real singular values.
    Raises:   NotApplicable if there is no such weight, it is a single row of numbers, or not finite.
    Source:   Sedghi et al. 2019, ICLR (convolutions); Clauset et al. 2009 (fits); Johnstone 2001 (what is above chance).
    """
    found, notes = held(lens, layer)
    refuse_vectors(found)
    rows: list[Row] = []
    for number, one in enumerate(found):
        if number and len(found) > 1:
            yield from Step((number, len(found)))
        rows.append(row_of(one, grid, most))
    notes = (*findings(rows, grid), *notes)
    return curves(rows, notes), table(rows, notes).with_(beside=charts(rows))
