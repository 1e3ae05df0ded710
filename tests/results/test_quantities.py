from pellucid.results.quantities import QUANTITIES, arithmetic, known, seconds, size, total
from tests.results import samples


def test_only_what_some_node_has_is_known():
    nodes = [dict(node) for node in samples.graph().nodes]
    assert known(nodes) == ["parameters"]
    nodes[2].update(flops=0, memory=1, time=1e-3, value={"rms": 1.0, "dead": 0.0}, gradient={"rms": 0.0}, kept=0.5)
    assert known(nodes) == list(QUANTITIES)
    nodes[2].update(value=None, gradient={}, kept=None)
    assert known(nodes) == ["parameters", "flops", "memory", "time"]


def test_units():
    assert [seconds(value) for value in (2.5, 0.0034, 5e-6, 2e-9)] == ["2.5 s", "3.4 ms", "5 µs", "2 ns"]
    assert [size(value) for value in (12, 3400, 2.5e6, 7e9)] == ["12 B", "3.4 kB", "2.5 MB", "7 GB"]
    assert [arithmetic(value) for value in (40, 3.6e9)] == ["40 FLOP", "3.6 GFLOP"]


def test_the_whole_is_the_sum_of_what_is_spent():
    nodes = [{**node, "flops": 2} for node in samples.graph().nodes]
    assert total(nodes, "flops") == 12
    assert total(nodes, "time") is None
