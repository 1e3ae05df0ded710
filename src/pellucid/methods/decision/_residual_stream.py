"""The residual stream of a network, found from the graph of its calls: what is written to it, and what reads it last."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import NoReturn

from torch import nn

from pellucid.core.errors import NotApplicable
from pellucid.core.sites import Place, Site
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Layer, Seen
from pellucid.engine.roles import Reader
from pellucid.engine.trace import Event, Trace
from pellucid.inputs.inputs import Inputs

SAME = frozenset({"dropout", "to", "float", "double", "type", "type_as", "contiguous", "clone", "alpha_dropout"})
FOLDS = frozenset({"view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze"})
PRODUCTS = frozenset({"linear", "matmul", "einsum", "addmm", "baddbmm", "conv1d", "conv2d", "conv3d"})
NORMS = frozenset({"layer_norm", "rms_norm", "rsqrt", "sqrt", "std", "var", "norm", "vector_norm", "batch_norm"})
_WORKS = PRODUCTS | {"scaled_dot_product_attention", "embedding"}
LEAST = 2
RESIDUAL = Text(
    "A network whose blocks add to one residual stream, which a final norm and a linear layer read (pre-norm "
    "transformers of text or pictures).",
    "各块向同一残差流累加、并由最终归一化和线性层读出的网络（pre-norm 的文本或图像 Transformer）。",
)
_LAST_STAGE = Text(
    "The stream changes its width on the way: only the last stage can be read as the output is.",
    "残差流在途中改变了宽度：只有最后一个阶段能像输出那样读出。",
)

_ELSEWHERE = Text("hierarchy() follows the answer through any network", "hierarchy() 可在任何网络中追踪答案")


@dataclass(frozen=True)
class Write:
    """One sum on the stream.

    Args:
        event: the call that adds.
        stream: the call that made what is added to.
        parts: the calls that made what is added.
        names: which module made each part.
    """

    event: int
    stream: int
    parts: tuple[int, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Stream:
    """What flows from block to block, all numbers being indices of events.

    Args:
        start: the call that made the stream before anything is written to it.
        writes: in execution order.
        tail: the calls on the way from the last write to the explained output.
        reads: of every call, those that made what it reads.
        sources: names of the inputs that the start of the stream reads.
        notes: what the reader must know.
    """

    trace: Trace
    start: int
    writes: tuple[Write, ...]
    tail: tuple[int, ...]
    reads: Mapping[int, Sequence[int]]
    sources: tuple[str, ...] = ()
    notes: tuple[Text, ...] = ()

    @property
    def last(self) -> int:
        """The last write."""
        return self.writes[-1].event

    def event(self, index: int) -> Event:
        """The event of an index."""
        return self.trace.events[index]

    def site(self, index: int) -> Site:
        """Where the event of an index is."""
        one = self.event(index)
        return Site(one.path, one.call, one.op, one.n if one.op else None)

    def levels(self, lens: Looker, layer: Layer) -> dict[int, str]:
        """The start of the stream, its last write inside each module of `layer`, and its end, by name.

        Raises:
            NotApplicable: nothing is written at `layer`.
        """
        found = {self.start: "input" if self.start < 0 else "embedding", **self.blocks(lens, layer)}
        return {**found, self.last: found.get(self.last, self.writes[-1].names[-1])}

    def blocks(self, lens: Looker, layer: Layer) -> dict[int, str]:
        """The last write inside each module that `layer` denotes, with the module's name.

        `"every block"` are the modules in which the sums stand side by side, or every write where there are none.

        Raises:
            NotApplicable: nothing is written there.
        """
        if layer == "every block":
            return self._side_by_side()
        places = _places(self.trace, lens, layer)
        order = {event.place: i for i, event in enumerate(self.trace.events)}
        found: dict[int, str] = {}
        for place in places:
            inside = [one.event for one in self.writes if _within(self.event(one.event), place)]
            inside = [one for one in inside if one <= order[place]]
            if inside:
                found[inside[-1]] = self.trace.address(place)
        if not found:
            raise NotApplicable(
                Text(f"nothing is written to the residual stream at '{layer}'", f"在 '{layer}' 处没有内容写入残差流"),
                hint="layer='every block'",
            )
        return dict(sorted(found.items()))

    def _side_by_side(self) -> dict[int, str]:
        paths = [self.event(one.event).path.split(".") for one in self.writes]
        depth = next((i for i, names in enumerate(zip(*paths, strict=False)) if len(set(names)) > 1), None)
        if depth is None or any(len(path) <= depth for path in paths):
            return {one.event: one.names[-1] for one in self.writes}
        last = {".".join(path[: depth + 1]): one.event for path, one in zip(paths, self.writes, strict=True)}
        return {event: path for path, event in last.items()}


class _Graph:
    """Ancestors of every call, as bits of one number."""

    def __init__(self, trace: Trace) -> None:
        self.events, links = trace.events, trace.links
        self.shapes: dict[int, list[tuple[int, tuple[int, ...]]]] = links.reads
        self.reads = {index: [maker for maker, _ in reads] for index, reads in links.reads.items()}
        self.offset = len(links.inputs)
        self.above: dict[int, int] = {}
        for index in sorted(self.reads):
            makers = self.reads[index]
            self.above[index] = reduce(or_, (self.above.get(one, 0) | self.bit(one) for one in makers), 0)

    def bit(self, index: int) -> int:
        return 1 << (index + self.offset)

    def is_above(self, one: int, other: int) -> bool:
        """Whether `other` reads, at whatever distance, what `one` made."""
        return bool(self.above.get(other, 0) & self.bit(one))

    def settled(self, index: int) -> int:
        """The call behind those that pass on what they are given, be it folded otherwise."""
        while index >= 0 and len(self.reads[index]) == 1:
            (maker, shape), event = self.shapes[index][0], self.events[index]
            folds = event.op in FOLDS and shape[-1:] == event.shape[-1:]
            if event.op not in SAME and not folds:
                break
            index = maker
        return index

    def works(self, part: int, known: int) -> list[int]:
        """The calls with weights on the way to `part` that are not among the bits `known`."""
        cone = (self.above.get(part, 0) | self.bit(part)) & ~known
        return [one for one in self.reads if self.events[one].op in _WORKS and cone & self.bit(one)]

    def known(self, root: int) -> int:
        """A call and all before it."""
        return self.above.get(root, 0) | self.bit(root)

    def operands(self, index: int) -> tuple[int, int] | None:
        """The two summands of a sum of equal shapes."""
        event = self.events[index]
        equal = [maker for maker, shape in self.shapes[index] if shape == event.shape]
        plain = event.op == "add" and event.dtype.is_floating_point and len(event.shape) > 1
        return (equal[0], equal[1]) if plain and len(equal) == LEAST else None


def stream_of(seen: Seen, x: Inputs) -> Stream:
    """The stream of a pass that recorded the graph; where the width changes on the way, that of the last stage.

    Raises:
        NotApplicable: there is none, it is normalised or bent between blocks, or the output reads past it.
    """
    graph, trace = _Graph(seen.trace), seen.trace
    sums = _sums(graph)
    shape = tuple(seen.output.shape) if seen.output is not None else ()
    end = max((maker for maker, made in trace.links.outputs if made == shape), default=-1)
    entered = [-1 - i for i, (name, _) in enumerate(trace.links.inputs) if name in x.explained]
    crossed = [
        one for one in sums if (one == end or graph.is_above(one, end)) and not _passed(graph, one, end, entered)
    ]
    best = _chain(sums, crossed[-1]) if crossed else []
    start = sums[best[0]][0] if best else -1
    width = _shape(graph, best[-1]) if best else ()
    before = [one for one in sums if graph.is_above(one, start) and _shape(graph, one) == width]
    if before:
        _refuse_bent(trace, graph, start)
    if len(best) < LEAST:
        raise NotApplicable(
            Text(
                "no residual stream was found: a sum to which block after block adds what it made of it, and from which "
                "alone the output is read",
                "没有找到残差流：即各块依次把各自的结果加入其中、且输出只由它读出的那个和",
            ),
            hint=_ELSEWHERE,
        )
    tail = [
        one for one in sorted(graph.reads) if graph.is_above(best[-1], one) and (graph.is_above(one, end) or one == end)
    ]
    if not any(trace.events[one].op in PRODUCTS for one in tail):
        raise NotApplicable(
            Text(
                "the output is the residual stream itself: no unembedding or classifier reads it",
                "输出就是残差流本身：没有分类头读取它",
            ),
            hint=Text("open the model with its head", "请打开带分类头的模型"),
        )
    writes = tuple(_written(graph, one, *sums[one]) for one in best)
    staged = any(graph.is_above(one, start) for one in sums)
    names = enumerate(name for name, _ in trace.links.inputs)
    sources = tuple(name for i, name in names if start == -1 - i or graph.is_above(-1 - i, start))
    return Stream(trace, start, writes, tuple(tail), graph.reads, sources, (_LAST_STAGE,) if staged else ())


def _sums(graph: _Graph) -> dict[int, tuple[int, int, int]]:
    """Every sum of a value and of what was made of it: the value, what is added, and from where both come."""
    found: dict[int, tuple[int, int, int]] = {}
    for index in sorted(graph.reads):
        pair = graph.operands(index)
        if pair is None:
            continue
        for stream, write in (pair, pair[::-1]):
            origin = graph.settled(stream)
            roots = (origin, found[origin][2]) if origin in found else (origin,)
            root = next((one for one in roots if graph.is_above(one, write)), None)
            if root is not None and graph.works(write, graph.known(root)):
                found[index] = (origin, write, root)
                break
    return found


def _chain(sums: Mapping[int, tuple[int, int, int]], last: int) -> list[int]:
    chain = [last]
    while sums[chain[-1]][0] in sums:
        chain.append(sums[chain[-1]][0])
    return chain[::-1]


def _passed(graph: _Graph, last: int, end: int, entered: Sequence[int]) -> bool:
    """Whether something of the input reaches the output past this sum."""
    behind = [one for one in graph.reads if graph.is_above(last, one) and (graph.is_above(one, end) or one == end)]
    return any(
        maker != last
        and not graph.is_above(last, maker)
        and (maker in entered or (maker >= 0 and graph.events[maker].dtype.is_floating_point))
        and any(one == maker or graph.is_above(one, maker) for one in entered)
        for index in behind
        for maker in graph.reads[index]
    )


def _shape(graph: _Graph, index: int) -> tuple[int, ...]:
    return graph.events[index].shape if index >= 0 else ()


def _refuse_bent(trace: Trace, graph: _Graph, start: int) -> NoReturn:
    event = graph.events[start]
    inside = {one.op for one in trace.events if (one.path, one.call) == (event.path, event.call)}
    where = trace.address(Place(event.path, event.call)) if event.path else trace.address(event.place)
    if inside & NORMS or event.op in NORMS:
        raise NotApplicable(
            Text(
                f"blocks end in a norm (post-norm, '{where}'): what flows on is no sum of what was written, so an inner "
                "layer cannot be read as the last one is",
                f"各块以归一化结尾（post-norm，'{where}'）：继续流动的不是各次写入之和，因此中间的层不能像最后一层那样读取",
            ),
            hint=_ELSEWHERE,
        )
    raise NotApplicable(
        Text(
            f"what flows between blocks is bent by '{where}': it is no sum of what was written",
            f"各块之间流动的值经过 '{where}' 的非线性变换：它不是各次写入之和",
        ),
        hint=_ELSEWHERE,
    )


def _written(graph: _Graph, index: int, stream: int, write: int, root: int) -> Write:
    parts = _split(graph, write, root)
    return Write(index, stream, parts, tuple(_maker(graph, one, graph.known(root), index) for one in parts))


def _split(graph: _Graph, write: int, root: int) -> tuple[int, ...]:
    """What is added, taken apart where it is itself a sum of parts that each read the stream."""
    pair = graph.operands(graph.settled(write)) if write >= 0 else None
    if pair is None or not all(graph.is_above(root, one) for one in pair):
        return (write,)
    if any(graph.is_above(one, other) for one, other in (pair, pair[::-1])):
        return (write,)
    return (*_split(graph, pair[0], root), *_split(graph, pair[1], root))


def _maker(graph: _Graph, part: int, known: int, index: int) -> str:
    """The module beside the sum in which most products on the way from the stream to the part lie."""
    owner = graph.events[index].path
    inside = f"{owner}." if owner else ""
    paths = [graph.events[one].path for one in graph.works(part, known)]
    worked = Counter(
        inside + path.removeprefix(inside).partition(".")[0]
        for path in paths
        if path.startswith(inside) and path != owner
    )
    most = max(worked.values(), default=0)
    return next((path for path in reversed(worked) if worked[path] == most), owner or f"/add.{graph.events[index].n}")


def _places(trace: Trace, lens: Looker, layer: Layer) -> list[Place]:
    modules: Mapping[str, nn.Module] = lens.modules
    found: list[Place] = []
    for one in layer if isinstance(layer, tuple) else (layer,):
        site = lens.site(one)
        found += (
            Reader(trace, modules).places(site.role)
            if site.role
            else [event.place for event in trace.events if site.matches(event.place)]
        )
    return found


def _within(event: Event, place: Place) -> bool:
    if place.op:
        return event.place == place
    return event.path == place.path or event.path.startswith(f"{place.path}.") or place.path == ""


def shortened(names: Sequence[str]) -> tuple[str, ...]:
    """Names without the modules that hold all of them; numbers keep the name that they count."""
    parts = [name.split(".") for name in names if name]
    shared = 0
    while parts and all(len(one) > shared + 1 and one[: shared + 1] == parts[0][: shared + 1] for one in parts):
        shared += 1
    shared -= bool(shared and any(one[-1].isdigit() and len(one) == shared + 1 for one in parts))
    return tuple(".".join(name.split(".")[shared:]) for name in names)
