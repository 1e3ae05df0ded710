"""From noise up the gradient: the loop of passes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pellucid.core.errors import BadSetting, ModelFailed, NotApplicable
from pellucid.core.text import Text
from pellucid.engine.operations import Operation
from pellucid.engine.passes import INPUT, Looking, Pass, Seen
from pellucid.engine.rules import RECTIFIERS, Rule
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.feature._maximized.canvas import PHASES, Canvas
from pellucid.ops.ascent import Ascent
from pellucid.ops.draws import generator
from pellucid.ops.moved import Moves, moved

EARLY, WINDOW, GAIN = 16, 32, 0.002
RATE, PHASE_RATE = 0.05, 0.05
_MOVES = 0xC2B2AE3D  # where the draws of the moves begin, apart from those of the parameters


def _redirect(_operation: Operation, _which: int, arrived: Tensor, own: Tensor) -> Tensor:
    """What a rectifier passes down: where it blocks all of a row, what would raise it."""
    if own.shape != arrived.shape or own.ndim < 2:
        return own
    blocked = (own.flatten(1) == 0).all(1).view(-1, *[1] * (own.ndim - 1))
    return torch.where(blocked, arrived.clamp(min=0), own)


REDIRECTED = Rule("redirected rectifiers", RECTIFIERS, through=_redirect)


@dataclass(frozen=True, eq=False)
class Climb:
    """What is climbed, and how.

    Args:
        x: the call of the model with a row for each input that is made.
        canvases: one for each explained input.
        target: what is raised.
        n_steps: most steps.
        moves: how far the inputs are moved between steps; None: not at all.
        seed: of parameters and moves.
    """

    x: Inputs
    canvases: Sequence[Canvas]
    target: Target
    n_steps: int
    moves: Moves | None
    seed: int

    def pass_of(
        self,
        values: Sequence[Tensor],
        *,
        climbing: bool,
        step: tuple[int, int],
        rule: Rule | None = None,
        said: Text | None = None,
    ) -> Pass:
        """The pass that shows these values."""
        named = {one.name: one.entered(value.detach()) for one, value in zip(self.canvases, values, strict=True)}
        grads = (INPUT,) if climbing else ()
        return Pass(self.x.replaced(named), grads=grads, target=self.target, step=step, rules=rule, said=said)


@dataclass(eq=False)
class Climbed:
    """How far it came.

    Args:
        parameters: of each canvas, when its row had come to its plateau.
        scores: of the moved inputs, one `(row,)` for each step.
        touched: of each canvas the sum of the absolute gradients.
        steps: of each row, until its plateau.
        silent: rows whose own gradient was zero at every step.
        notes: what the reader must know.
    """

    parameters: list[Tensor]
    touched: list[Tensor]
    steps: Tensor
    silent: Tensor
    scores: list[Tensor] = field(default_factory=list)
    notes: tuple[Text, ...] = ()


def climbed(climb: Climb) -> Looking[Climbed]:
    """Raise the target of every row until it no longer rises, or the steps are used up."""
    rows = climb.x.size
    free = [one.drawn(rows, climb.seed).requires_grad_() for one in climb.canvases]
    phases = climb.canvases[0].prior in PHASES
    ascent = Ascent(free, PHASE_RATE if phases else RATE, ahead=phases)
    found = Climbed(
        [one.detach().clone() for one in free],
        [],
        torch.full((rows,), climb.n_steps),
        torch.ones(rows, dtype=torch.bool),
    )
    going = torch.ones(rows, dtype=torch.bool)
    for step in range(climb.n_steps):
        with torch.enable_grad():
            made = _made(climb, free, step)
        at = (step, climb.n_steps + 1)
        said = _said(found.scores)
        seen = (
            yield from _first(climb, made, at) if not step else climb.pass_of(made, climbing=True, step=at, said=said)
        )
        gradients = _gradients(seen, climb.canvases)
        dead = _dead(gradients)
        found.silent &= dead.cpu()
        if bool(dead.any()) and step < EARLY:
            gradients = yield from _redirected(climb, made, gradients, dead, at)
        ascent.step([one.nan_to_num() for one in torch.autograd.grad(made, free, gradients)])
        found.scores.append(seen.scores.detach().cpu().double())
        _touch(found, gradients)
        for kept, one in zip(found.parameters, free, strict=True):
            kept[going] = one.detach()[going]
        stop = going & _flat(found.scores)
        found.steps[stop] = step + 1
        going &= ~stop
        if not bool(going.any()):
            break
    return found


def _first(climb: Climb, made: Sequence[Tensor], step: tuple[int, int]) -> Looking[Seen]:
    """The first pass, which shows whether the network takes inputs of this size.

    Raises:
        BadSetting: it does not.
    """
    try:
        return (yield from climb.pass_of(made, climbing=True, step=step))
    except ModelFailed as error:
        resized = next((one for one in climb.canvases if one.grid != tuple(one.like.shape[2:])), None)
        if resized is None:
            raise
        raise BadSetting(
            Text(f"the network does not take inputs of size {resized.grid}", f"网络不接受大小为 {resized.grid} 的输入"),
            hint=Text("leave size= out, or take a larger one", "请省去 size=，或取更大的值"),
        ) from error


def _made(climb: Climb, free: Sequence[Tensor], step: int) -> list[Tensor]:
    values = [one.values(parameters) for one, parameters in zip(climb.canvases, free, strict=True)]
    if climb.moves is None:
        return values
    return [moved(value, climb.moves, generator(climb.seed, _MOVES + step)) for value in values]


def _gradients(seen: Seen, canvases: Sequence[Canvas]) -> list[Tensor]:
    found = {spot.input: spot.gradient for spot in seen.at(INPUT)}
    return [one.back(found[one.name]).to(one.kind) for one in canvases]


def _dead(gradients: Sequence[Tensor]) -> Tensor:
    return torch.stack([one.flatten(1).abs().amax(1) == 0 for one in gradients]).all(0)


def _redirected(
    climb: Climb, made: Sequence[Tensor], gradients: list[Tensor], dead: Tensor, step: tuple[int, int]
) -> Looking[list[Tensor]]:
    """The gradients, of rows that are blocked as if rectifiers that block a whole row let through what raises it."""
    try:
        seen = yield from climb.pass_of(made, climbing=True, step=step, rule=REDIRECTED)
    except NotApplicable:
        return gradients
    through = _gradients(seen, climb.canvases)
    return [
        torch.where(dead.view(-1, *[1] * (own.ndim - 1)), other, own)
        for own, other in zip(gradients, through, strict=True)
    ]


def _touch(found: Climbed, gradients: Sequence[Tensor]) -> None:
    sums = [one.abs() for one in gradients]
    found.touched = [a + b for a, b in zip(found.touched, sums, strict=True)] if found.touched else sums


def _said(scores: Sequence[Tensor]) -> Text | None:
    """Where the objective began and where it is, in the mean over the rows."""
    if not scores:
        return None
    first, last = float(scores[0].mean()), float(scores[-1].mean())
    return Text(f"objective {first:.3g} → {last:.3g}", f"目标 {first:.3g} → {last:.3g}")


def _flat(scores: Sequence[Tensor]) -> Tensor:
    """Which rows have gained next to nothing in the last steps, measured by all that they have gained."""
    if len(scores) < 3 * WINDOW:
        return torch.zeros(len(scores[0]), dtype=torch.bool)
    now, before = (torch.stack(list(part)).mean(0) for part in (scores[-WINDOW:], scores[-2 * WINDOW : -WINDOW]))
    return now - before <= GAIN * (now - scores[0]).abs()
