"""What each pass of a group is shown, once the forward and its backwards are over."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.sites import Place, Site
from pellucid.core.text import Text
from pellucid.engine.attention.attention import Attention
from pellucid.engine.member import Key, Member, Shared, parameter_place
from pellucid.engine.missing import ATTENTIONS, missing
from pellucid.engine.passes import Constant, Keep, Seen, Spot, layer_key
from pellucid.engine.receptive.fields import Fields
from pellucid.engine.recording import Entry, Nodes, is_input
from pellucid.engine.roles import Layout, Reader
from pellucid.engine.rules import SMOOTH, Rule
from pellucid.engine.taps import Capture
from pellucid.engine.trace import Event


class Delivery:
    """Hands out what a shared forward left behind."""

    def __init__(self, shared: Shared, fields: Fields | None = None) -> None:
        self.shared, self.recording, self.fields = shared, shared.recording, fields
        whole = shared.recording.trace
        self.trace = whole if whole.complete or shared.reader is None else whole.ended_as(shared.reader.trace)
        self.events = {event.place: event for event in self.trace.events}
        self.kept_bytes = 0
        self._counted: set[int] = set()

    def seen(self, member: Member, output: Tensor | None) -> Seen:
        """What one member asked for.

        Raises:
            NotApplicable: a place has no gradient, was overwritten, or a role has no place here.
            LayerNotFound: an address denotes nothing in this forward.
        """
        spots: dict[Any, tuple[Spot, ...]] = {}
        lazy = {layer_key(one) for one in member.ask.attention}
        for layer in (*member.ask.keep, *member.ask.grads, *member.ask.attention):
            key = layer_key(layer)
            if key in spots:
                continue
            reduce = layer.reduce if isinstance(layer, Keep) else None
            found = [
                spot for site in member.sites[key] for spot in self._spots(member, site, key in member.graded, reduce)
            ]
            if not found:
                raise missing(member.sites[key], member.notes, self.trace, self.shared.looker)
            if key in lazy:
                _refuse_others(found)
            else:
                found = [_made(spot, graded=key in member.graded) for spot in found]
            self._count(found)
            spots[key] = tuple(found)
        rule = member.ask.rules
        member.notes += _rule_notes(rule, self.recording.nodes)
        return Seen(
            spots,
            self.trace,
            None if output is None else output.detach(),
            None if member.score is None else member.score.detach(),
            member.resolved.infos if member.resolved else (),
            (*member.notes, *(member.resolved.notes if member.resolved else ())),
            constants_of(self.shared, member) if member.ask.constants else (),
            tuple(self.recording.following.met) if self.recording.following is not None and rule is not None else (),
        )

    def _count(self, spots: Iterable[Spot]) -> None:
        for spot in spots:
            for tensor in (spot.value, spot.grad):
                if not isinstance(tensor, Tensor) or spot.place.side.startswith(":"):
                    continue
                if id(tensor) not in self._counted:
                    self._counted.add(id(tensor))
                    self.kept_bytes += tensor.numel() * tensor.element_size()

    def _spots(self, member: Member, site: Site, graded: bool, reduce: Any) -> Iterable[Spot]:
        if is_input(site):
            return self._input_spots(member, site, graded)
        if site.side.startswith(":"):
            return self._parameter_spots(member, site, graded)
        found = (
            self._spot(member, site, key, capture, graded, reduce)
            for key, capture in self.recording.captures.items()
            if self.shared.denotes(site, key)
        )
        return [spot for spot in found if spot is not None]

    def _spot(self, member: Member, site: Site, key: Key, capture: Capture, graded: bool, reduce: Any) -> Spot | None:
        place, name = key
        where = self.trace.address(place) + (f"@{name}" if name else "")
        if capture.spoiled:
            raise NotApplicable(
                Text(
                    f"the value at '{where}' was overwritten by code that cannot be seen",
                    f"'{where}' 处的值被无法看到的代码覆盖了",
                )
            )
        grad = member.gradients.get(key) if graded else None
        if capture.attention is not None and (grad is not None or not graded):
            return attended(self.shared.reader, place, where, capture.attention, grad, reduce, self.events.get(place))
        if graded and grad is None:
            if capture.overwritten and not site.is_glob:
                raise NotApplicable(
                    Text(
                        f"'{where}' is a view that the model overwrites in place: its gradient is lost",
                        f"'{where}' 是被模型就地覆盖的视图：其梯度已丢失",
                    ),
                    hint=Text("take the layer before or after it", "请改用它之前或之后的层"),
                )
            if not (site.is_glob or site.role):
                raise NotApplicable(
                    Text(f"no gradient reaches '{where}' from the target", f"目标的梯度没有到达 '{where}'")
                )
            member.notes.append(_left_out(where))
            return None
        value = capture.value
        if reduce is not None:
            value = capture.reduced[id(reduce)] if id(reduce) in capture.reduced else reduce(capture.value)
        at = Place(place.path, place.call, place.op, place.n)
        reader = self.shared.reader
        layout = None if reader is None else reader.layout(at)
        if reader is not None and place.side == "in":
            layout = reader.layout_of(tuple(value.shape)) if isinstance(value, Tensor) else None
        fields = self.fields if member.ask.fields else None
        return Spot(place, where, value, grad, self.events.get(at), layout, fields=fields)

    def _input_spots(self, member: Member, site: Site, graded: bool) -> Iterable[Spot]:
        values = _entered({name: one for name, one in self.recording.entries.items() if site.field in ("", name)})
        reached = [name for name in values if member.gradients.get((Place("", side="in"), name)) is not None]
        if graded and not reached:
            raise NotApplicable(
                Text("no gradient reaches the input from the target", "目标的梯度没有到达输入"), hint=_UNREACHED
            )
        for name, value in values.items():
            grad = member.gradients.get((Place("", side="in"), name))
            if graded and grad is None:
                member.notes.append(_shown_as_zero(name))
                grad = torch.zeros_like(value)
            where = "input" if len(self.recording.entries) == 1 else f"input@{name}"
            layout = Layout("channels_first", tuple(value.shape[2:])) if value.ndim > 3 else None
            yield Spot(Place("", side="in"), where, value, grad if graded else None, layout=layout, input=name)

    def _parameter_spots(self, member: Member, site: Site, graded: bool) -> Iterable[Spot]:
        for name, _ in self.shared.looker.named(site, self.shared.reader):
            place = parameter_place(name)
            grad = member.gradients.get((place, ""))
            where = f"{place.path}{place.side}"
            if graded and grad is None:
                if not (site.is_glob or site.role):
                    raise NotApplicable(
                        Text(
                            f"no gradient reaches '{where}': this forward does not use it",
                            f"没有梯度到达 '{where}'：这次前向没有用到它",
                        )
                    )
                member.notes.append(_left_out(where))
                continue
            yield Spot(place, where, self.shared.leaves[name].detach(), grad if graded else None)


def attended(
    reader: Reader | None,
    place: Place,
    where: str,
    attention: Attention,
    grad: Tensor | None,
    reduce: Any,
    event: Event | None,
) -> Spot:
    """An attention as it was captured, with the gradient that arrived behind it and where its tokens lie."""
    queries, keys = (None if reader is None else reader.sequence(n) for n in attention.shape[2:])
    if attention.kind in ("windowed", "channel"):
        queries = keys = None
    queries, keys = (None if made else one for made, one in zip(attention.learned, (queries, keys), strict=True))
    one = replace(attention, arrived=grad, address=where, queries=queries, keys=keys)
    return Spot(place, where, None if reduce is None else reduce(one.weights), None, event, attention=one)


def _made(spot: Spot, *, graded: bool) -> Spot:
    """An attention with its probabilities and their gradient as tensors; any other place as it is."""
    if spot.attention is None:
        return spot
    value = spot.attention.weights if spot.value is None else spot.value
    return replace(spot, value=value, grad=spot.attention.gradient if graded else None)


def _refuse_others(spots: Iterable[Spot]) -> None:
    for spot in spots:
        if spot.attention is None:
            raise NotApplicable(
                Text(f"'{spot.address}' is no attention", f"'{spot.address}' 不是注意力"), hint=ATTENTIONS
            )


def constants_of(shared: Shared, member: Member) -> tuple[Constant, ...]:
    """What was added where the target's gradient came by."""
    following, reader, trace = shared.recording.following, shared.reader, shared.recording.trace
    added = following.constants if following is not None else None
    found: list[Constant] = []
    for i, one in enumerate(added.found if added is not None else ()):
        gradient = member.gradients.get((one.place, f"constant {i}"))
        if gradient is not None:
            layout = None if reader is None else reader.layout(one.place)
            found.append(Constant(one.place, trace.address(one.place), one.kind, one.value, gradient, layout))
    return tuple(found)


