"""What a method may ask for, and what it is shown."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor, nn

from pellucid.core.errors import LayerNotFound, NotApplicable
from pellucid.core.provenance import TargetInfo
from pellucid.core.sites import Place, Site
from pellucid.core.text import Text
from pellucid.engine.attention.attention import Attention
from pellucid.engine.edits import Edit
from pellucid.engine.graphs.detail import Detail
from pellucid.engine.operations import Met
from pellucid.engine.roles import Layout
from pellucid.engine.rules import Rule
from pellucid.engine.trace import Event, Trace
from pellucid.inputs.inputs import Inputs

if TYPE_CHECKING:
    from pellucid.engine.receptive.fields import Field, Fields
    from pellucid.engine.targets.target import Target

T = TypeVar("T")
INPUT, OUTPUT = Site("", side="in"), Site("")
Layer = str | nn.Module | Site | tuple[str | nn.Module | Site, ...]
Looking = Generator[Any, Any, T]


@dataclass(frozen=True)
class Keep:
    """A site whose value is reduced where it is seen, so that only the reduction is kept.

    Args:
        site: any layer.
        reduce: takes the detached tensor, must return new tensors (or numbers), never a view.
    """

    site: Layer
    reduce: Callable[[Tensor], Any]


@dataclass(frozen=True, eq=False)
class Covered:
    """One example seen many times, each time with another part of it replaced.

    Args:
        boxes: `(variant, axis, 2)` integers, where each part starts and stops on the trailing axes of the only
            explained floating input (`(variant, 2, 2)` for images: rows, columns); all channels are replaced.
        fill: what the parts are replaced by, `(1, ...)` of the input's shape.
    """

    boxes: Tensor
    fill: Tensor


@dataclass(frozen=True, eq=False)
class Pass:
    """One run of the model, as wished for; `seen = yield from Pass(...)` shows it.

    Args:
        x: the input.
        keep: layers whose values are wanted.
        grads: layers where the gradient of the target is wanted.
        target: the scalar; without it there is no backward.
        rules: replaces the backward of activations, for this pass only.
        edits: changes of the forward, applied in order.
        state: parameters or buffers to use instead of the model's, by name.
        graph: whether the operations and the tensors between them are recorded, and what else of each (`Detail`).
        real: without, nothing is computed: the model runs on tensors that have a shape, a type and no values, also one
            on the meta device; only the trace is shown then.
        step: (i, n) where the pass is one of a loop, for progress.
        said: how that loop fares, for progress.
        start: which example the first row is, where a pass is a part of a batch.
        expand: how many variants an edit made by `variants` turns the one example into; the output and the score have
            a row for each, and what lies before the edit runs once. Where something is kept or differentiated all of
            it runs on as many rows, and a gradient before the edit is that of all variants, in the first row.
        covered: look at the one example with each of many parts replaced; the score has a row for each part.
        constants: whether what is added on the way without depending on the input (biases) is wanted, with gradients.
        attention: places of attention (`"every attention"`) that are wanted as `Spot.attention`, which makes the
            probabilities of one place at a time, when they are read, and their gradient if there is a target; `keep`
            and `grads` of such places hand out all of them at once.
        projections: whether the linear map behind each of these is wanted too, as `Attention.projection`.
        fields: whether the receptive fields of what is seen are wanted, as `Spot.field`; once for each shape of input
            this costs a forward of one example more, without edits.
    """

    x: Inputs
    keep: tuple[Layer | Keep, ...] | list[Layer | Keep] = ()
    grads: tuple[Layer, ...] | list[Layer] = ()
    target: "Target | None" = None
    rules: Rule | None = None
    edits: tuple[Edit, ...] = ()
    state: Mapping[str, Tensor] | None = None
    graph: bool | Detail = False
    real: bool = True
    step: tuple[int, int] | None = None
    said: Text | None = None
    start: int = 0
    expand: int = 1
    covered: Covered | None = None
    constants: bool = False
    attention: tuple[Layer, ...] = ()
    projections: bool = False
    fields: bool = False

    @property
    def looks_inside(self) -> bool:
        """Whether anything but the output and the score is wanted."""
        return bool(self.keep or self.grads or self.attention or self.constants or self.graph)

    def __iter__(self) -> Generator["Pass", "Seen", "Seen"]:
        seen = yield self
        return seen


@dataclass(frozen=True, eq=False)
class Look:
    """Another view's result on the same terms; the planner answers equal looks once.

    Args:
        view: a configured method.
        x: the input.
        target: what is explained.
    """

    view: Any
    x: Inputs | None = None
    target: "Target | None" = None

    def __iter__(self) -> Generator["Look", Any, Any]:
        result = yield self
        return result


@dataclass(frozen=True, eq=False)
class Step:
    """Asks for nothing: a method that computes for long says how far it is, and whoever watches may stop it there.

    Args:
        step: (i, n), as of a `Pass`.
    """

    step: tuple[int, int]

    def __iter__(self) -> Iterator["Step"]:
        yield self


@dataclass(frozen=True, eq=False)
class Together:
    """Several requests of one round; answered by a tuple."""

    requests: tuple[Any, ...]


def together(*looks: Iterable[Any]) -> Looking[tuple[Any, ...]]:
    """Advance several requests or generators side by side, so that their passes can share.

    What goes wrong with one is raised there; it ends all of them unless it is caught there.
    """
    running = [iter(look) for look in looks]
    results: list[Any] = [None] * len(running)
    waiting: dict[int, Any] = {}
    for i, one in enumerate(running):
        _advance(one, None, i, waiting, results)
    while waiting:
        order = list(waiting)
        answers = yield Together(tuple(waiting.pop(i) for i in order))
        for i, answer in zip(order, answers, strict=True):
            _advance(running[i], answer, i, waiting, results)
    return tuple(results)


def _advance(one: Any, answer: Any, i: int, waiting: dict[int, Any], results: list[Any]) -> None:
    try:
        if isinstance(answer, BaseException):
            waiting[i] = one.throw(answer)
        else:
            waiting[i] = next(one) if answer is None else one.send(answer)
    except StopIteration as stop:
        results[i] = stop.value


@dataclass(frozen=True, eq=False)
class Spot:
    """What was seen at one place.

    Args:
        place: where.
        address: its text, as short as it can be in this forward.
        value: the tensor (or what `Keep.reduce` made of it); None if only the gradient was asked.
        grad: gradient of the summed target; None if not asked.
        event: what happened there; None for inputs and parameters.
        layout: how the value lies on the input's grid; None if it does not.
        input: name of the input, where the place is one.
        attention: what happened there, where the place is an attention.
        fields: receptive fields of the forward, where the pass asked for them.
    """

    place: Place
    address: str
    value: Any = None
    grad: Tensor | None = None
    event: Event | None = None
    layout: Layout | None = None
    input: str = ""
    attention: Attention | None = None
    fields: "Fields | None" = None

    @property
    def field(self) -> "Field | None":
        """Which box of the input can reach each unit here; None where that is not known, or nothing can."""
        return None if self.fields is None else self.fields.at(self.place, self.layout)

    @property
    def local_field(self) -> "Field | None":
        """`field` without the paths through calls that go over the whole input, as a squeeze-excitation's mean."""
        return None if self.fields is None else self.fields.at(self.place, self.layout, local=True)

    @property
    def gradient(self) -> Tensor:
        """`grad`, where it was asked for.

        Raises:
            NotApplicable: it was not.
        """
        if self.grad is None:
            raise NotApplicable(
                Text(f"no gradient was asked for at '{self.address}'", f"没有请求 '{self.address}' 处的梯度")
            )
        return self.grad


