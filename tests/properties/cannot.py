"""Which method cannot give which known picture, and why. The documentation shows these reasons.

Each entry is checked from both sides: a method that is not listed must give the picture, a listed one must not.
"""

from pellucid.core.text import Text

QUESTIONS: dict[str, Text] = {
    "linear": Text(
        "On a linear score of a row: the weights, or each feature's share",
        "对一行特征的线性得分：给出权重，或各特征的份额",
    ),
    "template": Text(
        "A detector of one planted patch: the peak and most of the evidence lie on the patch",
        "检测一个植入图块的网络：峰值和大部分证据落在该图块上",
    ),
    "objects": Text(
        "Two objects, each read by its own class: each class shows its own object alone",
        "两个物体各由一个类别读取：每个类别只显示自己的物体",
    ),
    "contrast": Text(
        "“A rather than B” on two objects: for on A, against on B",
        "两个物体上的“是 A 而非 B”：A 处为支持，B 处为反对",
    ),
    "gates": Text(
        "AND, OR, XOR and what has long been enough: the fair shares",
        "与、或、异或，以及早已饱和的输入：给出公平的份额",
    ),
    "quadratic": Text(
        "A quadratic form: its gradient, or the fair shares of its products",
        "二次型：给出梯度，或各乘积的公平份额",
    ),
    "complete": Text(
        "A network without biases: the values sum to the score",
        "没有偏置的网络：各值之和等于得分",
    ),
    "shift": Text(
        "Input and baseline moved by a constant that the first bias takes back: the same picture",
        "输入与基线同时平移一个常数，并由第一个偏置抵消：图像不变",
    ),
    "rescaled": Text(
        "Channels made larger and read as much less, the function unchanged: the same picture",
        "通道放大而读取时等比缩小，函数不变：图像不变",
    ),
    "duplicated": Text(
        "A channel twice, each read half, the function unchanged: the same picture",
        "同一通道出现两次、各读一半，函数不变：图像不变",
    ),
    "reach": Text(
        "A score that some pixels cannot move: nothing is shown there",
        "某些像素无法影响得分：那里什么也不显示",
    ),
}

_CELLS = ("ablation_cam", "eigen_cam", "eigen_grad_cam", "grad_cam", "grad_cam_plus_plus", "hires_cam", "layer_cam")
_MAPS = (*_CELLS, "score_cam", "xgrad_cam", "full_grad", "guided_grad_cam")
_RANKINGS = tuple(name for name in _MAPS if name not in ("hires_cam", "xgrad_cam"))  # those two sum to the score
_NO_GRID = dict.fromkeys(
    _MAPS,
    Text(
        "Reads layers that keep the grid of the input; rows of features have none.",
        "读取保留输入网格的层；一行特征没有网格。",
    ),
)
_LOCAL = Text(
    "A gradient tells of small changes only: it does not see what lies behind the threshold.",
    "梯度只反映微小的变化：看不到阈值另一侧的情形。",
)
_ONE_BY_ONE = Text(
    "Takes one part away at a time: what two parts do together is counted for each of them, or for none.",
    "每次只去掉一个部分：两个部分共同的作用会被各算一次，或者都不算。",
)
_ALONE = Text(
    "Reads the activations without the target, so every class has the same picture.",
    "只读取激活而不看目标，因此每个类别的图像都相同。",
)
_SHARE = Text(
    "Its values are no shares of the score: they rank places, and their sum means nothing.",
    "其数值不是得分的份额：只用于比较位置，总和没有意义。",
)
_SPREAD = Text(
    "Weighs a whole channel by one number, so a feature counts wherever it is found.",
    "整个通道只用一个权重，因此该特征无论出现在何处都会计入。",
)
_SCALE = Text(
    "Weighs channels by quantities that grow with how large a channel happens to be, not with what is read of it.",
    "通道权重随通道数值大小而变，而不取决于后面如何读取它。",
)
_COUNT = Text(
    "Its weights are not linear in the channels: two halves count otherwise than their whole.",
    "其权重对通道不是线性的：两半与整体的计算结果不同。",
)
_CUT = Text(
    "Drops negative gradients on the way, and with them all that speaks against A or for B.",
    "途中丢弃负梯度，也就丢弃了反对 A 或支持 B 的内容。",
)
_UNSIGNED = Text(
    "Adds up absolute values, so it cannot tell for from against.",
    "将绝对值相加，因此无法区分支持与反对。",
)
_ZERO = Text(
    "Multiplies by the input as it is, so it depends on where the numbers have their zero.",
    "直接乘以输入，因此取决于数值的零点在哪里。",
)
_MASKED = Text(
    "Darkens the input by multiplying it: what is dark is fixed at the number 0, and channels with a signal elsewhere "
    "get a weight too.",
    "用乘法遮暗输入：被遮处固定为数值 0；信号位于别处的通道也会得到权重。",
)
_WEIGHED = Text(
    "Covers near the whole input weigh more, so what counts only together does not fall to its parts in equal shares.",
    "越接近完整输入的遮挡权重越大，因此只在共同出现时起作用的内容不会平均分给各部分。",
)
_SWITCHED = Text(
    "Its noise switches rectifiers on where the picture is empty, so empty places are shown as well.",
    "噪声会在图像空白处激活整流单元，因此空白处也会显示。",
)
_THRESHOLD = Text(
    "A threshold is a bias, and biases take no share: before it the shares are as large as if it were not.",
    "阈值即偏置，而偏置不分得份额：其之前的份额如同没有阈值一样大。",
)

