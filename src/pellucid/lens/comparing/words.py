"""What each part of a comparison says of itself, and where it comes from."""

# ruff: noqa: E501 - sentences stay whole

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.core.provenance import Provenance, Words
from pellucid.core.text import Text
from pellucid.lens.provenance import versions
from pellucid.results.result import Result

_KORNBLITH = "Kornblith et al. 2019, arXiv:1905.00414; Song et al. 2012, JMLR 13:1393"
PARTS = {
    "summary": Words(
        Text("Side by side", "并列总览"),
        Text("Which of them should be chosen?", "应当选哪一个？"),
        Text(
            "One row for each: how often it is right, how sure it is and by how much its answer leads, what lens.diagnose finds wrong with it, its size and its cost.",
            "每行一个：正确率、置信度、答案领先的幅度、lens.diagnose 发现的问题，以及规模与开销。",
        ),
        Text(
            "Whether a difference in accuracy would last on other data; how well a model would do after more training.",
            "准确率的差别在其他数据上是否依然存在；继续训练后会怎样。",
        ),
        Text(
            "Compare on more data, and look at the samples on which they part.",
            "用更多数据比较，并查看它们分歧的样本。",
        ),
    ),
    "decisions": Words(
        Text("Decisions", "决策"),
        Text("Where do their decisions part?", "它们的决策在哪里分歧？"),
        Text("What each of them answers, and how sure it is of it.", "各自的答案与置信度。"),
        Text("Why they part.", "为何分歧。"),
        Text("Look at a sample on which they part through all of them.", "对某个分歧样本，用所有模型分别观察。"),
    ),
    "outputs": Words(
        Text("Difference of the outputs", "输出的差异"),
        Text("By how much do their outputs differ, whatever they mean?", "无论含义如何，它们的输出相差多少？"),
        Text(
            "Of each sample's output, its mean over positions where it has several: the length of the difference beside that of the first, and the cosine; of single numbers the correlation over samples.",
            "取每个样本的输出（有多个位置时取其均值）：差的长度与第一个模型输出长度之比，以及余弦；若输出为单个数，则为样本间的相关系数。",
        ),
        Text("Whether the difference changes an answer.", "差异是否会改变答案。"),
        Text("Read the table of answers beside it.", "对照答案表。"),
        "‖Y′ − Y‖ / ‖Y‖",
    ),
    "agreement": Words(
        Text("Agreement", "一致率"),
        Text("How often do two of them give the same answer?", "两两之间给出相同答案的比例是多少？"),
        Text("The share of all samples on which two models answer alike.", "两个模型答案相同的样本比例。"),
        Text("Who is right where they part: two can agree and be wrong together.", "分歧时谁对：两者可能一致地出错。"),
        Text("Read the table of the samples on which they part.", "阅读分歧样本表。"),
    ),
    "parting": Words(
        Text("Samples on which they part", "分歧样本"),
        Text("On which samples do their answers part, and who is right?", "在哪些样本上答案不同？谁对？"),
        Text("One row for each such sample, the surest first.", "每个分歧样本一行，置信度最高的在前。"),
        Text("Why they part; a label may be wrong, too.", "为何分歧；标签也可能有误。"),
        Text(
            "Look at one of them through all models: x= with its picture.", "取其中一个样本，用 x= 让所有模型观察它。"
        ),
    ),
    "matching": Words(
        Text("Layers in pairs", "层的配对"),
        Text("Which layer answers to which?", "哪一层与哪一层对应？"),
        Text(
            "One row for each layer of the first, in the order in which they run, beside its partner: by name where all names are the same, or half of the layers have the name and shape of one in the other; else by likeness, so that neither order is broken.",
            "按执行顺序，第一个模型每层一行，旁边是与之配对的层：若名称全部相同，或半数层在另一模型中有同名同形的层，则按名称，否则按相似度，且不打乱两者的先后顺序。",
        ),
        Text(
            "That a layer has the same task as its partner: the pairs are the best that keep both orders, however bad that is. Layers that run side by side may be paired crosswise.",
            "配对的层担负相同的任务：配对只是在保持两者顺序下的最优，未必好。并行的分支可能交叉配对。",
        ),
        Text(
            "Read the score: near 1 the layers compute the same; look at the matrix for a second candidate.",
            "看得分：接近 1 则两层的计算相同；并在矩阵中寻找第二候选。",
        ),
        "score = (CKA + ¼·[same shape] + ¼·max(0, cos(W, W′))) / 1.5;  pairs: argmax Σ (score − 0.3), rising in both",
        Text(
            "1. Compare names and shapes. 2. Where they do not settle it, score every pair of layers. 3. Choose by dynamic programming the rising chain of pairs with the largest sum.",
            "1. 比较名称与形状。2. 若不足以判定，则给每对层打分。3. 用动态规划选出总分最大的递增配对链。",
        ),
        "Needleman & Wunsch 1970, doi:10.1016/0022-2836(70)90057-4",
    ),
    "alignment": Words(
        Text("Likeness of layers", "层的相似度"),
        Text("Which layers see the samples alike?", "哪些层对样本的看法相同？"),
        Text(
            "Linear CKA of every layer with every layer of the other: 1 where the samples lie alike but for a turn, a shift and a scale.",
            "每层与另一模型每层的线性 CKA：若样本的排布只差旋转、平移与缩放则为 1。",
        ),
        Text(
            "That two layers do the same: a few directions of large variance decide the number, and each layer is seen through its mean over positions.",
            "两层功能相同：数值由少数高方差方向决定，且每层只取各位置的均值。",
        ),
        Text(
            "Compare with two trainings of one architecture from other seeds.",
            "与同一结构、不同随机种子的两次训练相比较。",
        ),
        "CKA = HSIC₁(K, L) / √(HSIC₁(K, K) · HSIC₁(L, L)),  K = X Xᵀ, unbiased",
        Text(
            "1. Send the same samples through both, once. 2. Of a fixed random choice of them keep each layer's mean over positions. 3. Compare the Gram matrices, by the unbiased estimate.",
            "1. 相同样本各通过两个模型一次。2. 对固定随机选取的样本，保留每层在各位置上的均值。3. 用无偏估计比较格拉姆矩阵。",
        ),
        _KORNBLITH,
    ),
    "depth": Words(
        Text("Likeness along the depth", "相似度随深度的变化"),
        Text("From which layer on do they part?", "从哪一层开始分道扬镳？"),
        Text("CKA of each layer of the first with its partner.", "第一个模型每层与其配对层的 CKA。"),
        Text(
            "Which weights cause it: a layer differs also where only one before it changed.",
            "由哪些权重引起：即使只有前面某层改变，后面的层也会不同。",
        ),
        Text("Look at the change of the weights, layer by layer.", "逐层查看权重变化。"),
        "CKA(A_l, B_l)",
        paper=_KORNBLITH,
    ),
    "weights": Words(
        Text("Change of the weights", "权重变化"),
        Text("Which layers differ in their weights?", "哪些层的权重不同？"),
        Text(
            "For each layer the length of the difference beside the length of the weights of the first.",
            "每层：权重之差的长度与第一个模型该层权重长度之比。",
        ),
        Text(
            "How much it matters: a small change at one place can turn decisions, a large one may be undone by the next layer. Of models that were trained apart, weights cannot be compared at all.",
            "影响多大：某处的小变化可能改变决策，大变化也可能被下一层抵消。分别训练的模型，其权重无从比较。",
        ),
        Text("Put the weights of one layer back and compare the answers.", "把某一层的权重换回去，再比较答案。"),
        "‖W′ − W‖ / ‖W‖,  cos = ⟨W, W′⟩ / (‖W‖ ‖W′‖)",
    ),
    "pictures": Words(
        Text("The same picture of each", "同一种图，各看一次"),
        Text("Do they look at the same places?", "它们看的是同样的地方吗？"),
        Text(
            "The same method, input and target for each of them, all on one scale.",
            "对每个模型用相同的方法、输入与目标，共用一个刻度。",
        ),
        Text(
            "Which of them is right: a model can look at the right place and answer wrong.",
            "谁对：模型可能看对了地方却答错。",
        ),
        Text("Compare with another method, and with another input.", "换一种方法、换一个输入再比较。"),
    ),
    "differences": Words(
        Text("Differences", "差异"),
        Text("Where do their pictures differ?", "它们的图在哪里不同？"),
        Text(
            "Its value less that of the first, on the scale of the pictures themselves, or on a finer one where that is said.",
            "其数值减去第一个模型的数值；刻度与原图相同，若更细则另行注明。",
        ),
        Text("Whether the difference matters to the answer.", "差异对答案是否重要。"),
        Text("Cover the place, and see whose answer changes.", "遮住该处，看谁的答案改变。"),
    ),
    "curves": Words(
        Text("Curves of the runs", "各次训练的曲线"),
        Text("Which of them learns faster, and to what end?", "哪一次学得更快，最终如何？"),
        Text("What each run logged, over its own steps.", "每次训练所记录的指标，横轴为各自的步数。"),
        Text(
            "Whether a difference is more than chance: other seeds may turn it.", "差别是否超出偶然：换种子可能逆转。"
        ),
        Text("Train each again with another seed.", "换种子各再训练一次。"),
    ),
    "final": Words(
        Text("Ends of the runs", "各次训练的结果"),
        Text("Which of them ended best?", "哪一次结果最好？"),
        Text(
            "One row for each run: its steps, how it ended, the last and the best of every metric.",
            "每次训练一行：步数、如何结束、各指标的最后值与最好值。",
        ),
        Text("Whether the best value would have lasted.", "最好值能否保持。"),
        Text("Look at the curves.", "查看曲线。"),
    ),
    "updates": Words(
        Text("Updates by layer", "各层更新量"),
        Text("Which layers move more in one run than in another?", "哪些层在某次训练中移动得更多？"),
        Text("The median of ‖ΔW‖ / ‖W‖ of a step, for each layer.", "每层每步 ‖ΔW‖ / ‖W‖ 的中位数。"),
        Text("When they move: the median covers the whole training.", "何时移动：中位数覆盖整个训练。"),
        Text("Look at the updates of one run over its steps.", "查看单次训练各步的更新量。"),
        "median over steps of ‖ΔW‖ / ‖W‖",
    ),
}


def some(count: int, noun: str) -> str:
    """A number of things in English: `1 layer`, `2,000 layers`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@dataclass(frozen=True)
class Signed:
    """Puts its origin on every part of one comparison.

    Args:
        names: of what is compared.
        weights: digests of their weights, in this order.
        code: the line that makes it again.
        seed: of the random state that every forward starts from.
        notes: what every result must say.
    """

    names: Sequence[str]
    weights: str = ""
    code: str = "pl.compare(...)"
    seed: int = 0
    notes: tuple[Text, ...] = ()

    def __call__(self, result: Result, part: str, *, method: str = "", words: Words | None = None) -> Result:
        """The result with what it says of itself; `words` stand in for those of the part."""
        made = Provenance(
            method=method or f"compare_{part}",
            family="compare",
            words=words or PARTS[part],
            model=" · ".join(self.names),
            weights=self.weights,
            layer=result.layer,
            targets=result.targets,
            seed=self.seed,
            versions=versions(),
            code=self.code,
        )
        return result.with_(provenance=made, notes=tuple(dict.fromkeys((*result.notes, *self.notes))))
