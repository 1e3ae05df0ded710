"""What the output of a model is: scores of classes, of tokens, of places, detections, or plain numbers."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.core.errors import BadInput, NotApplicable
from pellucid.core.text import Text
from pellucid.engine.calls import fields
from pellucid.engine.looker import unwrapped
from pellucid.engine.passes import OUTPUT, Looking, Pass
from pellucid.engine.sweeps.cells import cells
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.targets.detections import is_detections
from pellucid.engine.targets.target import Target
from pellucid.engine.targets.vocabulary import Vocabulary, texts_of
from pellucid.inputs.inputs import Inputs
from pellucid.lens.lens import Lens
from pellucid.registry import method
from pellucid.results import Matrix

UNSAID: dict[str, Any] = dict.fromkeys(("question", "shows", "cannot", "check", "needs"), Text(""))
Kind = Literal["one", "tokens", "grid", "detections", "none"]
_DETECTED = Text(
    "the output is a list of detections (target=pl.box(...) draws the pictures of one)",
    "输出是检测结果列表（target=pl.box(...) 可为其中一个画图）",
)
_NO_ROW = Text(
    "the output has no row of numbers for each sample (output= of the lens may choose one)",
    "输出没有为每个样本给出一行数值（可用镜头的 output= 选择）",
)
_NUMBER = Text("the output is one number", "输出只有一个数")
_EMBEDDED = Text(
    "the output has neither class names nor labels, and is taken for an embedding (labels= of the lens names classes)",
    "输出既无类别名称也无标签，视为嵌入向量（镜头的 labels= 可给出类别名称）",
)


@dataclass(frozen=True)
class Form:
    """Of the explained output.

    Args:
        kind: numbers for each sample ("one"), for each of its tokens or each place of a grid; detections; or none of
            these.
        numbers: how many there are at each place.
        text: whether words are read.
        scores: whether the model calls them logits.
        causal: whether what is said at a token does not depend on those that follow.
        part: whether the model returns more than one tensor, so that the explained one has to be taken out first.
    """

    kind: Kind
    numbers: int = 0
    text: bool = False
    scores: bool = False
    causal: bool = False
    part: bool = False

    @property
    def has_rows(self) -> bool:
        """Whether each sample has numbers of its own."""
        return self.kind in ("one", "tokens", "grid")

    def of_tokens(self, lens: Lens) -> bool:
        """Whether the numbers are scores of the tokens that the model reads."""
        if not self.text:
            return False
        if lens.tokenizer is not None:
            return Vocabulary(lens.tokenizer).fits(self.numbers)
        tables = (one for one in unwrapped(lens.model).modules() if isinstance(one, nn.Embedding))
        return any(one.num_embeddings == self.numbers for one in tables)

    def undecided(self, lens: Lens, *, labelled: bool) -> Text | None:
        """Why the largest number is no decision; None where it is one.

        Args:
            lens: of the model.
            labelled: whether samples have labels.
        """
        if not self.has_rows:
            return _DETECTED if self.kind == "detections" else _NO_ROW
        if self.numbers < 2:
            return _NUMBER
        named = self.scores or len(lens.labels) == self.numbers or (labelled and self.kind == "one")
        return _EMBEDDED if self.text and not named and not self.of_tokens(lens) else None


@method(title=Text("Form of the output", "输出的形式"), paper="", **UNSAID)
def form(data: Source) -> Looking[Matrix]:
    """What the output is, seen on the first sample that can be read."""
    x = next((one.x for one in data.batches(range(len(data)), 1) if one.x is not None), None)
    if x is None:
        raise BadInput(f"none of the {len(data)} samples can be read")
    found = yield from _form(x)
    return Matrix(values=np.zeros((0, 0)), facts={"form": found})


def _form(x: Inputs) -> Looking[Form]:
    outputs: list[Any] = []

    def whole(output: Any) -> Tensor:
        outputs.append(output)
        return torch.zeros(x.size)

    yield from Pass(x, target=Target(whole))
    if is_detections(outputs[0]):
        return Form("detections")
    if not isinstance(outputs[0], Tensor):
        return Form("none", scores="logits" in dict(fields(outputs[0])), part=True)
    try:
        seen = yield from Pass(x, keep=[OUTPUT])
        spot = seen.at(OUTPUT)[0]
        value = cells(spot.value, spot.layout, spot.address, x.size)
    except NotApplicable:
        return Form("none")
    if spot.value.ndim == 2:
        return Form("one", value.shape[1], text=x.is_discrete)
    if spot.layout is not None and spot.layout.kind != "tokens":
        return Form("grid", value.shape[1])
    causal = yield from _causal(x, value)
    return Form("tokens", value.shape[1], text=x.is_discrete, causal=causal)


def _causal(x: Inputs, value: Tensor) -> Looking[bool]:
    """Whether another last token changes nothing of what is said before it."""
    texts = texts_of(x)
    if texts is None or not 2 <= texts.ids.shape[1] == value.shape[2]:
        return False
    other = texts.ids.clone()
    other[:, -1] = torch.where(other[:, -1] > 0, other[:, -1] - 1, 1)
    seen = yield from Pass(x.mapped(lambda _, one: other if one is texts.ids else one), keep=[OUTPUT])
    spot = seen.at(OUTPUT)[0]
    again = cells(spot.value, spot.layout, spot.address, x.size)
    return torch.allclose(value[:, :, :-1], again[:, :, :-1], rtol=1e-3, atol=1e-3 * float(value.abs().max()))
