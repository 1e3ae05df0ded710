"""What one forward left behind: trace, captures, nodes of activations, and, if asked, the graph of tensors."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge
from torch.utils._pytree import tree_iter

from pellucid.core.sites import Place, Site
from pellucid.engine.attention.attending import Attending, Found
from pellucid.engine.attention.projecting import Routes
from pellucid.engine.constants import Constants
from pellucid.engine.following import Following
from pellucid.engine.graphs.detail import Detail
from pellucid.engine.graphs.links import Links
from pellucid.engine.lineage import Lineage
from pellucid.engine.rules import ACTIVATIONS
from pellucid.engine.storage import storage_of, writes_of
from pellucid.engine.taps import Capture, Tap, Taps
from pellucid.engine.trace import Event, Trace
from pellucid.engine.transforms import beneath, unwrapped

Node = tuple[str, Any]


@dataclass(slots=True)
class Frame:
    """One module call that is running; counts the functions called directly inside it."""

    path: str
    call: int
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Entry:
    """An explained input on its way in.

    Args:
        name: of the input.
        ids: the integer tensor, where the input is explained at its embedding.
        value: what entered the network: the input, or the output of its embedding.
        edge: where its gradient arrives.
        override: used instead of the embedding's own output.
    """

    name: str
    ids: Tensor | None = None
    value: Tensor | None = None
    edge: Any = None
    override: Tensor | None = None


class Recording:
    """Filled by the intercept while the model runs.

    Args:
        taps: what to take, where.
        grad_mode: whether a backward will follow.
        entries: explained inputs by name.
        rules: whether nodes of activations are noted, for rules that change what passes there.
        through: names of the operations that rules go through; None where there is no such rule.
        constants: whether what is added on the way is noted.
        projections: whether the linear map behind an attention that is wanted is looked for.
        graph: whether what reads what is noted, and what else of each call.
        last: place after whose event nothing more is wanted, or None.

    `aside` is set while code of a caller (an edit, a reduction) runs inside the forward: what it calls is not recorded.
    """

    def __init__(
        self,
        taps: Taps,
        *,
        grad_mode: bool,
        rules: bool = False,
        through: frozenset[str] | None = None,
        constants: bool = False,
        projections: bool = False,
        graph: bool | Detail = False,
        entries: dict[str, Entry] | None = None,
        last: Place | None = None,
    ) -> None:
        self.taps, self.grad_mode, self.entries, self.last = taps, grad_mode, entries or {}, last
        self.trace = Trace()
        self.calls: dict[str, int] = self.trace.calls
        self.stack: list[Frame] = []
        self.captures: dict[tuple[Place, str], Capture] = {}
        self.live: dict[int, list[Capture]] = {}
        self.edited: set[int] = set()
        self.aside = False
        self.attending = Attending()
        self.routes = Routes(self.attending.trails) if projections else None
        self.reached = False
        self.nodes = Nodes() if rules else None
        self.graph = self.trace.links = None if graph is False else Links(None if graph is True else graph)
        self.spread = next((edit.spread for _, edit in taps.edits if edit.spread is not None), None)
        self.following: Following | None = None
        if through is not None or constants:
            added = Constants() if constants else None
            lineage = Lineage(self.entries.values())
            self.following = Following(lineage, through or frozenset(), added, self.hold)
        self.entering = any(entry.ids is not None for entry in self.entries.values())

    def event(self, path: str, call: int, op: str, n: int, kind: str, tensor: Tensor) -> None:
        """Note one event."""
        self.trace.events.append(Event(path, call, op, n, kind, tuple(unwrapped(tensor).shape), tensor.dtype))

    def attend(self, frame: Frame, found: Found, out: Tensor) -> None:
        """Note an attention, and capture it where it is wanted."""
        n = frame.counts.get("attention", 0)
        frame.counts["attention"] = n + 1
        place = Place(frame.path, frame.call, "attention", n)
        self.trace.events.append(Event(frame.path, frame.call, "attention", n, "attention", found.shape, out.dtype))
        point = self.taps.at(frame.path, frame.call, "attention", n, "out")
        taps = [] if point is None else [tap for name, tap in point.taps.items() if not name]
        candidate = self.taps.candidate(place, out)
        taps += [] if candidate is None else [candidate]
        if taps:
            edge = get_gradient_edge(out) if any(one.grad for one in taps) and out.requires_grad else None
            capture = Capture(place, "", None, edge, writes_of(out), view=False)
            route = None if self.routes is None else self.routes.begin(out)
            capture.attention = self.attending.seen(found, place, out, self.hold, route)
            self.captures[place, ""] = capture

    def finished(self) -> bool:
        """Whether the last wanted place has been seen, and nothing that is looked for may still come."""
        last = self.last
        if last is None:
            return False
        event = self.trace.events[-1]
        here = event.path == last.path and event.op == last.op and event.call == last.call and event.n == last.n
        self.reached = self.reached or here
        return self.reached and (self.routes is None or not self.routes.pending)

    def take(self, tap: Tap, place: Place, name: str, tensor: Tensor) -> None:
        """Capture one tensor at one place."""
        capture = beneath(lambda one: tap.take(place, name, one, self.grad_mode), tensor)
        self.captures[place, name] = capture
        if capture.value is not None or capture.view:
            self.hold(tensor, capture)

    def hold(self, tensor: Tensor, capture: Capture) -> None:
        """Copy what was captured of a tensor before it is overwritten."""
        self.live.setdefault(storage_of(tensor), []).append(capture)

    def save(self, written: Any) -> None:
        """Copy what was captured of a storage that is about to be written."""
        for tensor in tree_iter(written):
            if isinstance(tensor, Tensor):
                for capture in self.live.pop(storage_of(tensor), ()):
                    capture.save()

    def embedded(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> Tensor:
        """The output of an embedding, made to carry a gradient if it reads an explained integer input."""
        ids = args[0] if args else kwargs.get("input")
        for entry in self.entries.values():
            if entry.value is None and entry.ids is not None and isinstance(ids, Tensor) and _reads(ids, entry.ids):
                return self._enter(entry, out)
        return out

    def edit_input(self, name: str, value: Tensor) -> Tensor:
        """An explained input after the edits at `input`."""
        for site, edit in self.taps.edits:
            if is_input(site) and site.field in ("", name):
                value = edit(value).clone()
                self.edited.add(id(edit))
        return value

    def _enter(self, entry: Entry, out: Tensor) -> Tensor:
        if entry.override is not None:
            out = entry.override.detach().to(out).clone()
        out = self.edit_input(entry.name, out)
        if self.grad_mode:
            with torch.enable_grad():
                leaf = out if out.requires_grad else out.detach().requires_grad_()
                entry.edge = get_gradient_edge(leaf)
                out = leaf.clone()
        entry.value = out.detach()
        return out


class Nodes:
    """Autograd nodes of activations, for rules; notices those written out by hand, and those of a part of a tensor."""

    def __init__(self) -> None:
        self.found: list[Node] = []
        self.composed: list[Place] = []
        self.partial: list[Place] = []
        self._gates: dict[int, tuple[Tensor, Any]] = {}

    def add(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any, place: Place) -> None:
        """Look at one call."""
        if name in ACTIVATIONS and isinstance(out, Tensor) and out.grad_fn is not None:
            if args and out is args[0] and out._is_view() and out._base is not None and out._base.requires_grad:
                self.partial.append(place)
            self.found.append((name, out.grad_fn))
        if name in ("sigmoid", "tanh", "erf", "softplus") and isinstance(out, Tensor):
            source = args[0] if args else kwargs.get("input")
            inner = self._gates.get(id(source))
            self._gates[id(out)] = (out, inner[1] if inner and name == "tanh" else source)
        elif name in ("mul", "add") and len(args) == 2:
            a, b = args
            for gate, other in ((a, b), (b, a)):
                known = self._gates.get(id(gate))
                if known is None:
                    continue
                if (name == "mul" and other is known[1]) or (
                    name == "add" and isinstance(other, (int, float)) and other == 1
                ):
                    self.composed.append(place)


def is_input(site: Site) -> bool:
    """Whether a site is the model's input."""
    return site.path == "" and not site.op and not site.role and site.side == "in"


def _reads(ids: Tensor, entered: Tensor) -> bool:
    if storage_of(ids) == storage_of(entered):
        return ids.numel() == entered.numel()
    return ids.shape == entered.shape and not ids.is_floating_point() and torch.equal(ids.to(entered), entered)
