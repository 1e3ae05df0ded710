"""Passes that share one forward: what they want together, one backward per (target, rule), and what each is shown."""

from collections.abc import Iterable
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from pellucid.core.errors import BadTarget, LayerNotFound, NotApplicable, PellucidError
from pellucid.core.sites import Site
from pellucid.core.text import Text
from pellucid.engine.backward import run_backwards, score_unit
from pellucid.engine.compiled import compiler_loaded
from pellucid.engine.delivery import Delivery
from pellucid.engine.graphs.detail import Detail
from pellucid.engine.looker import Session, entries_of
from pellucid.engine.member import Member, Shared
from pellucid.engine.passes import Keep, Layer, Pass, Seen, layer_key
from pellucid.engine.receptive.forward import fields_of
from pellucid.engine.recording import Recording, is_input
from pellucid.engine.roles import Reader
from pellucid.engine.taps import Taps
from pellucid.engine.targets.aims import Resolved
from pellucid.engine.targets.units import Unit
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
    if live and not Group(session, live).run():
        Group(session, live, fresh=True).run()
    return [
        one.seen if one.seen is not None else (one.error or NotApplicable(Text("nothing was seen", "没有看到任何内容")))
        for one in members
    ]


def _member(session: Session, ask: Pass) -> Member:
    member = Member(ask)
    try:
        for layer in (*ask.keep, *ask.grads, *ask.attention):
            key = layer_key(layer)
            sites = [session.looker.site(one) for one in _each(layer.site if isinstance(layer, Keep) else layer)]
            member.sites[key] = [one.attentions for one in sites] if layer in ask.attention else sites
            if session.looker.scripted:
                _refuse_scripted(member.sites[key])
        explained = () if ask.target is None else ask.attention
        member.graded = {layer_key(layer) for layer in (*ask.grads, *explained)}
        if ask.target is not None and isinstance(ask.target.asked, Unit):
            member.unit = _unit_site(session, ask.target.asked, with_loss=ask.target.loss is not None)
        if session.looker.scripted and (ask.graph or ask.constants or ask.rules is not None):
            raise NotApplicable(
                Text(
                    "the model is scripted (torch.jit): its operations cannot be seen",
                    "模型是脚本化的（torch.jit）：看不到其中的运算",
                ),
                hint=Text("look at the original nn.Module", "请查看原来的 nn.Module"),
            )
        if ask.rules is not None and session.looker.unseen:
            raise NotApplicable(
                Text(
                    f"{ask.rules.name} needs to see every activation, but '{session.looker.unseen[0]}' is scripted",
                    f"{ask.rules.name} 需要看到每一个激活函数，而 '{session.looker.unseen[0]}' 是脚本化的",
                ),
                hint=Text("look at the original nn.Module", "请查看原来的 nn.Module"),
            )
    except PellucidError as error:
        member.error = error
    return member


def _unit_site(session: Session, unit: Unit, *, with_loss: bool) -> Site:
    site = session.looker.site(unit.layer)
    if with_loss:
        raise NotApplicable(
            Text("a loss needs a label, not a unit inside the network", "损失需要标签，不能以网络内部的单元为目标"),
            hint=Text("give the class as target=", "请用 target= 指定类别"),
        )
    if site.role or site.is_glob or is_input(site) or site.side.startswith(":"):
        raise BadTarget(
            Text(
                f"a unit lies in one layer; '{unit.layer}' is a role, a pattern, an input or a parameter",
                f"单元位于一个层；而 '{unit.layer}' 是角色、通配、输入或参数",
            )
        )
    if session.looker.scripted:
        _refuse_scripted([site])
    return site


def _each(layer: Layer) -> Iterable[Layer]:
    return layer if isinstance(layer, tuple) else (layer,)


