import numpy as np
import pytest

from pellucid.ops.quadrature import gauss_legendre


@pytest.mark.parametrize("n", [1, 2, 3, 5, 20])
def test_polynomials_up_to_twice_the_count_are_exact(n):
    nodes, weights = map(np.array, gauss_legendre(n))
    for degree in range(2 * n):
        assert (weights * nodes**degree).sum() == pytest.approx(1 / (degree + 1), rel=1e-12)
    if n < 6:
        assert (weights * nodes ** (2 * n)).sum() != pytest.approx(1 / (2 * n + 1), rel=1e-9)


def test_nodes_lie_inside_in_order():
    nodes, weights = gauss_legendre(7)
    assert 0 < nodes[0] < nodes[-1] < 1 and nodes == sorted(nodes) and min(weights) > 0
