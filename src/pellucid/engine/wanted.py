"""What a group of passes wants of one forward: places to tap, parameters to free, where it may stop."""

from collections.abc import Sequence

from torch import Tensor

from pellucid.core.sites import Place, Site
from pellucid.engine.edits import Edit
from pellucid.engine.looker import Looker
from pellucid.engine.member import Member
from pellucid.engine.passes import Keep, layer_key
from pellucid.engine.recording import Recording, is_input
from pellucid.engine.roles import Reader
from pellucid.engine.taps import Tap, Wish

Candidates = list[tuple[Site, Tap]]


def wishes_of(members: Sequence[Member], reader: Reader | None) -> tuple[list[Wish], Candidates]:
    """Concrete wishes; roles that only this forward's own trace can resolve become candidates."""
    wishes: list[Wish] = []
    candidates: Candidates = []
    for member in members:
        if member.unit is not None:
            wishes.append(Wish(member.unit, value=True, grad=member.differentiates))
        kept = {layer_key(one) for one in member.ask.keep if not isinstance(one, Keep)}
        for layer in (*member.ask.keep, *member.ask.grads, *member.ask.attention):
            key = layer_key(layer)
            reduce = layer.reduce if isinstance(layer, Keep) else None
            for site in member.sites[key]:
                if is_input(site) or site.side.startswith(":"):
                    continue
                value, grad = key in kept, key in member.graded
                if not site.role:
                    wishes.append(Wish(site, value, grad, reduce))
                elif reader is None:
                    candidates.append((site, Tap(value, grad, (reduce,) if reduce else ())))
                else:
                    wishes += [
                        Wish(Site(place.path, place.call, place.op, place.n, site.side), value, grad, reduce)
                        for place in reader.places(site.role)
                    ]
    return wishes, candidates


def leaves_of(
    looker: Looker,
    members: Sequence[Member],
    edits: Sequence[tuple[Site, Edit]],
    state: dict[str, Tensor],
    recording: Recording,
) -> dict[str, Tensor]:
    """Parameters as this forward uses them, by name.

    Edited ones go into `state`; frozen ones whose gradient is wanted are replaced there by leaves on the same memory.
    """
    for site, edit in edits:
        for name, parameter in looker.named(site):
            value = edit(state.get(name, parameter).detach())
            state[name] = value.requires_grad_() if recording.grad_mode else value
            recording.edited.add(id(edit))
    sites = [site for one in members for sites in one.sites.values() for site in sites]
    leaves: dict[str, Tensor] = {}
    for name, parameter in {one: value for site in sites for one, value in looker.named(site)}.items():
        base = state.get(name, parameter)
        if recording.grad_mode and not base.requires_grad and base.is_floating_point():
            base = state[name] = base.detach().requires_grad_()
        leaves[name] = base
    return leaves


def last_place(
    members: Sequence[Member], wishes: Sequence[Wish], candidates: Candidates, reader: Reader | None
) -> Place | None:
    """The place after which nothing more is wanted, if an earlier trace tells."""
    if reader is None or not wishes or candidates or any(one.wants_output for one in members):
        return None
    ends: list[int] = []
    for wish in wishes:
        side = wish.site.side
        found = [
            i
            for i, event in enumerate(reader.trace.events)
            if wish.site.matches(Place(event.path, event.call, event.op, event.n, side))
        ]
        if not found:
            return None
        ends.append(max(found))
    return reader.trace.events[max(ends)].place
