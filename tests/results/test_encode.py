import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from safetensors.numpy import load

from pellucid.core.errors import BadInput
from pellucid.core.text import Text
from pellucid.results import Attribution, Gallery, Matrix, Series, Table
from pellucid.results.encode import HEADER_LIMIT, SCHEMA, decode, digest, encode, to_json, to_npz
from tests.results import samples


@pytest.mark.parametrize("kind", samples.KINDS)
def test_every_kind_comes_back(kind):
    result = samples.KINDS[kind]()
    again = decode(encode(result))
    assert type(again) is type(result)
    assert again == result
    assert again.provenance == result.provenance
    assert again.provenance.trace == result.provenance.trace
    assert again.describe() == result.describe()
    assert encode(again) == encode(result)


def test_any_safetensors_library_reads_the_numbers():
    arrays = load(encode(samples.attribution()))
    assert np.array_equal(arrays["values"], samples.attribution().values)
    assert arrays["base.values"].shape == (1, 28, 28, 3)
    assert {"images.0", "images.4"} <= set(load(encode(samples.gallery())))


names = st.text(max_size=6)
floats = st.floats(allow_nan=True, allow_infinity=True)
texts = st.builds(Text, names, names)
arrays = npst.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.bool_, np.complex64, np.uint8]),
    npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | names | texts | arrays | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(names, inner, max_size=3)
        | st.dictionaries(st.integers() | st.tuples(st.integers()), inner, max_size=3)
    ),
    max_leaves=8,
)


def same(a, b) -> bool:
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, (tuple, list)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and (a == b or (a != a and b != b))


@given(
    facts=st.dictionaries(names, plain, max_size=4),
    settings=st.dictionaries(names, plain, max_size=3),
    values=arrays,
    unit=texts | names,
)
def test_what_goes_in_comes_out(facts, settings, values, unit):
    result = Matrix(values=values, facts=facts, unit=unit, provenance=samples.provenance(settings=settings))
    again = decode(encode(result))
    assert same(again.facts, result.facts)
    assert same(again.provenance.settings, settings)
    assert same(np.asarray(again.values), np.asarray(result.values))
    assert digest(again) == digest(result)
    json.loads(to_json(result))


@given(images=st.lists(npst.arrays(np.float32, npst.array_shapes(min_dims=2, max_dims=2, max_side=4)), max_size=4))
def test_ragged_galleries(images):
    result = Gallery(values=np.zeros((len(images), 1), "f4"), images=tuple(images))
    again = decode(encode(result))
    assert [image.tobytes() for image in again.images] == [image.tobytes() for image in images]


@given(cells=st.lists(st.none() | floats | st.integers(-9, 9) | names | arrays | st.tuples(st.integers()), max_size=4))
def test_cells_of_tables(cells):
    result = Table(rows=tuple({"a": cell} for cell in cells), columns={"a": Text("a")})
    again = decode(encode(result))
    assert same([row["a"] for row in again.rows], [row["a"] for row in result.rows])
    assert same(np.asarray(again.values), np.asarray(result.values))


@pytest.mark.parametrize("order", ["xy", "yx"])
def test_order_of_curves_is_kept(order):
    result = Series(curves={name: np.zeros(2) for name in order})
    assert list(decode(encode(result)).curves) == list(order)


def test_arrays_of_any_layout():
    values = np.arange(12, dtype=">f4").reshape(3, 4).T[::2]
    assert np.array_equal(decode(encode(Attribution(values=values))).values, values)


def head_of(result, **changes):
    data = encode(result)
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    head = {**json.loads(header["__metadata__"]["pellucid"]), **changes}
    header["__metadata__"]["pellucid"] = json.dumps(head)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


@pytest.mark.parametrize(
    ("data", "match"),
    [
        pytest.param(head_of(samples.matrix(), schema=SCHEMA + 1), "newer pellucid", id="newer"),
        pytest.param(head_of(samples.matrix(), schema="1"), "no result", id="schema that is no number"),
        pytest.param(head_of(samples.matrix(), kind="hologram"), "hologram", id="unknown kind"),
        pytest.param(head_of(samples.matrix(), kind="gallery"), "another kind", id="other kind"),
        pytest.param(
            head_of(samples.matrix(), fields={"$result": "matrix", "values": {"$array": "x"}}),
            "damaged",
            id="lost array",
        ),
        pytest.param(
            head_of(samples.matrix(), fields={"$result": "matrix", "surprise": 1}), "damaged", id="unknown field"
        ),
        pytest.param(head_of(samples.matrix(), fields={"$code": "x"}), "damaged", id="unknown mark"),
        pytest.param((HEADER_LIMIT + 1).to_bytes(8, "little") + b"{}" * 9, "header claims", id="oversize header"),
        pytest.param(encode(samples.matrix())[:-5], "damaged", id="cut short"),
        pytest.param(b"", "header claims", id="empty"),
        pytest.param(b"\x02" + bytes(7) + b"{}", "no description", id="no description"),
    ],
)
def test_refused(data, match):
    with pytest.raises(BadInput, match=match):
        decode(data)


def test_json_is_canonical_and_has_no_number_that_json_lacks():
    result = samples.series(facts={"worst": float("-inf")})
    record = json.loads(to_json(result), parse_constant=lambda name: pytest.fail(name))
    assert to_json(result) == to_json(samples.series(facts={"worst": float("-inf")}))
    assert record["curves"]["val"]["data"] == [3.0, 2.5, "NaN", 2.0]
    assert record["facts"]["worst"] == "-Infinity"
    assert record["marks"]["2"] == {"en": "overfits", "zh": "过拟合"}
    assert record["pellucid"] == {"schema": SCHEMA, "kind": "series", "digest": result.digest}
    assert record["description"]["en"] == result.describe()


def test_json_tells_an_aside_from_a_caution():
    notes = (Text("9 windows.", "9 个窗口。", aside=True), Text("Empty.", "为空。"))
    told = json.loads(to_json(samples.series(notes=notes)))["notes"]
    assert told == [{"en": "9 windows.", "zh": "9 个窗口。", "aside": True}, {"en": "Empty.", "zh": "为空。"}]


def test_json_leaves_large_arrays_to_other_endings():
    record = json.loads(to_json(samples.attribution(values=np.zeros((1, 100, 100)))))
    assert record["values"]["shape"] == [1, 100, 100]
    assert "data" not in record["values"]
    assert "npz" in record["values"]["hint"]


def test_npz_holds_the_arrays_and_the_rest_as_json(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(to_npz(samples.gallery()))
    with np.load(path) as archive:
        assert np.array_equal(archive["images.1"], samples.gallery().images[1])
        assert json.loads(archive["pellucid"].tobytes())["kind"] == "gallery"
