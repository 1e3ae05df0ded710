"""What the pictures of a training say of themselves."""

from pellucid.core.provenance import Words
from pellucid.core.text import Text

_CHECK = Text(
    "Train again with another seed: what stays belongs to network and data.",
    "换随机种子重新训练：不变的才属于网络与数据。",
)
_CANNOT = Text(
    "Steps between two measurements; what it would have been with other settings.",
    "两次测量之间的步；换用其他设置时的情形。",
)


def _words(title: Text, question: Text, shows: Text, formula: str, paper: str = "") -> Words:
    return Words(title, question, shows, _CANNOT, _CHECK, formula, paper=paper)


WORDS = {
    "curves": _words(
        Text("Training curves", "训练曲线"),
        Text("Does it learn, and does it over-fit?", "它在学习吗？是否过拟合？"),
        Text(
            "What was logged, by step; training and validation that part tell of over-fitting.",
            "按步显示所记录的指标；训练与验证曲线分开提示过拟合。",
        ),
        "as logged",
    ),
    "gradient_flow": _words(
        Text("Gradient flow over the training", "训练全程的梯度流"),
        Text("Where and when does the gradient vanish or explode?", "梯度在何处、何时消失或爆炸？"),
        Text(
            "The norm of the gradient at the output of every layer, first layer on top. A row far darker than the lowest one learns next to nothing; that all get darker as the loss falls is usual.",
            "每层输出处的梯度范数，第一层在最上。远比最下一行暗的层几乎学不到东西；随损失下降整体变暗属正常。",
        ),
        "log₁₀ ‖∂L/∂a_l‖₂",
        "Bengio et al. 1994, IEEE TNN 5(2); Glorot & Bengio 2010",
    ),
    "gradient_maps": _words(
        Text("Gradients of the weights over the training", "训练全程的权重梯度"),
        Text("Which layers are told to move, and how strongly?", "哪些层被要求更新？强度如何？"),
        Text(
            "The norm of the gradient of every layer's weights, as the optimizer gets it (clipped, accumulated).",
            "每层权重梯度的范数，即优化器所得到的梯度（已裁剪、已累积）。",
        ),
        "log₁₀ ‖∂L/∂W_l‖₂",
    ),
    "activations": _words(
        Text("Spread of the activations over the training", "训练全程的激活离散程度"),
        Text("Do activations die out or blow up with depth?", "激活是否随深度衰减或发散？"),
        Text("The standard deviation of every layer's output.", "每层输出的标准差。"),
        "log₁₀ std(a_l)",
    ),
    "dead": _words(
        Text("Silent channels over the training", "训练全程的沉默通道"),
        Text("Do units die?", "单元是否死亡？"),
        Text(
            "The share of channels that are zero for every example and position of the batch.",
            "对整批样本与所有位置均为零的通道占比。",
        ),
        "share of channels with max a ≤ 0",
    ),
    "saturated": _words(
        Text("Saturation over the training", "训练全程的饱和程度"),
        Text("Do activations sit at their limits, where no gradient passes?", "激活是否停在极限处，使梯度无法通过？"),
        Text(
            "The share of values within a hundredth of the limits of the function.",
            "与函数极限相差不足百分之一的值的占比。",
        ),
        "share of a within 1% of a limit",
    ),
}