CANNOT: dict[str, dict[str, Text]] = {
    "linear": {**_NO_GRID},
    "objects": {"eigen_cam": _ALONE, "score_cam": _MASKED, "smooth_grad": _SWITCHED},
    "contrast": {
        "eigen_cam": _ALONE,
        "score_cam": _MASKED,
        "full_grad": _UNSIGNED,
        "guided_backprop": _CUT,
        "guided_grad_cam": _CUT,
    },
    "gates": {
        **_NO_GRID,
        **dict.fromkeys(("saliency", "input_x_gradient", "guided_backprop", "smooth_grad"), _LOCAL),
        "occlusion": _ONE_BY_ONE,
        "lime": _WEIGHED,
        **dict.fromkeys(("lrp", "attn_lrp"), _THRESHOLD),
    },
    "quadratic": {
        **_NO_GRID,
        "input_x_gradient": Text(
            "Counts a product of two inputs for both of them in full.", "两个输入的乘积会对二者各全额计入一次。"
        ),
        "occlusion": _ONE_BY_ONE,
        "lime": _WEIGHED,
        "lrp": Text(
            "Has rules for layers and activations, none for a product of the input with itself.",
            "其规则针对网络层和激活函数，没有针对输入与自身相乘的规则。",
        ),
    },
    "complete": {
        **dict.fromkeys((*_RANKINGS, "guided_backprop", "saliency", "smooth_grad"), _SHARE),
        "occlusion": _ONE_BY_ONE,
        "rise": Text(
            "Each value is what a place adds on average; what places do together is in several of them or in none.",
            "每个值是该处平均增加的得分；多处共同的作用会重复计入，或不计入。",
        ),
        "lime": Text(
            "The linear model is fitted, not forced through the score: its R² tells how much is missing.",
            "线性模型是拟合所得，并不强制经过得分：缺少多少由 R² 说明。",
        ),
    },
    "shift": {
        "input_x_gradient": _ZERO,
        "lrp": _ZERO,
        "attn_lrp": _ZERO,
        "full_grad": _ZERO,
        "score_cam": _MASKED,
    },
    "rescaled": dict.fromkeys(("ablation_cam", "eigen_cam", "score_cam"), _SCALE),
    "duplicated": {
        **dict.fromkeys(("eigen_cam", "eigen_grad_cam", "grad_cam_plus_plus"), _COUNT),
        "score_cam": Text(
            "Its softmax runs over the channels: two copies take twice the weight of one.",
            "其 softmax 在通道上进行：两份拷贝得到的权重是一份的两倍。",
        ),
    },
    "reach": {
        **dict.fromkeys(("ablation_cam", "grad_cam", "grad_cam_plus_plus", "score_cam", "xgrad_cam"), _SPREAD),
        "eigen_cam": _ALONE,
        "eigen_grad_cam": Text(
            "Projects every cell on one direction after taking off the mean, which moves cells that were zero.",
            "减去均值后将各单元投影到一个方向上，原本为零的单元也随之改变。",
        ),
        "full_grad": Text(
            "Enlarges the maps of coarse layers, so they reach over the edge of what can be seen.",
            "粗糙层的图被放大，因而越过了可见范围的边界。",
        ),
    },
}
