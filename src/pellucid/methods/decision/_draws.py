"""Random baselines, and a random point on the way from each: the same draws for every example of a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.core.errors import BadSetting, quoted
from pellucid.core.text import Text
from pellucid.ops.baseline import baseline_like
from pellucid.ops.draws import generator

Kind = float | str | Tensor


@dataclass(frozen=True, eq=False)
class Drawn:
    """Pairs of a baseline and a share of the way.

    Args:
        values: of the explained inputs, by name.
        kinds: what stands for their baselines.
        alphas: a share of the way for each sample, one from each of as many strata, shuffled.
        numbers: by name, which baseline each sample begins at.
        tokens: the input is integer, `values` its embedding.
    """

    values: Mapping[str, Tensor]
    kinds: Mapping[str, Kind]
    alphas: tuple[float, ...]
    numbers: Mapping[str, tuple[int, ...]]
    seed: int
    tokens: bool

    def baselines(self, samples: Sequence[int]) -> dict[str, Tensor]:
        """The baselines of some samples by input, one batch after another."""
        return {name: torch.cat([self._one(name, self.numbers[name][i]) for i in samples]) for name in self.values}

    def distinct(self) -> tuple[list[int], list[int]]:
        """Samples that begin at different baselines, and for every sample which of them it is like."""
        rows = list(zip(*self.numbers.values(), strict=True))
        first = {row: i for i, row in reversed(list(enumerate(rows)))}
        kept = sorted(first.values())
        return kept, [kept.index(first[row]) for row in rows]

    def _one(self, name: str, number: int) -> Tensor:
        value, kind = self.values[name], self.kinds[name]
        if isinstance(kind, Tensor):
            return baseline_like(value, kind[number] if kind.ndim == value.ndim else kind, tokens=self.tokens)
        if kind != "noise":
            return baseline_like(value, kind, tokens=self.tokens)
        axes = tuple(range(1, value.ndim)) if value.ndim < 3 else (1,) if self.tokens else tuple(range(2, value.ndim))
        mean, deviation = value.mean(axes, keepdim=True), value.std(axes, keepdim=True, correction=0)
        draws = generator(self.seed, 1 + number * len(self.values) + list(self.values).index(name))
        return mean + deviation * torch.randn((1, *value.shape[1:]), generator=draws).to(value)


def draw(values: Mapping[str, Tensor], baselines: Any, n_samples: int, seed: int, *, tokens: bool) -> Drawn:
    """Draw `n_samples` pairs; baselines are taken in turn, each as often as the others, in random order.

    Raises:
        BadSetting: a baseline for each input is needed, or one does not fit.
    """
    each = baselines if isinstance(baselines, tuple) else (baselines,) * len(values)
    if len(each) != len(values):
        raise BadSetting(
            Text(
                f"{len(each)} baselines for {len(values)} explained inputs",
                f"被解释的输入有 {len(values)} 个，基线却有 {len(each)} 个",
            ),
            nearest=quoted(values),
        )
    kinds = dict(zip(values, each, strict=True))
    draws = generator(seed)
    strata = torch.randperm(n_samples, generator=draws) + torch.rand(n_samples, generator=draws, dtype=torch.float64)
    numbers: dict[str, tuple[int, ...]] = {}
    for name, kind in kinds.items():
        if isinstance(kind, str) and kind == "noise":
            numbers[name] = tuple(range(n_samples))
            continue
        count = len(kind) if isinstance(kind, Tensor) and kind.ndim == values[name].ndim else 1
        turns = [torch.randperm(count, generator=draws) for _ in range(-(-n_samples // count))]
        numbers[name] = tuple(torch.cat(turns)[:n_samples].tolist())
    return Drawn(values, kinds, tuple((strata / n_samples).tolist()), numbers, seed, tokens)
