import math

import pytest

from pellucid.render.collapse import closed
from pellucid.render.overlay import overlay
from pellucid.results.quantities import QUANTITIES
from tests.render.graphs import blocks

GIVEN = {
    "flops": 10,
    "memory": 2_000_000,
    "time": 0.002,
    "value": {"rms": 0.5, "dead": 0.25},
    "gradient": {"rms": 2.0},
    "kept": 0.5,
}


def bars(name, **changes):
    net = blocks(1)
    for node in net.nodes:
        node.update({**GIVEN, **changes})
    boxes, _ = net.collapse(depth=1)
    return overlay(name, net.nodes, closed(boxes)), net


@pytest.mark.parametrize(
    ("name", "of_body", "full"),
    [
        ("parameters", 9, "9"),
        ("flops", 40, "40 FLOP"),
        ("memory", 8_000_000, "8 MB"),
        ("time", 0.008, "8 ms"),
        ("activation", 0.5, "0.5"),
        ("gradient", 2.0, "2"),
        ("kept", 0.5, "100%"),
        ("dead", 0.25, "100%"),
    ],
)
def test_what_is_spent_adds_up_and_what_is_measured_is_that_of_the_output(name, of_body, full):
    made, _ = bars(name)
    assert made.values[1] == pytest.approx(of_body)
    assert made.words.en.endswith(f"full at {full}")
    assert made.share(1) == pytest.approx({"dead": 0.25, "kept": 0.5}.get(name, 1.0))


def test_every_quantity_has_its_words():
    for name in QUANTITIES:
        made, _ = bars(name)
        assert made.words.en != made.words.zh


def test_what_no_node_has_is_no_bar():
    assert overlay("time", blocks(1).nodes, closed(blocks(1).collapse()[0])) is None


def test_measures_over_many_powers_of_ten_are_drawn_in_equal_factors():
    net = blocks(1)
    for node in net.nodes:
        node["gradient"] = {"rms": 10.0 ** -node["id"]}
    made = overlay("gradient", net.nodes, closed(net.collapse(depth=9)[0]))
    assert made.logarithmic
    assert [made.share(i) for i in range(3)] == pytest.approx([1.0, 0.8, 0.6])
    assert "0.00001 to 1" in made.words.en or "1e-5 to 1" in made.words.en


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_has_no_bar(value):
    net = blocks(1)
    for node in net.nodes:
        node["value"] = {"rms": value if node["id"] == 1 else 1.0}
    made = overlay("activation", net.nodes, closed(net.collapse(depth=9)[0]))
    assert made.share(1) is None
    assert made.share(2) == 1.0