def _refuse_scripted(sites: list[Site]) -> None:
    for site in sites:
        if site.role or site.op or site.path or site.side not in ("in", "out"):
            raise NotApplicable(
                Text(
                    f"the model is scripted (torch.jit): '{site}' inside it cannot be seen",
                    f"模型是脚本化的（torch.jit）：看不到其中的 '{site}'",
                ),
                hint=Text(
                    "look at the original nn.Module; input gradients work on scripted models",
                    "请查看原来的 nn.Module；对输入的梯度可用于脚本化模型",
                ),
            )


class Group:
    """One shared forward and the backwards on it.

    Args:
        fresh: roles are read from this very forward, not from an earlier one.
    """

    def __init__(self, session: Session, members: list[Member], *, fresh: bool = False) -> None:
        self.session, self.members = session, members
        self.x, self.edits = members[0].ask.x, members[0].ask.edits
        self.looker = session.looker
        self.grad_mode = any(one.differentiates for one in members)
        self.state: dict[str, Tensor] = dict(members[0].ask.state or {})
        reader = None if fresh else self.looker.traces.get(self.x.signature)
        wishes, candidates = wishes_of(members, reader)
        edits = [(self.looker.site(edit.site), edit) for edit in self.edits]
        sites = [site for one in members for sites in one.sites.values() for site in sites] + [
            site for site, _ in edits
        ]
        entering = self.grad_mode or any(map(is_input, sites)) or bool(self.x.embedded)
        rules = [one.ask.rules for one in members]
        through = [one for one in rules if one is not None and one.through is not None]
        recording = Recording(
            Taps(wishes, edits, candidates),
            grad_mode=self.grad_mode,
            rules=any(one is not None and one.through is None for one in rules),
            through=frozenset().union(*(one.ops for one in through)) if through else None,
            constants=any(one.ask.constants for one in members),
            projections=any(one.ask.projections for one in members),
            graph=drawn(members),
            last=None if self.looker.branches else last_place(members, wishes, candidates, reader),
            entries=entries_of(self.x) if entering else {},
        )
        leaves = leaves_of(self.looker, members, edits, self.state, recording)
        self.shared = Shared(self.looker, recording, reader, leaves)
        self.by_role = any(site.role for site in sites)

    def run(self) -> bool:
        """Forward, targets, backwards, delivery.

        Returns:
            False if the forward went another way than the one that roles were read from, or loaded the compiler and
            compiled parts of the model with it: nothing is delivered then.
        """
        recording = self.shared.recording
        fields = fields_of(self.session, self.x) if any(one.ask.fields for one in self.members) else None
        could_compile = compiler_loaded()
        raw = self.session.forward(self.x, recording, state=self.state)
        if compiler_loaded() and not could_compile:
            return False
        if self.shared.reader is not None and not recording.trace.follows(self.shared.reader.trace):
            self.looker.branches = True
            if self.by_role:
                recording.captures.clear()
                return False
            self.shared.reader = Reader(recording.trace, self.looker.modules) if recording.trace.complete else None
        output: Tensor | None = None
        if recording.trace.complete:
            self._remember()
            output = self._explained(raw)
        self._check_edits()
        self._score(output, raw)
        run_backwards(self.session, self.shared, self.members)
        delivery = Delivery(self.shared, fields)
        for member in self.members:
            if member.error is None:
                try:
                    member.seen = delivery.seen(member, output)
                except PellucidError as error:
                    member.error = error
        self.session.kept_bytes += delivery.kept_bytes
        recording.captures.clear()
        return True

    def _remember(self) -> None:
        """Keep the trace of a signature's first full forward, or of a later one that roles had to be read from."""
        if self.shared.reader is None or self.edits:
            self.shared.reader = Reader(self.shared.recording.trace, self.looker.modules)
            if not self.edits:
                self.looker.remember(self.x.signature, self.shared.reader)

    def _check_edits(self) -> None:
        missed = [edit for edit in self.edits if id(edit) not in self.shared.recording.edited]
        for one in self.members if missed else ():
            if self.shared.reader is not None and not self.shared.recording.trace.complete:
                where = missed[0].site
                one.error = one.error or NotApplicable(
                    Text(
                        f"what is looked at lies before '{where}', which is edited",
                        f"要查看的位置在被编辑的 '{where}' 之前",
                    )
                )
            one.error = one.error or LayerNotFound(
                Text(
                    f"nothing in this forward is called '{missed[0].site}', so nothing was edited",
                    f"这次前向中没有 '{missed[0].site}'，因此没有编辑任何内容",
                ),
                nearest=self.looker.neighbours(str(missed[0].site)),
            )

    def _explained(self, raw: Any) -> Tensor | None:
        if not any(one.wants_output for one in self.members):
            return None
        output: Tensor | None = None
        try:
            output = self.session.explained(raw)
            _check_rows(output, max(self.x.size, self.members[0].ask.expand))
        except PellucidError as error:
            for one in self.members:
                target = one.ask.target
                if target is not None and one.unit is None and not target.reads_whole:
                    one.error = one.error or error
        return output

    def _score(self, output: Tensor | None, raw: Any) -> None:
        for member in self.members:
            target = member.ask.target
            if target is None or member.error is not None:
                continue
            try:
                with torch.set_grad_enabled(self.grad_mode):
                    if member.unit is not None:
                        score_unit(self.shared, member, target, member.unit)
                        continue
                    member.resolved = target.resolve(output, raw, self.x.size)
                    seen = raw if member.resolved.raw or output is None else output
                    member.score = member.resolved.scores(seen, member.ask.start, variants=member.ask.expand > 1)
                    if not any(edit.grows for edit in self.edits):
                        _check_scores(member.resolved, len(member.score), self.x.size)
            except PellucidError as error:
                member.error = error


