"""One forward of one example, noted call by call, for its receptive fields."""

from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_iter

from pellucid.core.errors import PellucidError
from pellucid.core.sites import Place
from pellucid.engine.calls import Call, known
from pellucid.engine.looker import Looker, Session
from pellucid.engine.mixing import READS
from pellucid.engine.receptive.fields import Fields
from pellucid.engine.receptive.notes import Notes
from pellucid.engine.recording import Recording
from pellucid.engine.roles import Reader
from pellucid.engine.taps import Capture, Point
from pellucid.inputs.inputs import Inputs

MOST_KEPT = 8
_kept: "WeakKeyDictionary[Looker, dict[Any, Fields | None]]" = WeakKeyDictionary()


def fields_of(session: Session, x: Inputs) -> Fields | None:
    """The receptive fields in the first example's forward, on its first explained input.

    Returns:
        None where the calls cannot be seen, or the model does not run with one example.
    """
    if session.looker.unseen or not x.explained:
        return None
    first = x.rows(0, 1)
    kept = _kept.setdefault(session.looker, {})
    if first.signature not in kept:
        kept[first.signature] = _noted(session, first)
        if len(kept) > MOST_KEPT:
            del kept[next(iter(kept))]
    return kept[first.signature]


def _noted(session: Session, x: Inputs) -> Fields | None:
    notes = Notes()
    entered = x.tensors[x.explained[0]]
    notes.enter(entered)
    held = ([*map(vars, session.looker.model.modules())], x.args, x.kwargs)
    notes.know(one for one in tree_iter(held) if isinstance(one, Tensor) and one is not entered)
    recording = Recording(_Everywhere(notes), grad_mode=False)  # type: ignore[arg-type]
    try:
        with _Mode(notes):
            session.forward(x, recording)
    except PellucidError:
        return None
    ndim = entered.ndim
    if ndim > 3:
        return Fields(notes, tuple(range(2, ndim)))
    by_step = ndim < 3 or Reader(recording.trace, session.looker.modules).steps_first()
    return Fields(notes, (1 if by_step else 2,)) if ndim > 1 else None


class _Everywhere:
    """Stands for the taps of a recording: every place is told to the notes, nothing is taken."""

    edits, candidates = (), ()

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self._point = Point({"": self})  # type: ignore[dict-item]

    def at(self, path: str, call: int, op: str, n: int, side: str) -> Point | None:
        """The same for every place but attentions, which are no tensor that flows."""
        return None if op == "attention" else self._point

    def candidate(self, place: Place, tensor: Tensor) -> None:
        """No role is looked for."""

    def take(self, place: Place, name: str, tensor: Tensor, grad_mode: bool) -> Capture:
        """Note which value this place has."""
        self.notes.left(place, tensor)
        return Capture(place, name, None, None, 0, view=False)


class _Mode(TorchFunctionMode):
    """Lies under the intercept's own mode, so that it sees the calls that really run."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self.notes = notes
        self.calls: dict[Any, Call] = {}

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        call = self.calls.get(func)
        if call is None:
            call = self.calls[func] = known(func)
        if call.name in READS:
            self.notes.read(call.name, args)
        if call.silent:
            return func(*args, **kwargs)
        if call.inner is not None:
            with self:
                return call.inner(*args, **kwargs)
        written = call.written(args, kwargs)
        out = func(*args, **kwargs)
        self.notes.called(call.name, func, args, kwargs, written if out is None else out, written)
        return out
