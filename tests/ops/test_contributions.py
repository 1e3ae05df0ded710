import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from pellucid.ops import contributions
from pellucid.ops.contributions import lengths, products, rank_agreement, together


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


WEIGHTS = drawn(2, 3, 4, 5, seed=0).softmax(-1)
VALUES, PROJECTION = drawn(2, 3, 5, 6, seed=1), drawn(3, 6, 7, seed=2)


def by_hand(weights: Tensor, values: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """`(row, head, query, key)` and `(row, query, key)`: every vector for itself."""
    each, whole = torch.zeros_like(weights), torch.zeros_like(weights[:, 0])
    for r, i, j in torch.cartesian_prod(*map(torch.arange, whole.shape)).tolist():
        vectors = [weights[r, h, i, j] * values[r, h, j] @ weight[h] for h in range(weights.shape[1])]
        each[r, :, i, j] = torch.stack([one.norm() for one in vectors])
        whole[r, i, j] = torch.stack(vectors).sum(0).norm()
    return each, whole


@pytest.mark.parametrize("piece", [2**22, 40, 1])
def test_norms_of_heads_and_of_their_sum(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contributions, "_PIECE", piece)
    each, whole = by_hand(WEIGHTS, VALUES, PROJECTION)
    torch.testing.assert_close(WEIGHTS * lengths(VALUES, PROJECTION)[:, :, None], each, rtol=1e-12, atol=0)
    found = together(WEIGHTS, products(VALUES, PROJECTION))
    torch.testing.assert_close(found, whole, rtol=1e-10, atol=1e-12)
    assert bool((found <= each.sum(1) + 1e-12).all())


def test_without_a_projection_heads_stand_side_by_side() -> None:
    side_by_side = torch.eye(18, dtype=torch.float64).reshape(3, 6, 18)
    torch.testing.assert_close(products(VALUES, None), products(VALUES, side_by_side))
    torch.testing.assert_close(lengths(VALUES, None), lengths(VALUES, side_by_side))


def test_heads_that_cancel_leave_nothing() -> None:
    values, weight = VALUES[:, :1].repeat(1, 2, 1, 1), torch.stack([PROJECTION[0], -PROJECTION[0]])
    same = WEIGHTS[:, :1].repeat(1, 2, 1, 1)
    found, each = together(same, products(values, weight)), same * lengths(values, weight)[:, :, None]
    assert float(found.max()) < 1e-7 * float(each.max()) and bool((each > 0).all())


def test_what_has_no_values_adds_nothing() -> None:
    values = VALUES.clone()
    values[:, :, 2] = 0
    assert not together(WEIGHTS, products(values, PROJECTION))[..., 2].any()
    assert not lengths(values, PROJECTION)[..., 2].any()


def test_in_single_precision_it_is_as_exact_as_that() -> None:
    found = together(WEIGHTS.float(), products(VALUES.float(), PROJECTION.float()))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), by_hand(WEIGHTS, VALUES, PROJECTION)[1], rtol=1e-5, atol=1e-6)


def test_ranks_agree_as_spearman_says() -> None:
    norms = (WEIGHTS * drawn(2, 3, 1, 5, seed=3).abs()).round(decimals=1)
    weights = WEIGHTS.clone()
    weights[0, :, :, 3:] = 0
    weights[1, 0, 0, 1:] = 0
    norms[0, 0, 0] = 0.2
    expected = []
    for row in range(2):
        found = []
        for head in range(3):
            for query in range(4):
                allowed = weights[row, head, query] > 0
                first, second = weights[row, head, query][allowed], norms[row, head, query][allowed]
                if len(first) > 2 and len(set(second.tolist())) > 1:
                    found.append(spearmanr(first, second).statistic)
        expected.append(sum(found) / len(found))
    assert rank_agreement(weights, norms).tolist() == pytest.approx(expected, abs=1e-12)


def test_with_nothing_to_order_there_is_no_agreement() -> None:
    assert bool(rank_agreement(WEIGHTS[..., :2], WEIGHTS[..., :2]).isnan().all())
    assert rank_agreement(WEIGHTS, WEIGHTS * 3).tolist() == pytest.approx([1, 1])
    assert rank_agreement(WEIGHTS, 1 - WEIGHTS).tolist() == pytest.approx([-1, -1])
