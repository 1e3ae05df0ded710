"""What is known of a training: places, numbers of one step, metrics, and where non-finite values were born."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from pellucid.core.text import Text

NAMES: dict[str, Text] = {
    "gradient": Text("‖∂L/∂W‖ gradient", "‖∂L/∂W‖ 梯度"),
    "weight": Text("‖W‖ weights", "‖W‖ 权重"),
    "update": Text("‖ΔW‖ update", "‖ΔW‖ 更新量"),
    "flow": Text("‖∂L/∂a‖ gradient of the activation", "‖∂L/∂a‖ 激活的梯度"),
    "mean": Text("mean activation", "激活均值"),
    "std": Text("standard deviation of the activation", "激活标准差"),
    "dead": Text("silent channels", "沉默通道占比"),
    "saturated": Text("saturated share", "饱和占比"),
    "bad_forward": Text("non-finite activations", "非有限激活数"),
    "bad_backward": Text("non-finite gradients of the activation", "激活梯度中的非有限值数"),
    "bad_gradient": Text("non-finite gradients of the weights", "权重梯度中的非有限值数"),
    "bad_weight": Text("non-finite weights", "非有限权重数"),
}
STATISTICS = tuple(NAMES)
_EVERYWHERE = (
    "in the gradient of every layer at once: it came from the loss, or clipping spread it",
    "所有层的梯度同时出现：源自损失，或由梯度裁剪扩散",
)
Direction = Literal["forward", "backward", "update", "input", "loss", "scale"]


@dataclass(frozen=True)
class Row:
    """A place that is watched.

    Args:
        address: as everywhere in pellucid.
        kind: class of the module, or name of the function.
        elements: how many parameters lie directly in it.
        frozen: it has parameters, and none of them is trained.
    """

    address: str
    kind: str
    elements: int = 0
    frozen: bool = False


@dataclass(frozen=True)
class Birth:
    """Where non-finite values first appeared.

    Args:
        step: counted from 0.
        layer: address of the module whose call gave them; `"loss"` for what comes after the model; `""` where that is
            not known, and in the backward pass for every layer.
        operation: function, or functions that it can have been; `""` where that is not known.
        direction: "forward"; "backward"; "update" (weights that an optimizer step spoiled); "input" (the data hold
            them); "loss" (after a finite output); "scale" (mixed precision: the loss scale was too large, the step is
            skipped).
        since: the last step at which everything was looked at and finite, where the step itself is not certain.
    """

    step: int
    layer: str
    operation: str = ""
    direction: Direction = "forward"
    since: int | None = None

    @property
    def words(self) -> Text:
        """One sentence."""
        if self.direction == "scale":
            en, zh = (f" at '{self.layer}'", f" {self.layer} 处") if self.layer else ("", "")
            return Text(
                f"Step {self.step} was skipped: the scaled gradient{en} was not finite, the loss scale was too large.",
                f"第 {self.step} 步被跳过：{zh}缩放后的梯度出现非有限值，损失缩放过大。",
            )
        at = f"'{self.layer or 'output'}'"
        by, zh = (f", in {self.operation}", f"（运算 {self.operation}）") if self.operation else ("", "")
        back = f"in the backward pass at {at}{by}", f"反向传播中的 {at}{zh}"
        how = {
            "forward": (f"in the forward pass at {at}{by}", f"前向传播中的 {at}{zh}"),
            "backward": back if self.layer else _EVERYWHERE,
            "update": (f"in the weights of {at}, which the step before spoiled", f"{at} 的权重，被上一步更新破坏"),
            "input": ("in the input", "输入数据"),
            "loss": (f"in the loss, after a finite output of the model{by}", f"损失函数（模型输出仍为有限值）{zh}"),
        }[self.direction]
        near = f" (everything was finite at step {self.since})" if self.since is not None else ""
        near_zh = f"（第 {self.since} 步时一切仍为有限值）" if self.since is not None else ""
        return Text(
            f"Non-finite values first appeared at step {self.step} {how[0]}{near}.",
            f"非有限值首次出现于第 {self.step} 步：{how[1]}{near_zh}。",
        )


@dataclass(frozen=True, eq=False)
class Sample:
    """What was measured at one step.

    Args:
        step: counted from 0.
        seconds: since the run began.
        columns: statistic → `(row,)`, NaN where it was not measured; rows that came later are missing at the end.
        facts: numbers of the whole step: `forwards`, `scale`, `skipped`, `rate.0`, ...
    """

    step: int
    seconds: float
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Logged:
    """One metric at one step."""

    step: int
    name: str
    value: float


@dataclass(frozen=True)
class Told:
    """What is known of places and schedule from here on; later ones add to earlier ones.

    Args:
        rows: places that are new.
        order: numbers of rows in the order in which they run; empty: as before.
        every: steps between two measurements: of the weights, of everything.
        note: words in both languages, for example about what cannot be seen.
        state: how the run ended, at its end: "finished", "interrupted", or the error that ended it.
    """

    rows: tuple[Row, ...] = ()
    order: tuple[int, ...] = ()
    every: tuple[int, int] | None = None
    step: int = 0
    note: tuple[str, str] | None = None
    state: str = ""


Item = Sample | Logged | Birth | Told
