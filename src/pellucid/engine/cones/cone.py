"""Whether and how only the cone of a changed part is computed: what is remembered of a model, and of a look.

Zeiler and Fergus' occlusion asks for hundreds of forwards that differ from one another in a small part of the input.
In a convolutional network that part changes only a cone of every map (Nakandala et al. 2019, Krypton). One forward is
written down on a tape, the tape is played again for many parts at once, each call on the boxes that can have changed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from pellucid.core.errors import PellucidError
from pellucid.engine.cones.boxes import Boxes, Grid
from pellucid.engine.cones.patches import gathered, overlaid
from pellucid.engine.cones.plan import first_boxes, planned
from pellucid.engine.cones.replay import Replay
from pellucid.engine.cones.tape import CannotReplay, Tape, recorded
from pellucid.engine.looker import Looker, Session
from pellucid.engine.memory import out_of_memory
from pellucid.engine.passes import Covered
from pellucid.engine.restore import seed_everything
from pellucid.inputs.inputs import Inputs

PAYS = 0.7
"""Most of the cost of whole forwards at which a replay is worth its own work."""
_KINDS = (torch.float32, torch.float64)


class Refused(Exception):
    """A replay is not possible here, does not pay, or was seen to differ."""


@dataclass
class Known:
    """What is known of a model: inputs and sizes of parts that are not replayed, and those that were compared."""

    refused: set[Any] = field(default_factory=set)
    compared: set[Any] = field(default_factory=set)


_known: "WeakKeyDictionary[Looker, Known]" = WeakKeyDictionary()
_tapes: "WeakKeyDictionary[Session, tuple[Inputs, Tape]]" = WeakKeyDictionary()


def replayed(session: Session, x: Inputs, covered: Covered, agrees: Callable[[Covered, Any], bool]) -> Any:
    """What the model returns for every part covered, each a row.

    Args:
        session: of this look; one tape is kept as long as it lasts.
        x: one example.
        agrees: whether what a replay returned is what an ordinary pass returns.
    Raises:
        Refused: use whole forwards.
    """
    (name,) = x.explained if len(x.explained) == 1 else ("",)
    entered = x.tensors.get(name)
    if entered is None or not _may(session, x, entered, covered):
        raise Refused("not one example of one floating input")
    known = _known.setdefault(session.looker, Known())
    grid = tuple(entered.shape[2:])
    key = (x.signature, tuple((covered.boxes[..., 1] - covered.boxes[..., 0]).amax(0).tolist()))
    if key in known.refused:
        raise Refused("known not to be possible")
    try:
        if key not in known.compared:
            some = Covered(_some(key[1], grid), covered.fill)
            if not agrees(some, _replay(session, x, name, some)):
                raise Refused("a replay gave something else")
            known.compared.add(key)
        return _replay(session, x, name, covered)
    except (Refused, CannotReplay) as error:
        known.refused.add(key)
        _tapes.pop(session, None)
        raise Refused(str(error)) from error
    except Exception as error:
        if out_of_memory(error) or isinstance(error, PellucidError):
            raise
        known.refused.add(key)
        _tapes.pop(session, None)
        raise Refused(str(error)) from error


def _may(session: Session, x: Inputs, entered: Tensor, covered: Covered) -> bool:
    return (
        not session.looker.unseen
        and len(x.tensors) == 1
        and entered.dtype in _KINDS
        and entered.device.type == "cpu"
        and entered.ndim in (3, 4, 5)
        and len(entered) == 1
        and covered.boxes.shape[1] == entered.ndim - 2
    )


def _replay(session: Session, x: Inputs, name: str, covered: Covered) -> Any:
    tape = _tape(session, x, name)
    parts = covered.boxes.cpu().numpy()
    boxes = first_boxes(parts, tape.values[0].shape[2:])
    plan = planned(tape, boxes)
    if plan.share > PAYS:
        raise Refused(f"{plan.share:.0%} would have to be computed again")
    with torch.no_grad():
        clean = tape.values[0].clean
        if clean is None:
            raise CannotReplay("the input was let go of")
        fill = covered.fill.to(clean)
        patch = gathered(clean, boxes)
        for row, part in enumerate(parts):
            one = Boxes(part[None, :, 0], tuple(int(stop - start) for start, stop in part))
            overlaid(patch[row : row + 1], Boxes(boxes.starts[row : row + 1], boxes.size), gathered(fill, one), one)
        return Replay(tape, plan, patch).run()


def _tape(session: Session, x: Inputs, name: str) -> Tape:
    """The tape of this input; the one before it is dropped."""
    found = _tapes.get(session)
    if found is not None and found[0].same_bits(x):
        return found[1]
    _tapes.pop(session, None)
    session.snapshot.rewind()
    seed_everything(session.seed)
    session.forwards += 1
    session.samples += 1
    entered = x.tensors[name].detach().clone()
    if entered.ndim == 4:
        entered = entered.contiguous(memory_format=torch.channels_last)
    call = x.mapped(lambda _, value: entered)
    tape = recorded(entered, lambda: session.looker.model(*call.args, **call.kwargs))
    session.snapshot.check_parameters()
    _tapes[session] = (x, tape)
    return tape


def _some(size: Grid, grid: Grid) -> Tensor:
    """Parts to compare: in the first corner, in the last one, in the middle, and somewhere."""
    room = torch.tensor(grid) - torch.tensor(size)
    anywhere = torch.from_numpy(np.random.default_rng(0).integers(room.numpy() + 1))
    starts = torch.stack([room * 0, room, room // 2, anywhere])
    return torch.stack([starts, starts + torch.tensor(size)], -1)
