"""A slice as a graph of layers and as curves."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from pellucid.core.text import Text
from pellucid.engine.passes import Seen
from pellucid.methods.structure._slice_tried import Trial
from pellucid.methods.structure._slice_units import Units
from pellucid.ops.kept import fewest
from pellucid.results import Graph, Series
from pellucid.results.spell import number, percent

BENT = 0.01
FINE, SHORT = 41, 24
EVERY = 99  # levels of modules that are open: each layer is a box with its units
_SHARE = Text("share θ of the contributions that is kept", "保留的贡献份额 θ")


def graph_of(seen: Seen, units: Sequence[Units], trial: Trial, theta: float, example: int) -> Graph:
    """Layers as nodes with the units that are kept; the ways between them."""
    names = [name for name, _ in seen.trace.links.inputs]
    nodes = [_node(i, "input", name, tuple(shape)) for i, (name, shape) in enumerate(seen.trace.links.inputs)]
    first = len(nodes)
    for one in units:
        nodes.append(_layer(len(nodes), one, theta, example))
    output = seen.output
    nodes.append(_node(len(nodes), "output", "output", () if output is None else tuple(output.shape)))
    flows = {i: node["attributes"].get("contribution") for i, node in enumerate(nodes)}
    edges = tuple(
        {"source": a, "sink": b, "shape": nodes[a]["shape"], "contribution": flows[a]}
        for a, b in _ways(seen, units, len(names), first)
    )
    facts = _facts(trial, theta, example)
    return Graph(
        nodes=tuple(nodes),
        edges=edges,
        targets=(seen.targets[example],),
        notes=(*_notes(facts, units, theta), *seen.notes),
        facts=facts,
        depth=EVERY,
        overlay="kept",
    )


def _node(index: int, op: str, site: str, shape: tuple[int, ...]) -> dict[str, Any]:
    return {"id": index, "op": op, "site": site, "module": "", "shape": shape, "parameters": None, "attributes": {}}


def _layer(index: int, one: Units, theta: float, example: int) -> dict[str, Any]:
    amounts = one.contributions[example]
    kept = fewest(one.contributions, theta)[example]
    order = amounts.abs().argsort(descending=True, stable=True)
    chosen = order[kept[order]]
    event = one.spot.event
    what = one.spot.place.op or (event.kind if event else "")
    attributes: dict[str, Any] = {
        "kept": int(kept.sum()),
        "total": one.count,
        "units": tuple(chosen.tolist()),
        "contribution": float(amounts[kept].sum()),
        "of": float(amounts.sum()),
    }
    node = _node(index, f"{what} {attributes['kept']}/{one.count}", one.spot.address, tuple(one.spot.value.shape))
    # calls of one module are units apart, so each is a box of its own
    share = attributes["kept"] / max(1, one.count)
    return {**node, "module": one.spot.address.partition("/")[0], "kept": share, "attributes": attributes}


def _ways(seen: Seen, units: Sequence[Units], inputs: int, first: int) -> list[tuple[int, int]]:
    """Which layers feed which, through calls that are none of them."""
    links, events = seen.trace.links, seen.trace.events
    at = {event.place: i for i, event in enumerate(events)}
    made = sorted(links.reads)
    layer: dict[int, list[int]] = {}
    for number_, one in enumerate(units):
        before = bisect_left(made, at[one.spot.place] + 1)
        if before:
            layer.setdefault(made[before - 1], []).append(first + number_)
    reach: dict[int, frozenset[int]] = {-1 - i: frozenset({i}) for i in range(inputs)}
    ways: dict[tuple[int, int], None] = {}
    for index in made:
        sources = frozenset().union(*(reach.get(maker, frozenset()) for maker, _ in links.reads[index]))
        for node in layer.get(index, ()):
            ways.update(((source, node), None) for source in sorted(sources))
            sources = frozenset({node})
        reach[index] = sources
    last = frozenset().union(*(reach.get(maker, frozenset()) for maker, _ in links.outputs))
    ways.update(((source, first + len(units)), None) for source in sorted(last))
    return list(ways)


def _facts(trial: Trial, theta: float, example: int) -> dict[str, Any]:
    at = trial.shares.index(theta)
    random = trial.random[:, at, example]
    return {
        "theta": theta,
        "kept units": int(trial.kept[at, example]),
        "score": float(trial.full[example]),
        "score of the slice": float(trial.slices[at, example]),
        "scores of random sets": tuple(random.tolist()),
        "score of nothing": float(trial.slices[0, example]),
        "score of all that contribute": float(trial.slices[-1, example]),
    }


def _notes(facts: dict[str, Any], units: Sequence[Units], theta: float) -> list[Text]:
    total = sum(one.count for one in units)
    kept = facts["kept units"]
    random = facts["scores of random sets"]
    mean = number(float(np.mean(random))) if random else ""
    full, alone = number(facts["score"]), number(facts["score of the slice"])
    notes = [
        Text(
            f"θ = {theta:g}: {kept:,} of {total:,} units ({percent(kept / total)}). With them alone the score is {alone}, with all {full}"
            + (f", with random sets of the same sizes {mean} (mean of {len(random)})." if random else "."),
            f"θ = {theta:g}：{total:,} 个单元中的 {kept:,} 个（{percent(kept / total)}）。只保留它们得分为 {alone}，全部保留为 {full}"
            + (f"，随机保留同样多单元为 {mean}（{len(random)} 次平均）。" if random else "。"),
        )
    ]
    left = facts["score of all that contribute"]
    if abs(left - facts["score"]) > BENT * max(abs(facts["score"]), 1e-12):
        notes.append(
            Text(
                f"With every unit that contributes, and no other, the score is {number(left)}: here units without a first-order contribution matter, as the network bends or has constants behind the layers.",
                f"只保留所有贡献非零的单元时得分为 {number(left)}：一阶贡献为零的单元在此也有作用，因为网络弯曲，或这些层之后有常数项。",
            )
        )
    return notes


def trial_of(seen: Seen, trial: Trial, example: int, notes: tuple[Text, ...]) -> Series:
    """The score by share: the slice, random sets of the same sizes, everything."""
    curves = {"slice": trial.slices[:, example].numpy()}
    if len(trial.random):
        curves["random"] = trial.random[:, :, example].mean(0).numpy()
    curves["all"] = np.full(len(trial.shares), float(trial.full[example]))
    return Series(
        curves=curves,
        names={
            "slice": Text("slice alone", "只保留切片"),
            "random": Text("random sets, mean", "随机集合（平均）"),
            "all": Text("all units", "全部单元"),
        },
        positions=trial.shares,
        position_unit=_SHARE,
        unit=seen.targets[example].unit,
        targets=(seen.targets[example],),
        notes=notes,
        facts={"kept units": tuple(trial.kept[:, example].tolist()), "random": trial.random[:, :, example].tolist()},
    )


def shares_of(seen: Seen, units: Sequence[Units], example: int) -> Series:
    """How many units each layer keeps, by share."""
    shares = torch.linspace(0, 1, FINE, dtype=torch.float64).tolist()
    curves = {
        one.spot.address: np.array(
            [float(fewest(one.contributions[[example]], share).double().mean()) for share in shares]
        )
        for one in units
    }
    return Series(
        curves=curves,
        names=dict(zip(curves, map(Text, apart(list(curves))), strict=True)),
        positions=tuple(shares),
        position_unit=_SHARE,
        unit=Text("share of the layer's units that is kept", "该层保留单元的占比"),
        targets=(seen.targets[example],),
    )


def apart(addresses: Sequence[str]) -> list[str]:
    """Long addresses without what all of them share in front (but its last part) and behind."""
    if max(map(len, addresses)) <= SHORT or len(addresses) < 2:
        return list(addresses)
    parts = [one.replace("/", ".").split(".") for one in addresses]
    front = 0
    while all(len(one) > front + 1 and one[front] == parts[0][front] for one in parts):
        front += 1
    parts = [one[max(0, front - 1) :] for one in parts]
    while all(len(one) > 1 and one[-1] == parts[0][-1] for one in parts):
        parts = [one[:-1] for one in parts]
    found = [".".join(one) for one in parts]
    return found if len(set(found)) == len(found) else list(addresses)