def _entered(entries: Mapping[str, Entry]) -> dict[str, Tensor]:
    """What entered the network, by input."""
    values: dict[str, Tensor] = {}
    for name, entry in entries.items():
        if entry.ids is not None and entry.ids.is_complex():
            raise NotApplicable(
                Text(
                    f"the input '{name}' is complex: attributions to complex numbers are not defined here",
                    f"输入 '{name}' 是复数：此处没有定义对复数的归因",
                ),
                hint=Text("give the real and the imaginary part as channels", "请将实部与虚部作为通道给出"),
            )
        if entry.value is None:
            raise NotApplicable(
                Text(
                    f"the input '{name}' is integer and no embedding reads it, so it has no gradient",
                    f"输入 '{name}' 是整数，且没有嵌入层读取它，因此没有梯度",
                )
            )
        values[name] = entry.value
    return values


_UNREACHED = Text(
    "the model detaches or rounds on the way, or does not read it; activation_maps and flow_graph need no gradient",
    "模型在途中做了 detach 或取整，或没有读取它；activation_maps 与 flow_graph 不需要梯度",
)


def _left_out(where: str) -> Text:
    return Text(f"'{where}' has no gradient and was left out.", f"'{where}' 没有梯度，已略去。")


def _shown_as_zero(name: str) -> Text:
    return Text(
        f"No gradient reaches the input '{name}' from the target: it is shown as zero.",
        f"目标的梯度没有传到输入 '{name}'：以零显示。",
    )


def _rule_notes(rule: Rule | None, nodes: Nodes | None) -> list[Text]:
    if rule is None or rule.through is not None or nodes is None:
        return []
    touched = {name for name, _ in nodes.found} & rule.ops
    if not touched:
        return [
            Text(
                "No rectifying activation was found: this equals the plain gradient.",
                "没有找到整流激活函数：结果等于普通梯度。",
            )
        ]
    smooth = sorted(touched & SMOOTH)
    if smooth:
        names = ", ".join(smooth)
        return [
            Text(
                f"The published rule is for ReLU; at {names} only negative gradients are cut (an analogue).",
                f"该规则原为 ReLU 提出；在 {names} 处仅截去负梯度（类比做法）。",
            )
        ]
    return []
