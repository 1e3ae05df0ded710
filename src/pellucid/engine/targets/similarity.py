"""Similarity to a reference as the target, for networks that give an embedding instead of classes."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from pellucid.core.errors import BadTarget, NotApplicable
from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.engine.targets.aims import Resolved
from pellucid.engine.targets.vocabulary import Texts

Measure = Literal["projection", "cosine", "dot"]
_MEASURES = {
    "projection": Text("cosine similarity (length held)", "余弦相似度（长度固定）"),
    "cosine": Text("cosine similarity", "余弦相似度"),
    "dot": Text("dot product", "点积"),
}


@dataclass(frozen=True, eq=False)
class Similarity:
    """How like the explained output is to a reference.

    Args:
        reference: as given.
        measure: projection, cosine or dot product.
        token: which token of an output `(batch, token, feature)`, counted in its text; None: their mean.
        embedding: the reference as one vector for all or for each example; None until the lens has run it.
    """

    reference: Any
    measure: Measure = "projection"
    token: int | None = None
    embedding: Tensor | None = None

    def __repr__(self) -> str:
        more = "" if self.measure == "projection" else f", measure={self.measure!r}"
        more += "" if self.token is None else f", token={self.token}"
        return f"pl.similarity({self._shown()}{more})"

    @property
    def key(self) -> Any:
        """Equal for similarities to the same vector."""
        held = self.embedding if self.embedding is not None else self.reference
        value = tuple(np.asarray(held.detach().cpu()).ravel().tolist()) if isinstance(held, Tensor) else id(held)
        return ("similarity", self.measure, self.token, value)

    def cut(self, block: tuple[int, int], size: int) -> "Similarity":
        """For some examples of a batch of `size`."""
        held = self.embedding
        if held is None or len(held) != size or size == 1:
            return self
        return replace(self, embedding=held[slice(*block)])

    def resolve(self, output: Tensor, texts: Texts | None = None) -> Resolved:
        """Fix it on the clean output.

        Args:
            output: the explained output.
            texts: what was read, where the input is text: padding belongs to no mean.
        Raises:
            NotApplicable: the output is one number per example.
            BadTarget: the reference has another size than the output.
        """
        if output.ndim < 2 or output[0].numel() < 2:
            raise NotApplicable(
                Text(
                    f"the output {tuple(output.shape)} is no embedding: one number has no direction",
                    f"输出 {tuple(output.shape)} 不是嵌入：单个数没有方向",
                )
            )
        clean = self.vectors(output.detach(), texts)
        reference = self._references(output, clean.shape[1])
        if self.measure == "projection":
            reference = normalize(reference) / clean.norm(dim=1, keepdim=True).clamp(1e-8)

        def pick(out: Tensor, start: int = 0) -> Tensor:
            vectors = self.vectors(out, texts, start)
            other = reference[_rows(out, start, len(reference))]
            return cosine_similarity(vectors, other, 1) if self.measure == "cosine" else (vectors * other).sum(1)

        name, how = self._name(), _MEASURES[self.measure]
        part = self._part(output)
        infos = tuple(
            TargetInfo(
                f"{how.en} to {name.en}{part.en}",
                None,
                score,
                None,
                "asked",
                "dot product" if self.measure == "dot" else "cosine",
                f"与{name.say('zh')}的{how.say('zh')}{part.zh}",
            )
            for score in pick(output.detach()).cpu().double().tolist()
        )
        return Resolved(pick, self.key, infos)

    def vectors(self, out: Tensor, texts: Texts | None = None, start: int = 0) -> Tensor:
        """`(batch, feature)`: a token or the mean over the tokens of each text, the mean over the cells of a grid.

        Args:
            out: an output of the network.
            texts: what was read; where its tokens are those of the output, padding is left out.
            start: which example the first row is.
        """
        if out.ndim == 2:
            return out
        if out.ndim != 3:
            return out.flatten(2).mean(2)
        if texts is None or texts.ids.shape[1] != out.shape[1]:
            return out.mean(1) if self.token is None else out[:, self.token]
        rows = _rows(out, start, len(texts.ids))
        if self.token is not None:
            places = [texts.place(row, out.shape[1], self.token) for row in range(len(texts.ids))]
            return out[torch.arange(len(out), device=out.device), torch.tensor(places, device=out.device)[rows]]
        if texts.mask is None or bool(texts.mask.all()):
            return out.mean(1)
        counts = texts.mask.to(out)[rows]
        return (out * counts[:, :, None]).sum(1) / counts.sum(1, keepdim=True).clamp(1)

    def _references(self, output: Tensor, width: int) -> Tensor:
        if self.embedding is None:
            raise BadTarget(
                Text("the reference has not been run through the model", "参照还没有通过模型"),
                hint=Text("use lens.see(x, target=...)", "请用 lens.see(x, target=...)"),
            )
        held = self.embedding.detach().to(output)
        vectors = self.vectors(held) if held.ndim == output.ndim else held.reshape(-1, held.shape[-1])
        if vectors.shape[1] != width or len(vectors) not in (1, len(output)):
            raise BadTarget(
                Text(
                    f"a reference of shape {tuple(held.shape)} does not fit the output {tuple(output.shape)}",
                    f"形状为 {tuple(held.shape)} 的参照与输出 {tuple(output.shape)} 不符",
                ),
                hint=Text(
                    f"one vector of {width} numbers, one for each example, or an input to run through the model",
                    f"含 {width} 个数的向量（全部共用或每个样本一个），或将要通过模型的输入",
                ),
            )
        return vectors.expand(len(output), -1)

    def _part(self, output: Tensor) -> Text:
        if output.ndim == 2:
            return Text("", "")
        if output.ndim == 3 and self.token is not None:
            return Text(f", token {self.token}", f"，词元 {self.token}")
        return (
            Text(", mean over tokens", "，词元平均") if output.ndim == 3 else Text(", mean over the grid", "，网格平均")
        )

    def _name(self) -> Text:
        if isinstance(self.reference, (str, Path)):
            words = str(self.reference)
            name = words if any(map(str.isspace, words)) else Path(words).name
            return Text(f"'{name}'", f"“{name}”")
        return Text("the reference", "参考")

    def _shown(self) -> str:
        if isinstance(self.reference, (str, Path)):
            return repr(str(self.reference))
        shape = getattr(self.reference, "shape", None)
        return type(self.reference).__name__.lower() + (str(tuple(shape)) if shape is not None else "")


def _rows(out: Tensor, start: int, size: int) -> Tensor:
    """Which of `size` examples each row is; rows beyond them start over."""
    return (torch.arange(len(out), device=out.device) + start) % size


def similarity(reference: Any, measure: Measure = "projection", token: int | None = None) -> Similarity:
    """Explain how like the output is to a reference, for networks that give an embedding.

    Args:
        reference: an input as for `see` (a path, a picture, a tensor of the shape of the input), which is run through
            the model once; any other tensor or array is the embedding itself, one vector or one for each example.
        measure: "projection", the cosine with the length of the explained embedding held as it is on the clean input:
            its gradient tells what the two have in common. "cosine": its gradient has no part along the embedding
            itself, so it only tells what would make the two more alike, and is nearly empty where they are alike
            already. "dot".
        token: which token of an output `(batch, token, feature)`, counted in its text from 0, negative from its end;
            None: the mean over the tokens (over the cells of a grid). Padding of a batch of texts is left out, as the
            attention mask tells it.
    Raises:
        BadTarget: there is no such measure.
    """
    if measure not in _MEASURES:
        raise BadTarget(
            Text(f"no measure is called '{measure}'", f"没有名为 '{measure}' 的度量"),
            nearest="'projection', 'cosine', 'dot'",
        )
    return Similarity(reference, measure, token)