def drawn(members: list[Member]) -> bool | Detail:
    """What is recorded of the graph, for all members."""
    asked = [one.ask.graph for one in members if one.ask.graph]
    details = [one for one in asked if isinstance(one, Detail)]
    return reduce(Detail.joined, details) if details else bool(asked)


def _check_scores(resolved: Resolved, scores: int, rows: int) -> None:
    """Refuse a function that gives one number for all rows, or that of one, where there are more than the batch has.

    Raises:
        NotApplicable: which score belongs to which row is not known.
    """
    if resolved.raw and scores != rows and rows != len(resolved.infos):
        raise NotApplicable(
            Text(
                f"the target function {resolved.infos[0].label} gives {scores} numbers for {rows} rows: "
                "which belongs to which is not known",
                f"目标函数 {resolved.infos[0].label} 对 {rows} 行给出 {scores} 个数：无从得知哪个数属于哪一行",
            ),
            hint=Text(
                "one number per row, as lambda out: out[:, 3]; or batch_size=1 of the method",
                "请每行给一个数，如 lambda out: out[:, 3]；或将方法的 batch_size 设为 1",
            ),
        )


def _check_rows(output: Tensor, size: int) -> None:
    """Refuse scores that cannot be told apart by example: another number of rows would give wrong pictures.

    Raises:
        NotApplicable: the output has no values, or its first axis does not count the examples.
    """
    if output.is_meta:
        raise NotApplicable(
            Text("on the meta device the output has a shape but no values", "在 meta 设备上，输出有形状而没有数值"),
            hint=Text("flow_graph needs none", "flow_graph 不需要数值"),
        )
    if output.ndim and output.shape[0] != size:
        raise NotApplicable(
            Text(
                f"the output {tuple(output.shape)} has {output.shape[0]} rows for {size} examples: "
                "which score belongs to which example is not known",
                f"输出 {tuple(output.shape)} 有 {output.shape[0]} 行，样本却有 {size} 个：无从得知哪个得分属于哪个样本",
            ),
            hint=Text(
                "the first axis of input and output must be the batch: wrap the model, give output=, "
                "or a function as target=",
                "输入与输出的第一个轴都必须是批：请包装模型、给出 output=，或以函数作为 target=",
            ),
        )
