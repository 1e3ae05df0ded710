"""The backwards of a group: one for each distinct (target, rule), blamed on its own members."""

from collections.abc import Sequence
from typing import Any

from torch.autograd.graph import get_gradient_edge

from pellucid.core.errors import BadTarget, ModelFailed, NotApplicable, PellucidError
from pellucid.core.sites import Place, Site
from pellucid.core.text import Text
from pellucid.engine.constants import Constants
from pellucid.engine.looker import Session, out_of_memory
from pellucid.engine.member import Key, Member, Shared, parameter_place
from pellucid.engine.recording import is_input
from pellucid.engine.rules import Rule
from pellucid.engine.targets.target import Target
from pellucid.engine.targets.units import resolve_unit, start_of


def score_unit(shared: Shared, member: Member, target: Target, site: Site) -> None:
    """Fix a unit on the clean forward, read its score, and note where its backward begins."""
    found = [(key, one) for key, one in shared.recording.captures.items() if shared.denotes(site, key)]
    value = found[0][1].value if len(found) == 1 else None
    if value is None:
        raise BadTarget(
            Text(
                f"a unit lies in one place; '{site}' is {len(found)} places in this forward",
                f"单元位于一个位置；而 '{site}' 在这次前向中有 {len(found)} 个位置",
            ),
            hint=Text("name one call: 'pool#0'", "请指明某一次调用：'pool#0'"),
        )
    (place, _), capture = found[0]
    if target.resolved is None:
        layout = shared.reader.layout(place) if shared.reader is not None else None
        where = shared.recording.trace.address(place)
        target.resolved = resolve_unit(target.asked, value, layout, where)
    member.resolved = target.resolved
    member.score = target.resolved.scores(value, member.ask.start, variants=member.ask.expand > 1)
    if capture.edge is not None:
        member.start = (capture.edge, start_of(target.resolved, value))


def run_backwards(session: Session, shared: Shared, members: Sequence[Member]) -> None:
    """One backward for each distinct (target, rule); what fails there fails for its own members only."""
    jobs: dict[Any, list[Member]] = {}
    for member in members:
        if member.error is None and member.differentiates and member.resolved is not None:
            jobs.setdefault((member.resolved.key, member.ask.rules), []).append(member)
    for i, ((_, rule), some) in enumerate(jobs.items()):
        try:
            _refuse_rule(shared, rule)
            _one_backward(session, shared, some, rule, retain=i + 1 < len(jobs))
        except PellucidError as error:
            for one in some:
                one.error = error
        except Exception as error:
            if out_of_memory(error):
                raise
            failed = ModelFailed(
                Text(
                    f"the backward raised {type(error).__name__}: {error}",
                    f"反向计算引发 {type(error).__name__}：{error}",
                ),
                trace=shared.recording.trace,
            )
            failed.__cause__ = error
            for one in some:
                one.error = failed


def _refuse_rule(shared: Shared, rule: Rule | None) -> None:
    if rule is None or rule.through is not None or shared.recording.nodes is None:
        return
    trace = shared.recording.trace
    if shared.recording.nodes.composed:
        place = trace.address(shared.recording.nodes.composed[0])
        raise NotApplicable(
            Text(
                f"{rule.name}: the activation at '{place}' is composed in Python (like x*sigmoid(x)), "
                "it has no single operation whose backward could be replaced",
                f"{rule.name}：'{place}' 处的激活函数由多个 Python 运算拼成（如 x*sigmoid(x)），"
                "没有可替换其反向计算的单个运算",
            ),
            hint=Text(
                "use the built-in activation (F.silu, F.gelu), or saliency",
                "请改用内置的激活函数（F.silu、F.gelu），或使用 saliency",
            ),
        )
    if shared.recording.nodes.partial:
        place = trace.address(shared.recording.nodes.partial[0])
        raise NotApplicable(
            Text(
                f"{rule.name}: '{place}' writes into a part of another tensor, so its backward cannot be replaced",
                f"{rule.name}：'{place}' 写入另一个张量的一部分，无法替换其反向计算",
            ),
            hint=Text(
                "apply the activation to a tensor of its own, or take saliency",
                "请让激活函数作用于独立的张量，或使用 saliency",
            ),
        )
    if any(event.op == "rnn_relu" for event in trace.events):
        raise NotApplicable(
            Text(
                f"{rule.name}: the ReLU inside torch.rnn_relu cannot be reached",
                f"{rule.name}：无法触及 torch.rnn_relu 内部的 ReLU",
            )
        )


def _one_backward(
    session: Session, shared: Shared, members: Sequence[Member], rule: Rule | None, *, retain: bool
) -> None:
    lead = members[0]
    score = lead.score
    if score is None or lead.resolved is None:
        return
    total = lead.resolved.total(score)
    edges: dict[Key, Any] = {}
    for member in members:
        for key in member.graded:
            for site in member.sites[key]:
                edges.update(_edges(shared, site))
        if member.ask.constants and shared.recording.following is not None:
            edges.update(constant_edges(shared.recording.following.constants))
    if not total.requires_grad and lead.start is None:
        raise NotApplicable(
            Text(
                "the output carries no gradient: the model detaches it, rounds it, or runs under no_grad inside",
                "输出不带梯度：模型将它 detach、取整，或在内部处于 no_grad 之下",
            ),
            hint=Text(
                "methods that need no gradient still work (activation_maps, occlusion)",
                "不需要梯度的方法仍可使用（activation_maps、occlusion）",
            ),
        )
    if not edges:
        return
    if rule is not None and shared.recording.following is not None:
        shared.recording.following.end(total.grad_fn if lead.start is None else lead.start[0].node)
    outputs, starts = ([total], None) if lead.start is None else ([lead.start[0]], [lead.start[1]])
    grads = session.backward(shared.recording, outputs, list(edges.values()), rule, retain, starts)
    found = dict(zip(edges, grads, strict=True))
    for member in members:
        member.gradients = found


def constant_edges(constants: Constants | None) -> dict[Key, Any]:
    """Where the gradients of constants arrive, by their own keys."""
    return (
        {} if constants is None else {(one.place, f"constant {i}"): one.edge for i, one in enumerate(constants.found)}
    )


def _edges(shared: Shared, site: Site) -> dict[Key, Any]:
    recording = shared.recording
    if site.side.startswith(":"):
        leaves = {name: shared.leaves[name] for name, _ in shared.looker.named(site, shared.reader)}
        return {
            (parameter_place(name), ""): get_gradient_edge(leaf) for name, leaf in leaves.items() if leaf.requires_grad
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
        if capture.edge is not None and shared.denotes(site, key)
    }
