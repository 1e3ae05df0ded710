"""The calls of one forward that descend from an input, without their values: enough to say what reads what."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_iter, tree_map
from torch.utils.weak import WeakTensorKeyDictionary

from pellucid.core.sites import Place
from pellucid.engine.cones.tape import Ref, Step
from pellucid.engine.recording import storage_of

ALIASED, UNSEEN = "written through another tensor", "code that cannot be seen"
Strides = tuple[tuple[int, ...], tuple[int, ...], int]


class Notes:
    """Filled by the intercept while the model runs.

    `shapes` are those of the values by number, the input is number 0; `places` says which value a place gave; `steps`
    are the calls in order, from step `read_at` on after values were read into Python.
    """

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.steps: list[Step] = []
        self.places: dict[Place, int] = {}
        self.device: Any = None
        self.read_at: int | None = None
        self.reader = ""
        self._numbers: Any = WeakTensorKeyDictionary()
        self._constants: Any = WeakTensorKeyDictionary()
        self._written: dict[int, Any] = {}

    def enter(self, tensor: Tensor) -> None:
        """The input whose part in every unit is asked for."""
        self.device = tensor.device
        self._number(tensor)

    def know(self, tensors: Iterable[Tensor]) -> None:
        """Tensors that do not depend on the input; any other that no call gave comes from code that cannot be seen."""
        for tensor in tensors:
            self._constants[tensor] = True

    def left(self, place: Place, tensor: Tensor) -> None:
        """A place gave this tensor."""
        number = self._numbers.get(tensor)
        if number is not None:
            self.places[place] = number

    def read(self, name: str, args: tuple[Any, ...]) -> None:
        """Values go into Python: what comes after may depend on them."""
        if self.read_at is None and any(isinstance(one, Tensor) and one in self._numbers for one in args):
            self.read_at, self.reader = len(self.steps), name

    def called(
        self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any, written: Any
    ) -> None:
        """A call is over; `out` is what it returned, or wrote where it returned nothing."""
        args, kwargs = tree_map(self._ref, (args, kwargs))
        if not any(isinstance(one, Ref) for one in tree_iter((args, kwargs))):
            self.know(one for one in tree_iter(out) if isinstance(one, Tensor))
            return
        new = [one for one in tree_iter(written) if isinstance(one, Tensor) and one not in self._numbers]
        made = tree_map(lambda one: Ref(self._number(one)) if isinstance(one, Tensor) else None, out)
        self.steps.append(Step(name, func, args, kwargs, made, written is not None))
        for one in tree_iter(written):
            if isinstance(one, Tensor):
                self._spread(one, new=any(one is other for other in new))

    def _number(self, tensor: Tensor) -> int:
        self.shapes.append(tuple(tensor.shape))
        self._numbers[tensor] = len(self.shapes) - 1
        return len(self.shapes) - 1

    def _ref(self, one: Any) -> Any:
        if not isinstance(one, Tensor):
            return one
        number = self._numbers.get(one)
        if number is None and (one not in self._constants or storage_of(one) in self._written):
            number = self._number(one)
            self.steps.append(Step(UNSEEN, None, (Ref(0),), {}, Ref(number)))  # type: ignore[arg-type]
        return one if number is None else Ref(number)

    def _spread(self, written: Tensor, *, new: bool) -> None:
        """Other tensors on the storage that was written show what was written there."""
        storage, mine = storage_of(written), self._numbers[written]
        if new or written._is_view():
            self._written[storage] = written.untyped_storage()
        base = written._base if written._is_view() else None
        others = [one for one in list(self._numbers) if one is not written and storage_of(one) == storage]
        if base is not None and base not in self._numbers:
            others.append(base)
        for one in others:
            old = self._numbers.get(one)
            known = () if old is None else (Ref(old),)
            args = (_strides(one), _strides(written), Ref(mine), *known)
            self.steps.append(Step(ALIASED, None, args, {}, Ref(self._number(one))))  # type: ignore[arg-type]


def _strides(tensor: Tensor) -> Strides:
    return tuple(tensor.shape), tuple(tensor.stride()), int(tensor.storage_offset())
