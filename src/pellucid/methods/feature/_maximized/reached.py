"""How good the final inputs are: their objective without moves, beside that of noise."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.engine.passes import Looking, Seen
from pellucid.engine.targets.aims import scale_of
from pellucid.methods.feature._maximized.canvas import NOISE
from pellucid.methods.feature._maximized.climb import Climb, Climbed

NOISES = 8


@dataclass(frozen=True, eq=False)
class Reached:
    """What each row came to.

    Args:
        targets: what it was made for, with the score of the final, unmoved input: none is what the network predicts of
            an example.
        noise: the best score of noise inputs from the same prior.
        first: whether the class that was asked for is the network's answer; None where that has no meaning.
    """

    targets: tuple[TargetInfo, ...]
    noise: Tensor
    first: tuple[bool | None, ...]

    @property
    def captions(self) -> tuple[Text, ...]:
        return tuple(map(_caption, self.targets, self.noise.tolist()))

    def beside(self, best: Tensor | None, *, headed: bool) -> tuple[Text, ...]:
        """What stands under inputs that stand beside real ones, under a heading that names the unit.

        Args:
            best: the largest objective of a sample, for each row; None where it is not known.
            headed: whether the heading says what it is compared with.
        """
        if headed:
            return tuple(map(_objective, self.targets))
        pairs = zip(self.targets, self.compared(best, len(self.targets)), strict=True)
        return tuple(
            Text(f"{_objective(info).en} ({one.en})", f"{_objective(info).zh}（{one.zh}）") for info, one in pairs
        )

    def compared(self, best: Tensor | None, units: int) -> tuple[Text, ...]:
        """What the inputs of each unit are compared with: the best real one, and the best of noise."""
        noise = self.noise.reshape(-1, units).amax(0).tolist()
        known: list[float | None] = [None] * units if best is None else best[:units].tolist()
        return tuple(_compared(chance, real) for chance, real in zip(noise, known, strict=True))


def reached(climb: Climb, found: Climbed, infos: Sequence[TargetInfo]) -> Looking[Reached]:
    """Look at the final inputs, and at as many rows of noise as `NOISES` says for each."""
    with torch.no_grad():
        values = [one.values(parameters) for one, parameters in zip(climb.canvases, found.parameters, strict=True)]
    at = (climb.n_steps, climb.n_steps + 1)
    seen = yield from climb.pass_of(values, climbing=False, step=at)
    scores, best = seen.scores.detach().cpu().double(), None
    for number in range(1, NOISES + 1):
        with torch.no_grad():
            noise = [one.values(one.drawn(climb.x.size, climb.seed, number, spread=NOISE)) for one in climb.canvases]
        other = (yield from climb.pass_of(noise, climbing=False, step=at)).scores.detach().cpu().double()
        best = other if best is None else torch.maximum(best, other)
    each = [infos[row % len(infos)] for row in range(len(scores))]
    answers = [_answer(seen, row, info) for row, info in enumerate(each)]
    targets = tuple(
        replace(info, score=score, probability=chance, chosen="asked")
        for info, score, (_, chance) in zip(each, scores.tolist(), answers, strict=True)
    )
    return Reached(targets, scores if best is None else best, tuple(first for first, _ in answers))


def _answer(seen: Seen, row: int, info: TargetInfo) -> tuple[bool | None, float | None]:
    """Whether the class of a row is the answer, and its probability."""
    if seen.output is None or info.index is None or len(info.index) != 1 or seen.output.ndim != 2:
        return None, None
    output = seen.output[row].detach().cpu().double()
    return int(output.argmax()) == info.index[0], float(scale_of(output)[1][info.index[0]])


def _objective(info: TargetInfo) -> Text:
    p, p_zh = ("", "") if info.probability is None else (f", p {info.probability:.2f}", f"，p {info.probability:.2f}")
    return Text(f"objective {info.score:.3g}{p}", f"目标 {info.score:.3g}{p_zh}")


def _compared(noise: float, real: float | None) -> Text:
    if real is None:
        return Text(f"best noise {noise:.3g}", f"最佳噪声 {noise:.3g}")
    return Text(f"best real {real:.3g}, noise {noise:.3g}", f"最佳真实 {real:.3g}，噪声 {noise:.3g}")


def _caption(info: TargetInfo, noise: float) -> Text:
    words, chance = info.words, info.probability
    english, chinese = ("", "") if chance is None else (f", p = {chance:.2f}", f"，p = {chance:.2f}")
    return Text(
        f"{words.en}: {info.score:.3g}{english} · noise {noise:.3g}",
        f"{words.say('zh')}：{info.score:.3g}{chinese} · 噪声 {noise:.3g}",
    )
