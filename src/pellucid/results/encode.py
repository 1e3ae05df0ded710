"""Results as bytes: one valid safetensors file, JSON, or NPZ.

The safetensors file holds every array under a name that says where it belongs (`values`, `base.values`, `images.3`,
`curves.loss`), and in its metadata one key, `"pellucid"`: JSON with `schema`, `kind` and `fields` in the form that
`pellucid.results.pack` describes. Any safetensors library reads the numbers without pellucid.
"""

import io
import json
import math
from hashlib import sha256
from typing import Any

import numpy as np

from pellucid.core.errors import BadInput
from pellucid.core.provenance import Trace
from pellucid.core.text import Text
from pellucid.results.pack import KINDS, Packer, unpack
from pellucid.results.result import Result

SCHEMA = 1
HEADER_LIMIT = 64 << 20
JSON_LIMIT = 4096


def encode(result: Result) -> bytes:
    """One safetensors file with all of `result`; `decode` gives an equal result back."""
    from safetensors.numpy import save

    packer = Packer()
    head = {"schema": SCHEMA, "kind": result.kind, "fields": packer.pack(result, "")}
    data = save(packer.arrays, metadata={"pellucid": json.dumps(head, separators=(",", ":"), allow_nan=False)})
    if int.from_bytes(data[:8], "little") > HEADER_LIMIT:
        raise BadInput(
            Text(
                f"The text of this result is larger than {HEADER_LIMIT >> 20} MB and cannot be stored.",
                f"该结果的文字超过 {HEADER_LIMIT >> 20} MB，无法保存。",
            ),
            hint=Text(
                "keep large numbers in arrays, not in rows or attributes", "请把大量数值放在数组中，而不是行或属性中"
            ),
        )
    return data


def decode(data: bytes) -> Result:
    """The result that `encode` wrote.

    Raises:
        BadInput: not a result, written by a newer pellucid, of an unknown kind, or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    head = _head(data)
    schema, kind = head.get("schema"), head.get("kind")
    if not isinstance(schema, int):
        raise BadInput(
            Text("This safetensors file holds no result of pellucid.", "该 safetensors 文件中没有 pellucid 的结果。")
        )
    if schema > SCHEMA:
        raise BadInput(
            Text(
                f"This result was written by a newer pellucid (schema {schema}; this one reads up to {SCHEMA}).",
                f"该结果由更新版本的 pellucid 写出（格式 {schema}；此版本最高支持 {SCHEMA}）。",
            ),
            hint="pip install -U pellucid",
        )
    if kind not in KINDS:
        raise BadInput(
            Text(f"'{kind}' is not a kind of result.", f"'{kind}' 不是结果的种类。"), nearest=", ".join(KINDS)
        )
    try:
        result = unpack(head["fields"], load(data))
    except (SafetensorError, KeyError, TypeError, ValueError, IndexError) as error:
        raise BadInput(Text(f"This result is damaged: {error}.", f"该结果已损坏：{error}。")) from error
    if not isinstance(result, KINDS[kind]):
        raise BadInput(
            Text(
                "This result is damaged: its fields are those of another kind.", "该结果已损坏：其字段属于另一种结果。"
            )
        )
    return result


def _head(data: bytes) -> dict[str, Any]:
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(HEADER_LIMIT, len(data) - 8):
        raise BadInput(
            Text(
                f"This is not a result of pellucid: its header claims {size} bytes"
                f" (at most {HEADER_LIMIT} are read) in a file of {len(data)}.",
                f"这不是 pellucid 的结果：{len(data)} 字节的文件，头部声称有 {size} 字节（最多读取 {HEADER_LIMIT}）。",
            )
        )
    try:
        head = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["pellucid"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(
            Text(
                "This is not a result of pellucid: no description of a result in its header.",
                "这不是 pellucid 的结果：头部没有对结果的描述。",
            )
        ) from error
    return head if isinstance(head, dict) else {}


def digest(result: Result) -> str:
    """SHA-256 over everything but the trace; see `Result.digest`."""
    packer = Packer(skip=Trace)
    head = {"kind": result.kind, "fields": packer.pack(result, "")}
    total = sha256(json.dumps(head, separators=(",", ":"), allow_nan=False).encode())
    for name, array in packer.arrays.items():
        total.update(f"{name}{array.dtype.str}{array.shape}".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def to_json(result: Result) -> bytes:
    """Readable JSON: settings, provenance, description, and the numbers where they are few.

    An array of up to 4,096 elements is `{"dtype", "shape", "data"}` with nested lists; a larger one has `"hint"` in
    place of `"data"`. NaN and infinities are the strings "NaN", "Infinity" and "-Infinity": JSON has no such numbers.
    """
    packer = Packer()
    fields = _plain(packer.pack(result, ""), packer.arrays)
    del fields["$result"]
    record = {
        "pellucid": {"schema": SCHEMA, "kind": result.kind, "digest": result.digest},
        "description": {"en": result.describe("en"), "zh": result.describe("zh")},
        **fields,
    }
    return json.dumps(record, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False).encode(
        errors="backslashreplace"
    )


def to_npz(result: Result) -> bytes:
    """A NumPy archive: every array under its name, and `pellucid` (bytes), the JSON of the safetensors form."""
    packer = Packer()
    head = {"schema": SCHEMA, "kind": result.kind, "fields": packer.pack(result, "")}
    text = np.frombuffer(json.dumps(head, separators=(",", ":"), allow_nan=False).encode(), dtype=np.uint8)
    target = io.BytesIO()
    np.savez_compressed(target, allow_pickle=False, **{**packer.arrays, "pellucid": text})
    return target.getvalue()


def _plain(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_plain(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "$array" in value:
        return _numbers(arrays[value["$array"]], value["dtype"])
    if "$tuple" in value:
        return _plain(value["$tuple"], arrays)
    if "$map" in value:
        return {_key(key): _plain(item, arrays) for key, item in value["$map"]}
    if "$float" in value:
        return _number(float(value["$float"]))
    if "$bytes" in value:
        return value["$bytes"]
    if "$text" in value:
        return dict(zip(("en", "zh", "aside"), value["$text"], strict=False))
    return {key: _plain(item, arrays) for key, item in value.items() if key != "$type"}


def _key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(_plain(key, {}))


def _numbers(array: np.ndarray, dtype: str) -> dict[str, Any]:
    record: dict[str, Any] = {"dtype": dtype, "shape": list(array.shape)}
    if array.size > JSON_LIMIT:
        return {**record, "hint": "too many numbers for JSON: save as .npz or .safetensors"}
    data = array.tolist()
    finite = array.dtype.kind != "f" or bool(np.isfinite(array).all())
    return {**record, "data": data if finite else _each(data)}


def _each(data: Any) -> Any:
    return [_each(item) for item in data] if isinstance(data, list) else _number(data)


def _number(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
