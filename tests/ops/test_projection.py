import numpy as np
import pytest
import torch

from pellucid.ops.projection import largest_positive, leading_projection


@pytest.mark.parametrize("shape", [(3, 7, 4), (2, 4, 30), (2, 5, 5), (1, 1, 6)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_it_is_the_decomposition(shape, dtype):
    cells = torch.randn(*shape, dtype=dtype)
    along, share = leading_projection(cells)
    rows = cells.double() - cells.double().mean(1, keepdim=True)
    _, lengths, vectors = torch.linalg.svd(rows, full_matrices=False)
    expected = largest_positive((rows @ vectors[:, 0, :, None])[..., 0])
    tolerance = 1e-12 if dtype == torch.float64 else 1e-6
    assert along.dtype == dtype
    np.testing.assert_allclose(along, expected, rtol=0, atol=tolerance * 10)
    if shape[1] > 1:
        np.testing.assert_allclose(share, (lengths[:, 0] ** 2) / (lengths**2).sum(1), rtol=1e-10)


def test_size_does_not_matter():
    cells = torch.randn(1, 6, 4, dtype=torch.float64)
    along, share = leading_projection(cells)
    for factor in (1e-30, 1e30):
        other, same = leading_projection(cells * factor)
        np.testing.assert_allclose(other, along * factor, rtol=1e-10)
        np.testing.assert_allclose(same, share, rtol=1e-10)


def test_alike_and_broken_cells():
    cells = torch.rand(4, 5, 3)
    cells[0] = 0.3
    cells[1, 2, 1] = torch.nan
    cells[2] = 0
    cells[0, 1] += 1e-8
    along, share = leading_projection(cells)
    assert not along[0].any() and not along[2].any() and along[1].isnan().all() and along[3].any()
    assert share[:3].tolist() == [0, 0, 0] and 0 < share[3] <= 1


def test_the_first_of_equal_magnitudes_is_positive_however_it_was_rounded():
    values = torch.tensor([[-1.0, 1.0 + 1e-9, 0.5], [0.5, -2.0, 1.0]], dtype=torch.float64)
    assert largest_positive(values).sign().tolist() == [[1, -1, -1], [-1, 1, -1]]
