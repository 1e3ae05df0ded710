"""The rules of relevance propagation, restated term by term on a dense layer."""

import pytest
import torch
from torch.nn import functional

from pellucid.ops.relevance import (
    Affine,
    alpha_beta,
    flat,
    gamma,
    held,
    pulled,
    stabilized,
    stand_in,
    w_square,
    z_box,
    z_plus,
)

S = 1e-6
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(2, 5, generator=GENERATOR, dtype=torch.float64)
W = torch.randn(4, 5, generator=GENERATOR, dtype=torch.float64)
B = torch.randn(4, generator=GENERATOR, dtype=torch.float64)
R = torch.randn(2, 4, generator=GENERATOR, dtype=torch.float64)
LOW, HIGH = torch.full((1, 5), -3.0), torch.full((1, 5), 4.0)


def affine(x=X, bias=B):
    return Affine(functional.linear, x, W, bias)


def moved(z):
    return z + (S if z >= 0 else -S)


def terms(name, made, w, b):
    """What each input adds to a sum by a rule, with the sum's constant: (factor, parts, constant)."""
    up, down, z = [max(m, 0.0) for m in made], [min(m, 0.0) for m in made], sum(made) + b
    same = up if z > 0 else down
    if name == "z_plus":
        return [(1.0, up, max(b, 0.0))]
    if name == "alpha2_beta1":
        return [(2.0, up, max(b, 0.0)), (-1.0, down, min(b, 0.0))]
    if name == "gamma":
        kept = max(b, 0.0) if z > 0 else min(b, 0.0)
        return [(1.0, [m + 0.3 * c for m, c in zip(made, same, strict=True)], b + 0.3 * kept)]
    if name == "z_box":
        return [(1.0, [m + 3 * max(c, 0.0) - 4 * min(c, 0.0) for m, c in zip(made, w, strict=True)], 0.0)]
    return [(1.0, [1.0] * 5, 0.0)] if name == "flat" else [(1.0, [c * c for c in w], b**2)]


def restated(name, x, bias):
    """Relevance at the inputs, one pair of units at a time."""
    found = torch.zeros_like(x)
    for n, row in enumerate(x.tolist()):
        for k in range(4):
            w, b = W[k].tolist(), 0.0 if bias is None else float(bias[k])
            made = [value * weight for value, weight in zip(row, w, strict=True)]
            for factor, parts, constant in terms(name, made, w, b):
                for j in range(5):
                    found[n, j] += factor * parts[j] / moved(sum(parts) + constant) * R[n, k]
    return found


def found_by(name, x, bias):
    one, z = affine(x, bias), functional.linear(x, W, bias)
    return {
        "z_plus": lambda: x * z_plus(one, R, S),
        "alpha2_beta1": lambda: x * alpha_beta(one, R, 2.0, 1.0, S),
        "gamma": lambda: x * gamma(one, z, R, 0.3, S),
        "z_box": lambda: z_box(one, LOW, HIGH, R, S),
        "flat": lambda: flat(one, torch.ones_like(x), R, S),
        "w_square": lambda: w_square(one, torch.ones_like(x), R, S),
    }[name]()


@pytest.mark.parametrize("bias", [B, None], ids=["bias", "no bias"])
@pytest.mark.parametrize("x", [X, X.abs(), -X.abs()], ids=["any", "positive", "negative"])
@pytest.mark.parametrize("name", ["z_plus", "alpha2_beta1", "gamma", "z_box", "flat", "w_square"])
def test_rules_term_by_term(name, x, bias):
    torch.testing.assert_close(found_by(name, x, bias), restated(name, x, bias), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["gamma", "z_box", "flat", "w_square"])
def test_without_bias_nothing_is_lost(name):
    torch.testing.assert_close(found_by(name, X, None).sum(1), R.sum(1), rtol=1e-4, atol=1e-4)


def test_z_plus_loses_nothing_where_a_sum_is_positive():
    relevance = torch.where(functional.linear(X, W) > 0, R, 0.0)
    total = (X * z_plus(affine(bias=None), relevance, S)).sum(1)
    torch.testing.assert_close(total, relevance.sum(1), rtol=1e-4, atol=1e-4)


def test_alpha_one_is_z_plus():
    assert torch.equal(alpha_beta(affine(), R, 1.0, 0.0, S), z_plus(affine(), R, S))


def test_z_plus_hands_on_no_less_than_nothing():
    assert (X * z_plus(affine(), R.abs(), S) >= 0).all()


def test_gamma_without_end_is_z_plus_where_sums_are_positive():
    x = X.abs()
    z = functional.linear(x, W)
    relevance = torch.where(z > 0, R, 0.0)
    one = affine(x, None)
    torch.testing.assert_close(gamma(one, z, relevance, 1e12, S), z_plus(one, relevance, S), rtol=1e-5, atol=1e-6)


def test_a_convolution_like_its_matrix():
    x = torch.randn(1, 2, 5, generator=GENERATOR, dtype=torch.float64)
    w = torch.randn(3, 2, 2, generator=GENERATOR, dtype=torch.float64)
    r = torch.randn(1, 3, 4, generator=GENERATOR, dtype=torch.float64)
    basis = torch.eye(10, dtype=torch.float64).reshape(10, 2, 5)
    matrix = functional.conv1d(basis, w).reshape(10, 12).T
    mine = z_plus(Affine(functional.conv1d, x, w), r, S)
    dense = z_plus(Affine(functional.linear, x.reshape(1, 10), matrix), r.reshape(1, 12), S)
    torch.testing.assert_close(mine.reshape(1, 10), dense)


def test_pulled_is_the_transpose():
    torch.testing.assert_close(pulled(affine(), R), R @ W)


def test_what_keeps_divisions_possible():
    z = torch.tensor([0.0, 2.0, -2.0])
    assert stabilized(z, 0.5).tolist() == [0.5, 2.5, -2.5] and held(z, 2.0).tolist() == [0.0, 0.5, 0.5]
    x = torch.tensor([0.0, -0.0, 3.0, -1e-12], dtype=torch.float64)
    assert (stand_in(x) != 0).all() and stand_in(x)[2] == 3 and stand_in(x)[3] < 0
    assert torch.allclose(torch.ones(4).double() / stand_in(x) * stand_in(x), torch.ones(4).double())
