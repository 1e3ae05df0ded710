"""What methods need of a network, in words that several of them share."""

from pellucid.core.text import Text

DIFFERENTIABLE = Text(
    "A network through which the target's gradient reaches the input; inputs of any kind.",
    "目标的梯度能够传到输入的任意网络；输入类型不限。",
)
SPATIAL_LAYER = Text(
    "A layer that keeps the grid of the input: convolutional networks in 1, 2 or 3 dimensions, vision transformers.",
    "保留输入网格的层：一维、二维或三维卷积网络，以及视觉 Transformer。",
)
ACTIVATIONS = Text(
    "Any network with activation functions that run as operations of their own.",
    "含有以独立运算形式执行的激活函数的任意网络。",
)
ANY = Text("Any network.", "任意网络。")
WEIGHTS = Text("Any network with a layer that holds a weight matrix or kernel.", "任何含有权重矩阵或卷积核的网络。")
LOSS = Text("A classifier, or any network together with a loss.", "分类网络，或任意网络加上损失函数。")
RUN = Text(
    "A watched training: `with lens.watch(optimizer) as run: ...`.",
    "一次被监视的训练：`with lens.watch(optimizer) as run: ...`。",
)
RECTIFIED = Text(
    "A network of rectifiers (ReLU and its kin) and layers without rules of their own.",
    "由整流激活函数（ReLU 及其变体）与普通层组成的网络。",
)
