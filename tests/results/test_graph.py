from pellucid.results.graph import Graph
from tests.results import samples


def test_values_are_the_ends_of_the_edges():
    assert samples.graph().values.tolist() == [[0, 1], [1, 2], [2, 3], [3, 4], [2, 4], [4, 5]]
    assert Graph().values.shape == (0, 2)
    assert Graph().axes == ("edge", "end")
