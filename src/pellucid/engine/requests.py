"""Taking requests apart and putting their answers together."""

from typing import Any

from torch import Tensor

from pellucid.engine.passes import Look, Pass, Seen, Step, Together
from pellucid.engine.sweeps.request import Sweep


def passes_in(request: Any) -> list[Pass]:
    """The passes among a request."""
    if isinstance(request, Together):
        return [one for part in request.requests for one in passes_in(part)]
    return [request] if isinstance(request, Pass) else []


def looks_in(request: Any) -> list[Look]:
    """The looks among a request."""
    if isinstance(request, Together):
        return [one for part in request.requests for one in looks_in(part)]
    return [request] if isinstance(request, Look) else []


def sweeps_in(request: Any) -> list[Sweep]:
    """The sweeps among a request."""
    if isinstance(request, Together):
        return [one for part in request.requests for one in sweeps_in(part)]
    return [request] if isinstance(request, Sweep) else []


def answer_to(request: Any, answers: dict[int, Any]) -> Any:
    """What a request is answered with; errors stand in the places of their parts."""
    if isinstance(request, Together):
        return tuple(answer_to(part, answers) for part in request.requests)
    return None if isinstance(request, Step) else answers[id(request)]


def shared_tensors(answer: Any) -> list[Tensor]:
    """Every tensor of an answer, to notice who writes into one."""
    if isinstance(answer, tuple):
        return [tensor for part in answer for tensor in shared_tensors(part)]
    if not isinstance(answer, Seen):
        return []
    tensors = [tensor for spots in answer.spots.values() for spot in spots for tensor in (spot.value, spot.grad)]
    return [tensor for tensor in (*tensors, answer.output, answer.score) if isinstance(tensor, Tensor)]
