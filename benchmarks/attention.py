"""`python -m benchmarks.attention [--quick] [--rounds N]`: all attention of BERT-base beside its own eager forward."""

import argparse
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor, nn

import pellucid as pl
from benchmarks import page
from benchmarks.clock import interleaved

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import transformers

TOKENS, AIM = 128, 1.3
EAGER, FUSED = "eager forward with `output_attentions`", "fused forward, no attention"
LOOK, LOOK_EAGER = "pellucid, the fused model", "pellucid, the eager model"
RELATIVES = "pellucid, the fused model, with what composes of attention"


@dataclass(frozen=True, eq=False)
class Case:
    """BERT of random weights, once with each kind of attention, and a text of random words.

    Args:
        eager, fused: the same weights.
        x: ids of one text.
    """

    eager: nn.Module
    fused: nn.Module
    x: Tensor

    @classmethod
    def of(cls, **settings: int) -> "Case":
        """The size of BERT-base unless settings say otherwise."""
        torch.manual_seed(0)
        eager, fused = (
            transformers.BertForSequenceClassification(
                transformers.BertConfig(num_labels=2, attn_implementation=way, **settings)
            ).eval()
            for way in ("eager", "sdpa")
        )
        fused.load_state_dict(eager.state_dict())
        return cls(eager, fused, torch.randint(1000, 30000, (1, TOKENS)))


def attended(case: Case) -> tuple[Tensor, ...]:
    """Probabilities as the library gives them, `(batch, head, query, key)` for each layer."""
    with torch.no_grad():
        return case.eager(case.x, output_attentions=True).attentions


def forward(case: Case) -> Tensor:
    """The fused model alone."""
    with torch.no_grad():
        return case.fused(case.x).logits


def looked(lens: pl.Lens, case: Case, *more: Any) -> Any:
    """All heads of all layers, and what else is asked."""
    return lens.see(case.x, pl.attention_weights(heads="all"), *more, target=1)


def table(rounds: int = 5, *, quick: bool = False) -> list[str]:
    """What was measured, as lines of Markdown.

    Args:
        rounds: in each every side runs once.
        quick: four layers of 128 features.
    """
    small = {"hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 512}
    case = Case.of(**(small if quick else {}))
    fused, eager = pl.Lens(case.fused), pl.Lens(case.eager)
    more = (pl.attention_gradient(), pl.attention_rollout(), pl.attention_relevance())
    sides: dict[str, Callable[[], Any]] = {
        EAGER: lambda: attended(case),
        FUSED: lambda: forward(case),
        LOOK: lambda: looked(fused, case),
        LOOK_EAGER: lambda: looked(eager, case),
        RELATIVES: lambda: looked(fused, case, *more),
    }
    times = interleaved(sides, rounds)
    views, both = looked(fused, case), looked(fused, case, *more)
    mine = np.concatenate([one.values.ravel() for one in views.results])
    theirs = torch.cat([one.flatten() for one in attended(case)]).numpy()
    far = float(np.abs(mine - theirs).max())
    costs = {LOOK: views.cost, LOOK_EAGER: looked(eager, case).cost, RELATIVES: both.cost}
    rows = []
    for side in sides:
        middle, low, high = times.ratio(side, EAGER)
        cost = costs.get(side)
        passes = f"{cost.forwards} forward, {cost.backwards} backward" if cost else "1 forward, 0 backward"
        reached = f"≤ {AIM}: {'yes' if middle <= AIM else 'no'}" if side == LOOK and not quick else "–"
        rows.append(
            f"| {side} | {times.median(side):.2f} | {passes} | {middle:.2f} ({low:.2f}–{high:.2f}) | {reached} |"
        )
    config: Any = case.eager.config
    size = f"{config.num_hidden_layers} layers, {config.num_attention_heads} heads, {config.hidden_size} features"
    said = (
        f"Attention of every head and layer: BERT ({size}), random weights, {TOKENS} tokens, float32, one thread, CPU "
        f"seconds, median of {rounds} rounds. torch {version('torch')}, transformers {version('transformers')}. The "
        f"largest difference between the probabilities of the first and the third side is {far:.0e}."
    )
    return [
        said,
        "",
        "| side | CPU seconds | passes | of the eager forward (lowest–highest) | aim |",
        "|---|---|---|---|---|",
        *rows,
    ]


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.attention", description=__doc__)
    asked.add_argument("--quick", action="store_true", help="a smaller network")
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    given = asked.parse_args()
    torch.set_num_threads(1)
    text = "\n".join(table(given.rounds, quick=given.quick))
    print(text)
    if given.write:
        page.put("attention", text)


if __name__ == "__main__":
    main()
