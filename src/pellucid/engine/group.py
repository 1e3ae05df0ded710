"""Passes that share one forward: what they want together, one backward per (target, rule), and what each is shown."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from pellucid.core.errors import BadTarget, LayerNotFound, ModelFailed, NotApplicable, PellucidError
from pellucid.core.sites import Place, Site
from pellucid.engine.delivery import Delivery
from pellucid.engine.looker import Session, entries_of
from pellucid.engine.member import Key, Member, Shared, parameter_place
from pellucid.engine.memory import out_of_memory
from pellucid.engine.passes import Keep, Layer, Pass, Seen, layer_key
from pellucid.engine.recording import Recording, is_input
from pellucid.engine.roles import Reader
from pellucid.engine.rules import Rule
from pellucid.engine.taps import Taps
from pellucid.engine.targets import Target
from pellucid.engine.units import Unit, resolve_unit, start_of
from pellucid.engine.wanted import last_place, leaves_of, wishes_of


def run_group(session: Session, passes: list[Pass]) -> list[Seen | PellucidError]:
    """One forward for all of `passes`, which must be equal in input, edits and state.

    Returns:
        For each pass what it was shown, or what went wrong with it alone.
    Raises:
        ModelFailed: the shared forward raised.
    """
    members = [_member(session, one) for one in passes]
    live = [one for one in members if one.error is None]
    if live:
        Group(session, live).run()
    return [one.seen if one.seen is not None else (one.error or NotApplicable("nothing was seen")) for one in members]


def _member(session: Session, ask: Pass) -> Member:
    member = Member(ask)
    try:
        for layer in (*ask.keep, *ask.grads):
            key = layer_key(layer)
            member.sites[key] = [
                session.looker.site(one) for one in _each(layer.site if isinstance(layer, Keep) else layer)
            ]
            if session.looker.scripted:
                _refuse_scripted(member.sites[key])
        member.graded = {layer_key(layer) for layer in ask.grads}
        if ask.target is not None and isinstance(ask.target.asked, Unit):
            member.unit = _unit_site(session, ask.target.asked, with_loss=ask.target.loss is not None)
        if ask.graph and session.looker.scripted:
            raise NotApplicable(
                "the model is scripted (torch.jit): its operations cannot be seen",
                hint="look at the original nn.Module",
            )
        if ask.rules is not None and session.looker.unseen:
            raise NotApplicable(
                f"{ask.rules.name} needs to see every activation, but '{session.looker.unseen[0]}' is scripted",
                hint="look at the original nn.Module",
            )
    except PellucidError as error:
        member.error = error
    return member


def _unit_site(session: Session, unit: Unit, *, with_loss: bool) -> Site:
    site = session.looker.site(unit.layer)
    if with_loss:
        raise NotApplicable("a loss needs a label, not a unit inside the network", hint="give the class as target=")
    if site.role or site.is_glob or is_input(site) or site.side.startswith(":"):
        raise BadTarget(f"a unit lies in one layer; '{unit.layer}' is a role, a pattern, an input or a parameter")
    if session.looker.scripted:
        _refuse_scripted([site])
    return site


def _each(layer: Layer) -> Iterable[Layer]:
    return layer if isinstance(layer, tuple) else (layer,)


def _refuse_scripted(sites: list[Site]) -> None:
    for site in sites:
        if site.role or site.op or site.path or site.side not in ("in", "out"):
            raise NotApplicable(
                f"the model is scripted (torch.jit): '{site}' inside it cannot be seen",
                hint="look at the original nn.Module; input gradients work on scripted models",
            )


class Group:
    """One shared forward and the backwards on it."""

    def __init__(self, session: Session, members: list[Member]) -> None:
        self.session, self.members = session, members
        self.x, self.edits = members[0].ask.x, members[0].ask.edits
        self.looker = session.looker
        self.grad_mode = any(one.graded for one in members)
        self.state: dict[str, Tensor] = dict(members[0].ask.state or {})
        reader = self.looker.traces.get(self.x.signature)
        wishes, candidates = wishes_of(members, reader)
        edits = [(self.looker.site(edit.site), edit) for edit in self.edits]
        sites = [site for one in members for sites in one.sites.values() for site in sites] + [
            site for site, _ in edits
        ]
        entering = self.grad_mode or any(map(is_input, sites)) or bool(self.x.embedded)
        recording = Recording(
            Taps(wishes, edits, candidates),
            grad_mode=self.grad_mode,
            rules=any(one.ask.rules for one in members),
            graph=any(one.ask.graph for one in members),
            last=last_place(members, wishes, candidates, reader),
            entries=entries_of(self.x) if entering else {},
        )
        leaves = leaves_of(self.looker, members, edits, self.state, recording)
        self.shared = Shared(self.looker, recording, reader, leaves)

    def run(self) -> None:
        """Forward, targets, backwards, delivery."""
        recording = self.shared.recording
        raw = self.session.forward(self.x, recording, state=self.state)
        output: Tensor | None = None
        if recording.trace.complete:
            self._remember()
            output = self._explained(raw)
        self._check_edits()
        self._score(output, raw)
        self._backward()
        delivery = Delivery(self.shared)
        for member in self.members:
            if member.error is None:
                try:
                    member.seen = delivery.seen(member, output)
                except PellucidError as error:
                    member.error = error
        self.session.kept_bytes += delivery.kept_bytes
        recording.captures.clear()

    def _remember(self) -> None:
        known, signature = self.looker.traces, self.x.signature
        if signature not in known or self.edits:
            reader = Reader(self.shared.recording.trace, self.looker.modules)
            self.shared.reader = reader if self.edits else known.setdefault(signature, reader)

    def _check_edits(self) -> None:
        missed = [edit for edit in self.edits if id(edit) not in self.shared.recording.edited]
        for one in self.members if missed else ():
            one.error = one.error or LayerNotFound(
                f"nothing in this forward is called '{missed[0].site}', so nothing was edited",
                nearest=self.looker.neighbours(str(missed[0].site)),
            )

    def _explained(self, raw: Any) -> Tensor | None:
        if not any(one.wants_output for one in self.members):
            return None
        try:
            return self.session.explained(raw)
        except PellucidError as error:
            for one in self.members:
                takes_raw = one.ask.target is not None and callable(one.ask.target.asked)
                one.error = one.error or (error if one.ask.target is not None and not takes_raw else None)
            return None

    def _score(self, output: Tensor | None, raw: Any) -> None:
        for member in self.members:
            target = member.ask.target
            if target is None or member.error is not None:
                continue
            try:
                with torch.set_grad_enabled(self.grad_mode):
                    if member.unit is not None:
                        self._score_unit(member, target, member.unit)
                        continue
                    member.resolved = target.resolve(output, raw)
                    seen = raw if member.resolved.raw or output is None else output
                    member.score = member.resolved.pick(seen, member.ask.start).reshape(-1)
            except PellucidError as error:
                member.error = error

    def _score_unit(self, member: Member, target: Target, site: Site) -> None:
        found = [(key, one) for key, one in self.shared.recording.captures.items() if self.shared.denotes(site, key)]
        value = found[0][1].value if len(found) == 1 else None
        if value is None:
            raise BadTarget(
                f"a unit lies in one place; '{site}' is {len(found)} places in this forward",
                hint="name one call: 'pool#0'",
            )
        (place, _), capture = found[0]
        if target.resolved is None:
            layout = self.shared.reader.layout(place) if self.shared.reader is not None else None
            where = self.shared.recording.trace.address(place)
            target.resolved = resolve_unit(target.asked, value, layout, where)
        member.resolved, member.score = target.resolved, target.resolved.pick(value, member.ask.start)
        if capture.edge is not None:
            member.start = (capture.edge, start_of(target.resolved, value))

    def _backward(self) -> None:
        jobs: dict[Any, list[Member]] = {}
        for member in self.members:
            if member.error is None and member.graded and member.resolved is not None:
                jobs.setdefault((member.resolved.key, member.ask.rules), []).append(member)
        for i, ((_, rule), members) in enumerate(jobs.items()):
            try:
                self._refuse_rule(rule)
                self._one_backward(members, rule, retain=i + 1 < len(jobs))
            except PellucidError as error:
                for one in members:
                    one.error = error
            except Exception as error:
                if out_of_memory(error):
                    raise
                failed = ModelFailed(
                    f"the backward raised {type(error).__name__}: {error}", trace=self.shared.recording.trace
                )
                failed.__cause__ = error
                for one in members:
                    one.error = failed

    def _refuse_rule(self, rule: Rule | None) -> None:
        if rule is None or self.shared.recording.nodes is None:
            return
        trace = self.shared.recording.trace
        if self.shared.recording.nodes.composed:
            place = trace.address(self.shared.recording.nodes.composed[0])
            raise NotApplicable(
                f"{rule.name}: the activation at '{place}' is composed in Python (like x*sigmoid(x)), "
                "it has no single operation whose backward could be replaced",
                hint="use the built-in activation (F.silu, F.gelu), or saliency",
            )
        if any(event.op == "rnn_relu" for event in trace.events):
            raise NotApplicable(f"{rule.name}: the ReLU inside torch.rnn_relu cannot be reached")

    def _one_backward(self, members: list[Member], rule: Rule | None, *, retain: bool) -> None:
        lead = members[0]
        score = lead.score
        if score is None or lead.resolved is None:
            return
        total = lead.resolved.total(score)
        edges: dict[Key, Any] = {}
        for member in members:
            for key in member.graded:
                for site in member.sites[key]:
                    edges.update(self._edges(site))
        if not total.requires_grad and lead.start is None:
            raise NotApplicable(
                "the output carries no gradient: the model detaches it, rounds it, or runs under no_grad inside",
                hint="methods that need no gradient still work (activation_maps, occlusion)",
            )
        if not edges:
            return
        outputs, starts = ([total], None) if lead.start is None else ([lead.start[0]], [lead.start[1]])
        grads = self.session.backward(self.shared.recording, outputs, list(edges.values()), rule, retain, starts)
        found = dict(zip(edges, grads, strict=True))
        for member in members:
            member.gradients = found

    def _edges(self, site: Site) -> dict[Key, Any]:
        recording = self.shared.recording
        if site.side.startswith(":"):
            leaves = {name: self.shared.leaves[name] for name, _ in self.looker.named(site, self.shared.reader)}
            return {
                (parameter_place(name), ""): get_gradient_edge(leaf)
                for name, leaf in leaves.items()
                if leaf.requires_grad
            }
        if is_input(site):
            return {
                (Place("", side="in"), name): entry.edge
                for name, entry in recording.entries.items()
                if entry.edge is not None and site.field in ("", name)
            }
        return {
            key: capture.edge
            for key, capture in recording.captures.items()
            if capture.edge is not None and self.shared.denotes(site, key)
        }
