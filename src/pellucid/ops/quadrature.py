"""Nodes and weights of numerical integration over 0..1."""

import numpy as np


def gauss_legendre(n: int) -> tuple[list[float], list[float]]:
    """`n` nodes and weights; exact for polynomials up to degree `2 n - 1`."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return ((nodes + 1) / 2).tolist(), (weights / 2).tolist()
