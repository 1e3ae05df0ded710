"""Items of a run as bytes and back: arrays as safetensors, everything else as JSON in its header."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from pellucid.core.errors import BadInput, BadRequest
from pellucid.engine.monitor.sample import Birth, Item, Logged, Row, Sample, Told

SCHEMA = 1


def pack(items: Sequence[Item], kind: type[Any] = np.float32) -> bytes:
    """The bytes of some items; numbers of the places as `kind`, metrics and facts in double precision."""
    samples = [one for one in items if isinstance(one, Sample)]
    logged = [one for one in items if isinstance(one, Logged)]
    names = sorted({one.name for one in logged})
    facts = sorted({name for one in samples for name in one.facts})
    arrays = {
        "step": np.array([one.step for one in samples], np.int64),
        "seconds": np.array([one.seconds for one in samples], np.float64),
        "facts": np.array([[one.facts.get(name, np.nan) for name in facts] for one in samples], np.float64),
        "logged": np.array([[one.step, names.index(one.name)] for one in logged], np.int64),
        "value": np.array([one.value for one in logged], np.float64),
    }
    for name in sorted({name for one in samples for name in one.columns}):
        having = [i for i, one in enumerate(samples) if name in one.columns]
        width = max(len(samples[i].columns[name]) for i in having)
        table = np.full((len(having), width), np.nan, kind)
        with np.errstate(over="ignore"):
            for line, i in enumerate(having):
                table[line, : len(samples[i].columns[name])] = samples[i].columns[name]
        arrays[f"column.{name}"], arrays[f"at.{name}"] = table, np.array(having, np.int64)
    told = {
        "schema": SCHEMA,
        "names": names,
        "facts": facts,
        "births": [asdict(one) for one in items if isinstance(one, Birth)],
        "told": [asdict(one) for one in items if isinstance(one, Told)],
    }
    return save(arrays, {"pellucid": json.dumps(told, ensure_ascii=False)})


def unpack(content: bytes) -> list[Item]:
    """The items; what was told comes first, in its order.

    Raises:
        BadInput: these are not the bytes of items.
        BadRequest: they are of a newer version.
    """
    try:
        arrays = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        told = json.loads(header["__metadata__"]["pellucid"])
    except Exception as error:
        raise BadInput(f"this is not a part of a run: {error}") from error
    if told["schema"] > SCHEMA:
        raise BadRequest(f"this run was written by a newer version (schema {told['schema']}, known is {SCHEMA}).")
    items: list[Item] = [_told(one) for one in told["told"]]
    columns: list[dict[str, np.ndarray]] = [{} for _ in arrays["step"]]
    for name, table in arrays.items():
        if name.startswith("column."):
            for line, i in enumerate(arrays[f"at.{name[7:]}"]):
                columns[int(i)][name[7:]] = table[line]
    for i, step in enumerate(arrays["step"].tolist()):
        facts = dict(zip(told["facts"], arrays["facts"][i].tolist(), strict=True)) if told["facts"] else {}
        facts = {name: value for name, value in facts.items() if value == value}  # noqa: PLR0124 (NaN: not measured)
        items.append(Sample(step, float(arrays["seconds"][i]), columns[i], facts))
    pairs = arrays["logged"].reshape(-1, 2).tolist()
    items += [Logged(step, told["names"][i], float(v)) for (step, i), v in zip(pairs, arrays["value"], strict=True)]
    return items + [Birth(**one) for one in told["births"]]


def _told(one: dict[str, Any]) -> Told:
    return Told(
        rows=tuple(Row(**row) for row in one["rows"]),
        order=tuple(one["order"]),
        every=None if one["every"] is None else (one["every"][0], one["every"][1]),
        step=one["step"],
        note=None if one["note"] is None else (one["note"][0], one["note"][1]),
        state=one["state"],
    )