@dataclass(frozen=True, eq=False)
class Constant:
    """Something added on the way that does not depend on the input.

    Args:
        place, address: where it is added.
        kind: "bias", "norm" (shift of a normalisation with fixed statistics) or "added".
        value: the constant, in a shape that broadcasts to the gradient.
        gradient: of the target at the sum.
        layout: how the sum lies on the grid of the input, None if it does not.
    """

    place: Place
    address: str
    kind: str
    value: Tensor
    gradient: Tensor
    layout: Layout | None = None


@dataclass(frozen=True, eq=False)
class Seen:
    """What one pass showed. Tensors are shared with other methods: never write into them.

    Args:
        spots: by the layer as it was asked for.
        output: the explained tensor, if the pass reached it.
        score: the target, one number per example.
        targets: what the target was, one per example.
        trace: every event of this forward; what comes after an early stop is of an earlier one, of any batch size.
        notes: what the reader must know.
        constants: what is added on the way without depending on the input, in execution order, if it was asked for.
        met: the calls on the way from the explained inputs, if a rule went through operations.
    """

    spots: Mapping[Any, tuple[Spot, ...]]
    trace: Trace
    output: Tensor | None = None
    score: Tensor | None = None
    targets: tuple[TargetInfo, ...] = ()
    notes: tuple[Text, ...] = ()
    constants: tuple[Constant, ...] = ()
    met: tuple[Met, ...] = ()

    @property
    def scores(self) -> Tensor:
        """`score`, where the pass had a target.

        Raises:
            NotApplicable: it had none.
        """
        if self.score is None:
            raise NotApplicable(Text("this pass had no target", "这次计算没有目标"))
        return self.score

    def at(self, layer: Layer | Keep) -> tuple[Spot, ...]:
        """Every place that `layer` denotes, in execution order; at least one."""
        return self.spots[layer_key(layer)]

    def __getitem__(self, layer: Layer | Keep) -> Any:
        """The value at the only place that `layer` denotes."""
        return self._only(layer).value

    def grad(self, layer: Layer) -> Tensor:
        """The gradient at the only place that `layer` denotes."""
        return self._only(layer).gradient

    def _only(self, layer: Layer | Keep) -> Spot:
        spots = self.at(layer)
        if len(spots) != 1:
            raise LayerNotFound(
                Text(f"'{layer}' is {len(spots)} places here", f"'{layer}' 在此有 {len(spots)} 个位置"),
                nearest=", ".join(s.address for s in spots[:4]),
                hint=Text("name one of them, or use .at(layer)", "请指明其中之一，或使用 .at(layer)"),
            )
        return spots[0]


def layer_key(layer: Layer | Keep) -> Any:
    """How a layer is looked up: modules and reducers by identity."""
    if isinstance(layer, Keep):
        return (layer_key(layer.site), id(layer.reduce))
    return id(layer) if isinstance(layer, nn.Module) else layer
