import json
from hashlib import sha256
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from pellucid.core.errors import BadInput, BadRequest
from pellucid.engine.sweeps.part import SCHEMA, Part, pack, unpack

PART = Part(
    {
        "Top(k=2)|conv": {"keys": torch.tensor([[5, 3]]), "nan": torch.zeros(1, dtype=torch.int64)},
        "Moments()|conv": {"total": torch.tensor([1.5], dtype=torch.float64)},
        "Sample()|fc": {"vectors": torch.randn(2, 3).bfloat16(), "seen": torch.tensor(7), "none": torch.zeros(0, 4)},
        "nothing": {},
    },
    read=4,
    left_out=((1, "cut short"), (3, "错误 \udcff '\"")),
    halved=2,
    missed={"Moments()|conv": 1},
)


def told_of(content: bytes) -> dict[str, Any]:
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return json.loads(header["__metadata__"]["pellucid"])


def test_a_part_comes_back_as_it_was() -> None:
    found, told = unpack(pack(PART, {"plan": "p", "node": (1, 2)}), "file")
    assert found.digest == PART.digest and told["plan"] == "p" and told["node"] == [1, 2]
    assert (found.read, found.left_out, found.halved, found.missed) == (4, PART.left_out, 2, PART.missed)
    assert found.states.keys() == PART.states.keys()
    for name, state in PART.states.items():
        assert found.states[name].keys() == state.keys()
        assert all(torch.equal(found.states[name][one], value) for one, value in state.items())
        assert all(found.states[name][one].dtype == value.dtype for one, value in state.items())


def test_every_count_and_every_bit_has_a_part_in_the_digest() -> None:
    value = torch.tensor([0.0, 1.0])
    parts = [
        Part({"a": {"x": value}}),
        Part({"a": {"x": torch.tensor([-0.0, 1.0])}}),
        Part({"a": {"x": value[:, None]}}),
        Part({"a": {"x": value.view(torch.int32)}}),
        Part({"a": {"y": value}}),
        Part({"b": {"x": value}}),
        Part({"a": {"x": value}}, read=1),
        Part({"a": {"x": value}}, left_out=((0, "why"),)),
        Part({"a": {"x": value}}, left_out=((0, "what"),)),
        Part({"a": {"x": value}}, halved=1),
        Part({"a": {"x": value}}, missed={"a": 1}),
    ]
    assert len({one.digest for one in parts}) == len(parts)
    assert Part(missed={"a": 0}).digest == Part().digest
    two = {"a": {"x": value}, "b": {"x": value}}
    assert Part(two).digest == Part(dict(reversed(two.items()))).digest


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_a_flipped_bit_anywhere_is_noticed(data: st.DataObject) -> None:
    content = bytearray(pack(PART, {"plan": "p", "batches": 3}))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadInput):
        unpack(bytes(content), "file")


def test_every_bit_of_the_header_is_watched_or_says_the_same() -> None:
    content = pack(Part({"a": {"x": torch.zeros(2)}}, 1), {"plan": "p", "batches": 3})
    right, told = unpack(content, "file")
    passed = 0
    for at in range(8 + int.from_bytes(content[:8], "little")):
        for bit in range(8):
            changed = bytearray(content)
            changed[at] ^= 1 << bit
            try:
                found = unpack(bytes(changed), "file")
            except BadInput:
                continue
            passed += 1
            assert found[0].digest == right.digest and found[1] == told
    assert passed <= 4, "only the case of hexadecimal digits may be free"


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 9, 100, -1])
def test_a_file_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(BadInput, match="'file' is not a part"):
        unpack(pack(PART, {})[:cut], "file")


def test_a_file_of_something_else_is_refused() -> None:
    for content in (b"", b"\x80\x04pickle", save({"x": torch.zeros(1)}), save({"x": torch.zeros(1)}, {"a": "b"})):
        with pytest.raises(BadInput, match="'file' is not a part"):
            unpack(content, "file")


def test_a_newer_version_is_refused_as_such() -> None:
    words = json.dumps({**told_of(pack(Part(), {})), "schema": SCHEMA + 1, "of": "tomorrow"})
    content = save({}, {"pellucid": words, "sha256": sha256(words.encode()).hexdigest()})
    with pytest.raises(BadRequest, match=f"newer version \\(schema {SCHEMA + 1}, known is {SCHEMA}\\)") as caught:
        unpack(content, "file")
    assert not isinstance(caught.value, BadInput)


def test_a_file_of_the_first_version_is_read() -> None:
    content = bytes.fromhex(FIRST)
    found, told = unpack(content, "file")
    assert told["schema"] == 1 and told["plan"] == "p" and found.read == 3
    assert found.left_out == ((2, "bad"),) and found.missed == {"a": 1}
    assert found.states["a"]["x"].tolist() == [1, -2]


FIRST = (
    "88010000000000007b225f5f6d657461646174615f5f223a7b2270656c6c75636964223a227b5c226469676573745c223a205c22636230"
    "61333034636430653533663234306133623639616235643263356238356238613465373731363336333235326461623234613831666534"
    "6131356134635c222c205c2268616c7665645c223a20302c205c226c6566745f6f75745c223a205b5b322c205c226261645c225d5d2c20"
    "5c226d69737365645c223a207b5c22615c223a20317d2c205c226e616d65735c223a205b5c22615c225d2c205c22706c616e5c223a205c"
    "22705c222c205c22726561645c223a20332c205c22736368656d615c223a20317d222c22736861323536223a2237306534343363326365"
    "66393366313266343734663536653234623239633337393930313934636464393064313334363163393731626431633662373830386522"
    "7d2c22615c753030316678223a7b226474797065223a22493634222c227368617065223a5b325d2c22646174615f6f666673657473223a"
    "5b302c31365d7d7d202020202020200100000000000000feffffffffffffff"
)
