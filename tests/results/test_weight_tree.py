import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.results.weight_tree import MOST, STEP, weight_tree

BLOCK = {"conv.weight": (8, 8, 3, 3), "bn.weight": (8,), "bn.bias": (8,), "bn.running_mean": (8,)}


def state(count):
    names = {"stem.weight": (8, 3, 3, 3)}
    names |= {f"body.{i}.{name}": shape for i in range(count) for name, shape in BLOCK.items()}
    return names | {"head.weight": (5, 8), "head.bias": (5,)}


def outline(table):
    return [(row["module"], row["numbers"]) for row in table.rows]


def test_neighbours_of_one_form_are_one_row_with_the_sum_of_all():
    table = weight_tree(state(3))
    block = sum(map(math.prod, BLOCK.values()))
    assert outline(table) == [
        ("stem", 216),
        ("body", 3 * block),
        (STEP + "0 – 2 × 3", 3 * block),
        (2 * STEP + "conv", 576),
        (2 * STEP + "bn", 24),
        ("head", 45),
    ]
    assert [row["looks"].en for row in table.rows] == [
        "convolution",
        "",
        "",
        "convolution",
        "batch normalisation",
        "linear",
    ]
    assert table.rows[-1]["shape"] == "weight 5×8 · bias 5"
    assert table.facts["buffers"] == 3 * 8


def test_numbered_children_are_in_order_whatever_the_file_says():
    shapes = dict(sorted(state(12).items()))
    assert list(shapes).index("body.10.bn.bias") < list(shapes).index("body.2.bn.bias")
    assert any(row["module"] == STEP + "0 – 11 × 12" for row in weight_tree(shapes).rows)
    shapes["body.2.conv.weight"] = (8, 8, 5, 5)
    names = [row["module"].removeprefix(STEP) for row in weight_tree(shapes, depth=2).rows]
    assert names == ["body", "0 – 1 × 2", "2", "3 – 11 × 9", "head", "stem"]


@given(
    st.dictionaries(
        st.lists(st.sampled_from("abc0"), min_size=1, max_size=4).map(".".join),
        st.lists(st.integers(0, 5), max_size=3),
        min_size=1,
        max_size=20,
    ),
    st.integers(1, 5),
)
def test_outer_rows_add_up_to_all_numbers(shapes, depth):
    table = weight_tree(shapes, depth=depth)
    total = sum(map(math.prod, shapes.values()))
    assert table.facts["numbers"] == total
    assert sum(row["numbers"] for row in table.rows if not row["module"].startswith(STEP)) == total
    assert sum(row["share"] for row in table.rows if not row["module"].startswith(STEP)) == pytest.approx(
        float(total > 0)
    )


def test_a_large_tree_is_closed_until_it_fits():
    shapes = {f"stage{i}.part{k}.weight": (i + 1, k + 1) for i in range(9) for k in range(9)}
    assert len(weight_tree(shapes).rows) == 9 <= MOST
    assert len(weight_tree(shapes, depth=9).rows) == 90


def test_types_are_told():
    table = weight_tree({"a.weight": (2, 2), "a.bias": (2,)}, {"a.weight": "bfloat16", "a.bias": "float32"})
    assert table.rows[0]["type"] == "bfloat16, float32"


@pytest.mark.parametrize(
    ("shapes", "looks"),
    [
        ({"weight_ih_l0": (8, 4), "weight_hh_l0": (8, 4)}, "recurrent layer"),
        ({"in_proj_weight": (9, 3), "in_proj_bias": (9,)}, "attention"),
        ({"weight": (7, 3)}, "linear or embedding"),
        ({"weight": (7,), "bias": (7,)}, "normalisation"),
        ({"weight": (7, 3, 5)}, "convolution"),
        ({"gamma": (7,)}, ""),
    ],
)
def test_what_a_module_looks_like(shapes, looks):
    table = weight_tree({f"m.{name}": shape for name, shape in shapes.items()})
    assert table.rows[0]["looks"].en == looks


def test_nothing_and_names_without_modules():
    assert weight_tree({}).rows == ()
    assert outline(weight_tree({"weight": (2, 3), "": (1,)})) == [("", 7)]
