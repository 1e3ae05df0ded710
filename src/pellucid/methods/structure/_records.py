"""A trace as records of operations, of what flows between them, and of the calls of modules around them."""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from pellucid.engine.graphs.detail import Note
from pellucid.engine.trace import Event, Trace

Record = dict[str, Any]
_SHOWN = (
    "in_features",
    "out_features",
    "in_channels",
    "out_channels",
    "kernel_size",
    "stride",
    "padding",
    "groups",
    "dilation",
    "num_features",
    "num_heads",
    "embed_dim",
    "hidden_size",
    "p",
    "eps",
)
_SUMMED = ("parameters", "flops", "memory")


def records(
    trace: Trace,
    modules: Mapping[str, nn.Module],
    held: Mapping[str, Tensor],
    counted: Mapping[str, Tensor],
    figures: Mapping[str, Mapping[int, float]],
) -> tuple[list[Record], list[Record], list[Record]]:
    """Nodes, edges and calls of modules.

    Args:
        modules: by path.
        held: parameters and buffers by name.
        counted: those of them whose elements are counted, each where it is read first.
        figures: what else is known of calls, each by event: `time`, `gradient`.
    """
    nodes, edges, ids = _operations(trace, modules, held, counted, figures)
    links = trace.links
    if links.outputs:
        end = next((event for event in reversed(trace.events) if not event.path and not event.op), None)
        nodes.append(_node(len(nodes), "output", "", "output", () if end is None else end.shape))
        nodes[-1]["dtype"] = "" if end is None else str(end.dtype).removeprefix("torch.")
        last = len(nodes) - 1
        edges += [{"source": ids[maker], "sink": last, "shape": each} for maker, each in dict.fromkeys(links.outputs)]
    return nodes, edges, _calls(trace, nodes, ids)


def _operations(
    trace: Trace,
    modules: Mapping[str, nn.Module],
    held: Mapping[str, Tensor],
    counted: Mapping[str, Tensor],
    figures: Mapping[str, Mapping[int, float]],
) -> tuple[list[Record], list[Record], dict[int, int]]:
    links = trace.links
    entered = zip(links.inputs, links.input_types, strict=True)
    nodes = [{**_node(i, "input", "", name, shape), "dtype": kind} for i, ((name, shape), kind) in enumerate(entered)]
    ids = {-1 - i: i for i in range(len(nodes))}
    first: dict[str, str] = {}
    edges: list[Record] = []
    for index, reads in links.reads.items():
        event = trace.events[index] if index < len(trace.events) else links.broken
        note = links.notes.get(index, Note())
        ids[index] = len(nodes)
        node = _node(ids[index], event.op, event.path, trace.address(event.place), event.shape)
        names = dict.fromkeys(links.names[key] for key in links.parameters.get(index, ()) if key in links.names)
        again = dict.fromkeys(first[name] for name in names if name in first)
        node["parameters"] = sum(counted[name].numel() for name in names if name in counted and name not in first)
        first.update({name: node["site"] for name in names if name in counted and name not in first})
        node["attributes"] = {
            **_settings(event, modules),
            **note.attributes,
            **({"outputs": tuple(shape for shape, _ in note.outputs)} if len(note.outputs) > 1 else {}),
            **({"parameters of": ", ".join(again)} if again else {}),
        }
        node |= {"call": event.call, "dtype": _first_type(note, event), "flops": note.flops, "memory": note.memory}
        node["weights"] = {name: tuple(held[name].shape) for name in names if name in held}
        node |= {} if note.value is None else {"value": note.value}
        node |= {name: each[index] for name, each in figures.items() if index in each}
        nodes.append(node)
        edges += [
            {"source": ids[maker], "sink": ids[index], "shape": shape}
            for maker, shape in dict.fromkeys(reads)
            if maker in ids
        ]
    return nodes, edges, ids


def _node(index: int, op: str, module: str, site: str, shape: tuple[int, ...]) -> Record:
    return {
        "id": index,
        "op": op,
        "site": site,
        "module": module,
        "call": 0,
        "shape": shape,
        "dtype": "",
        "parameters": 0,
        "attributes": {},
        "flops": 0,
        "memory": 0,
        "weights": {},
    }


def _first_type(note: Note, event: Event) -> str:
    if note.outputs or event.dtype is None:
        return note.outputs[0][1] if note.outputs else ""
    return str(event.dtype).removeprefix("torch.")


def _calls(trace: Trace, nodes: list[Record], ids: Mapping[int, int]) -> list[Record]:
    """Calls of modules that hold operations; a call holds all that ran between its beginning and its end."""
    order = sorted(index for index in ids if index >= 0)
    places, found = {}, []
    for at, one in enumerate(trace.links.modules):
        stop = len(trace.events) if one.stop is None else one.stop
        inside = order[bisect_left(order, one.start) : bisect_left(order, stop)]
        if not inside:
            continue
        first, last = ids[inside[0]], ids[inside[-1]]
        places[at] = len(found)
        held = nodes[first : last + 1]
        found.append(
            {
                "path": one.path,
                "call": one.call,
                "kind": one.kind,
                "parent": None if one.parent is None else places.get(one.parent),
                "first": first,
                "last": last,
                **{name: sum(node[name] for node in held) for name in _SUMMED},
                **({"time": sum(node["time"] for node in held)} if all("time" in node for node in held) else {}),
            }
        )
    return found


def _settings(event: Event, modules: Mapping[str, nn.Module]) -> Record:
    """Settings of the module that an operation lies in, where that is a single layer."""
    module = modules.get(event.path)
    if module is None or any(module.children()):
        return {}
    held = {name: getattr(module, name, None) for name in _SHOWN}
    return {
        "kind": type(module).__name__,
        **{name: one for name, one in held.items() if isinstance(one, (int, float, str, tuple))},
    }
