import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from pellucid.ops.heads import divergences, habits, plane

EYE = torch.eye(5, dtype=torch.float64)


def one(matrix: torch.Tensor) -> torch.Tensor:
    return matrix[None, None]


def test_known_heads() -> None:
    uniform = habits(one(torch.full((5, 5), 0.2, dtype=torch.float64)))
    assert uniform.entropy.item() == pytest.approx(math.log(5)) and uniform.spread.item() == pytest.approx(1)
    assert uniform.distance.item() == pytest.approx(1.6) and uniform.first.item() == pytest.approx(0.2)
    own = habits(one(EYE))
    assert (own.entropy.item(), own.spread.item(), own.distance.item(), own.own.item()) == (0, 0, 0, 1)
    before = habits(one(EYE.roll(-1, 1)))
    assert before.before.item() == 1 and before.after.item() == 0 and before.own.item() == 0
    assert before.distance.item() == pytest.approx((4 * 1 + 4) / 5)
    causal = torch.tril(torch.ones(5, 5, dtype=torch.float64))
    causal = causal / causal.sum(1, keepdim=True)
    assert habits(one(causal)).spread.item() == pytest.approx(4 / 5)
    first = torch.zeros(5, 5, dtype=torch.float64)
    first[:, 0] = 1
    assert habits(one(first)).first.item() == 1 and habits(one(first)).entropy.item() == 0


def test_what_does_not_count() -> None:
    weights = torch.rand(2, 3, 4, 4, dtype=torch.float64).softmax(-1)
    counted = torch.tensor([[True, True, False, False], [True, True, True, True]])
    spoiled = weights.clone()
    spoiled[0, :, 2] = 0
    spoiled[0, :, 3] = EYE[3, :4]
    mine, theirs = habits(weights, counted), habits(spoiled, counted)
    assert all(torch.equal(getattr(mine, name), getattr(theirs, name)) for name in ("entropy", "distance", "first"))
    marked = torch.tensor([[False, True, False, True]]).expand(2, -1)
    share = habits(weights, marked=marked).marked
    assert torch.allclose(share, weights[..., [1, 3]].sum(-1).mean((0, 2)))
    assert habits(weights[..., :3], aligned=False).distance.isnan().all()
    assert not habits(weights[..., :3]).entropy.isnan().any()


def test_entropy_and_divergence_are_scipy_s() -> None:
    weights = torch.randn(4, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).softmax(-1)
    found = habits(weights[None]).entropy.numpy()
    assert found == pytest.approx(entropy(weights.numpy(), axis=-1).mean(-1), rel=1e-12)
    apart = divergences(weights)
    for i in range(4):
        for j in range(4):
            theirs = (jensenshannon(weights[i].numpy(), weights[j].numpy(), axis=-1) ** 2).mean()
            assert float(apart[i, j]) == pytest.approx(theirs, abs=1e-12)
    assert torch.equal(apart, apart.T) and not apart.diagonal().any() and float(apart.max()) <= math.log(2)
    far = divergences(torch.stack([EYE, EYE.roll(1, 1), EYE]))
    assert float(far[0, 1]) == pytest.approx(math.log(2)) and float(far[0, 2]) == 0


@given(st.integers(2, 6))
def test_the_plane_reproduces_distances_of_points_in_it(count: int) -> None:
    points = torch.randn(count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(count))
    found, shown = plane(torch.cdist(points, points) ** 2)
    assert torch.allclose(torch.cdist(found, found), torch.cdist(points, points), atol=1e-7)
    assert shown == pytest.approx(1)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(1))
    again, _ = plane((torch.cdist(points, points) ** 2)[order][:, order])
    assert torch.allclose(again.abs(), found[order].abs(), atol=1e-7)


def test_one_point_and_equal_points() -> None:
    assert plane(torch.zeros(1, 1))[0].tolist() == [[0, 0]]
    found, shown = plane(torch.zeros(3, 3))
    assert not found.any() and shown == 1
