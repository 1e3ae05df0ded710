"""What the readouts of all layers are drawn as: layers by tokens, layers by positions, a curve of the target."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.engine.targets.aims import scale_of
from pellucid.methods.decision._lens_reading import Picked
from pellucid.results import Matrix, Series
from pellucid.results.array import as_array

Values = Literal["probability", "logit"]


@dataclass(frozen=True, eq=False)
class Told:
    """The readouts of one example.

    Args:
        output: `(level, class)` or `(level, position, class)`, the last level being the model's own output.
        scores: `(level,)` the target.
        gap: how far the model's readout of its last level is from its output.
        pick: what the target picks.
        rows: a name per level.
        called: the name of a class or token.
        info: the target.
        notes: what the reader must know.
    """

    output: Tensor
    scores: Tensor
    gap: float
    pick: Picked
    rows: tuple[str, ...]
    called: Callable[[int], str]
    info: TargetInfo
    notes: tuple[Text, ...] = ()

    @property
    def logs(self) -> Tensor:
        """Logarithms of the probabilities, in double precision."""
        return torch.stack([self.logs_at(level) for level in range(len(self.output))])

    def logs_at(self, level: int) -> Tensor:
        """Those of one level: all levels at all positions of a long text would not fit."""
        output, answer = self.output[level].double(), self.output[-1].reshape(-1, self.output.shape[-1])[0].double()
        return output.clamp_min(1e-300).log() if scale_of(answer)[0] == "probability" else output.log_softmax(-1)


def at_one(told: Told, values: Values, top: int) -> Matrix:
    """Layers by tokens, at one position."""
    logs = told.logs
    shares = logs.exp()
    strongest = shares.amax(0).argsort(descending=True, stable=True).tolist()
    columns = list(dict.fromkeys((*told.pick.classes, *strongest)))[: max(top, len(told.pick.classes))]
    shown = told.output if values == "logit" else shares.to(told.output.dtype)
    best = told.output.argmax(-1).tolist()
    first = next((i for i in range(len(best)) if len(set(best[i:])) == 1), len(best) - 1)
    answer = told.called(best[-1]).strip()
    said = Text(
        f"The final answer, '{answer}', is the best from '{told.rows[first]}' on.",
        f"最终答案“{answer}”从 '{told.rows[first]}' 起一直排第一。",
        aside=True,
    )
    return Matrix(
        values=as_array(shown[:, columns]),
        axes=("level", "class" if told.pick.position is None else "token"),
        rows=told.rows,
        columns=tuple(told.called(one) for one in columns),
        unit=_UNITS[values],
        signed=values == "logit",
        targets=(told.info,),
        notes=(said, *told.notes),
        facts=_facts(told, logs, best, first),
    )


_UNITS: dict[str, Text] = {"probability": Text("probability", "概率"), "logit": Text("logit", "logit")}


def _facts(told: Told, logs: Tensor, best: list[int], first: int) -> dict[str, Any]:
    chosen = told.pick.classes[:1]
    rank = (told.output > told.output[:, chosen]).sum(-1).tolist() if chosen else []
    return {
        "best": tuple(told.called(one) for one in best),
        "best from": told.rows[first],
        "score": tuple(told.scores.double().tolist()),
        "rank": tuple(rank),
        "entropy": tuple(_entropy(logs).tolist()),
        "kl": tuple(_divergence(logs, logs[-1]).tolist()),
        "gap": told.gap,
    }


def _entropy(logs: Tensor) -> Tensor:
    """Of each answer, in nats."""
    return -(logs.exp() * logs).nan_to_num(0.0).sum(-1)


def _divergence(logs: Tensor, last: Tensor) -> Tensor:
    """From each answer to that of the last level, in nats."""
    return (logs.exp() * (logs - last)).nan_to_num(0.0).sum(-1)


def over_all(told: Told, values: Values, words: tuple[str, ...], free: bool) -> Matrix:
    """Layers by positions.

    Args:
        words: of the input, a name per position.
        free: no class was asked for: each position is shown what the model answers there in the end.
    """
    classes, final, last = told.pick.classes, told.output[-1].argmax(-1), told.logs_at(-1)
    wanted = (final if free or not classes else torch.full_like(final, classes[0]))[:, None]
    shown: list[Tensor] = []
    entropy: list[list[float]] = []
    divergence: list[list[float]] = []
    for level, output in enumerate(told.output):
        logs = told.logs_at(level)
        entropy.append(_entropy(logs).tolist())
        divergence.append(_divergence(logs, last).tolist())
        if len(classes) == 2:
            shown.append(output[:, classes[0]] - output[:, classes[1]])
        else:
            cell = (output if values == "logit" else logs).gather(-1, wanted)[:, 0]
            shown.append(cell if values == "logit" else cell.exp().to(output.dtype))
    answers = [told.called(one) for one in final.tolist()]
    columns = [f"{word} → {answer}" for word, answer in zip(words, answers, strict=True)] if free else words
    unit = _UNITS["logit" if len(classes) == 2 else values]
    return Matrix(
        values=as_array(torch.stack(shown)),
        axes=("level", "position"),
        rows=told.rows,
        columns=tuple(columns),
        unit=unit,
        signed=len(classes) == 2 or values == "logit",
        targets=() if free else (told.info,),
        notes=((_EACH_ITS_OWN,) if free else ()) + told.notes,
        facts={
            "best": tuple(tuple(map(told.called, row)) for row in told.output.argmax(-1).tolist()),
            "entropy": tuple(map(tuple, entropy)),
            "kl": tuple(map(tuple, divergence)),
            "gap": told.gap,
        },
    )


_EACH_ITS_OWN = Text(
    "Each column shows what the model itself answers at that position in the end (after the arrow).",
    "每一列显示模型最终在该位置给出的答案（箭头之后）。",
    aside=True,
)


def along(told: Told) -> Series:
    """The target's score through the layers, marked where it wins for good."""
    scores = told.scores.double()
    classes = told.pick.classes
    wins = told.output.argmax(-1) == classes[0] if len(classes) == 1 else scores > 0
    since = len(wins) - int(wins.flip(0).long().cumprod(0).sum())
    below = len(classes) != 1 and told.info.unit == "log-probability"
    word = _FIRST if len(classes) == 1 else _POSITIVE
    if since < len(wins):
        said = Text(
            f"From '{told.rows[since]}' on, the target is {word.en}.",
            f"从 '{told.rows[since]}' 起，目标{word.say('zh')}。",
            aside=True,
        )
    else:
        never = f"At the last layer the target is not {word.en}.", f"到最后一层，目标并未{word.say('zh')}。"
        said = Text(*never, aside=True)
    return Series(
        curves={"score": as_array(told.scores)},
        names={"score": Text("score of the target", "目标的得分")},
        labels=told.rows,
        position_unit=Text("layer, first to last", "层（由前到后）"),
        unit=told.info.unit,
        marks={since: Text(f"{word.en} from here on", f"从此处起{word.say('zh')}")} if 0 < since < len(wins) else {},
        targets=(told.info,),
        notes=() if below else (said,),
        facts={"from": told.rows[since] if since < len(wins) else "", "score": tuple(scores.tolist())},
    )


_FIRST, _POSITIVE = Text("the best", "排第一"), Text("positive", "为正")
