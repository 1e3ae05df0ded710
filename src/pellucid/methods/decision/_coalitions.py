"""Scores of one example with groups of its input covered, many at a time; what Shapley values and LIME are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.core.errors import BadSetting, quoted
from pellucid.core.text import Text
from pellucid.engine.passes import INPUT, Looking, Pass, Seen
from pellucid.engine.rows import rows_per_pass
from pellucid.engine.targets.target import Target
from pellucid.inputs.groups import Groups
from pellucid.inputs.inputs import Inputs
from pellucid.ops.baseline import baseline_like

Baselines = float | str | Tensor | tuple[float | str | Tensor, ...]
BLACK_BOX = Text(
    "Any network with a score for each example; no gradient is needed. Inputs of any kind.",
    "对每个样本给出得分的任意网络，不需要梯度；输入类型不限。",
)


@dataclass(frozen=True, eq=False)
class Game:
    """One input, ready to be covered.

    Args:
        x: the input; an integer one with its embedding.
        target: what is scored.
        seen: the clean pass.
        fills: by input name what covered elements become.
        rows: how many rows one pass has.
    """

    x: Inputs
    target: Target
    seen: Seen
    fills: Mapping[str, Tensor]
    rows: int

    def full(self, example: int) -> float:
        """The score of one example with nothing covered."""
        return float(self.seen.scores[example])

    def fill(self, example: int) -> dict[str, Tensor]:
        """What covered elements of one example become, `(1, ...)` by input name."""
        return {name: one[example : example + 1] for name, one in self.fills.items()}


def opened(x: Inputs, target: Target, baselines: Baselines, batch_size: int | None) -> Looking[Game]:
    """The clean pass, and everything that covering needs.

    Raises:
        BadSetting: a baseline that does not fit, or another number of them than of explained inputs.
    """
    seen: Seen = yield from Pass(x, keep=[INPUT], target=target)
    ends: dict[str, Any] = {spot.input: spot.value.detach() for spot in seen.at(INPUT)}
    each = baselines if isinstance(baselines, tuple) else (baselines,) * len(ends)
    if len(each) != len(ends):
        raise BadSetting(
            Text(
                f"{len(each)} baselines for {len(ends)} explained inputs",
                f"被解释的输入有 {len(ends)} 个，基线却有 {len(each)} 个",
            ),
            nearest=quoted(ends),
        )
    fills = {name: baseline_like(ends[name], one, tokens=x.is_discrete) for name, one in zip(ends, each, strict=True)}
    entered = x.replaced(ends) if x.is_discrete else x
    return Game(entered, target, seen, fills, rows_per_pass(entered, batch_size))


def scored(game: Game, rows: Inputs, example: int, step: tuple[int, int]) -> Looking[Tensor]:
    """Scores of rows that are all variants of one example; on the CPU, float64."""
    seen: Seen = yield from Pass(rows, target=game.target, start=example, expand=rows.size, step=step)
    return seen.scores.detach().cpu().double()


def covered_scores(game: Game, groups: Groups, example: int, off: Tensor, done: int, total: int) -> Looking[Tensor]:
    """Scores of one example with groups covered.

    Args:
        off: `(variant, group)`, true where a group is covered.
        done, total: rows before these, and in all, for progress.
    """
    alone, fill = game.x.rows(example, example + 1), game.fill(example)
    found: list[Tensor] = []
    for start in range(0, len(off), game.rows):
        some = off[start : start + game.rows]
        rows = groups.covered(alone, example, some, fill)
        found.append((yield from scored(game, rows, example, (done + start, total))))
    return torch.cat(found)
