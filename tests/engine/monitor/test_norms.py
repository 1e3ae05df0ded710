import pytest
import torch

from pellucid.engine.monitor import norms
from pellucid.engine.monitor.norms import MOST, Norms, dense, not_finite, piece

torch.set_num_threads(1)
VALUES = [
    torch.randn(3, 4),
    torch.randn(5, dtype=torch.float64),
    torch.full((100_000,), 2.0).half(),
    torch.randn(6, dtype=torch.complex64),
    torch.zeros(0),
    torch.sparse_coo_tensor([[0, 0, 2]], [[1.0], [2.0], [4.0]], (3, 1), check_invariants=True),
]


def test_norms_are_those_of_the_numbers():
    found = Norms()(VALUES)
    for norm, value in zip(found, VALUES, strict=True):
        whole = value.to_dense() if value.is_sparse else value
        plain = torch.view_as_real(whole) if whole.is_complex() else whole
        assert float(norm) == pytest.approx(float(plain.double().norm()), rel=1e-6)


def test_a_fast_way_that_is_wrong_is_not_used(monkeypatch):
    monkeypatch.setattr(norms, "_foreach_norm", lambda values, order, dtype: [torch.tensor(1.0) for _ in values])
    of = Norms()
    assert float(of([torch.full((4,), 3.0)])[0]) == 6.0
    assert of.trusted is False
    assert float(of([torch.full((4,), 5.0)])[0]) == 10.0


@pytest.mark.parametrize("shape", [(7,), (3, 4, 2, 2), (300, 300), (70_001,)])
def test_a_piece_stands_for_the_whole(shape):
    value = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    part, factor = piece(value)
    assert part.numel() <= MOST and part.data_ptr() != value.data_ptr()
    tolerance = 1e-6 if value.numel() <= MOST else 0.02  # 65,536 normal numbers: a standard error of 0.3 %
    assert float(part.norm()) * factor == pytest.approx(float(value.norm()), rel=tolerance)


def test_a_piece_of_channels_last_holds_every_element():
    value = torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last)
    part, factor = piece(value)
    assert factor == 1.0 and sorted(part.tolist()) == sorted(value.flatten().tolist())


def test_not_finite_is_counted():
    assert int(not_finite(torch.tensor([1.0, float("nan"), float("inf"), -float("inf")]))) == 3
    assert dense(torch.randn(2, dtype=torch.complex64)).shape == (2, 2)
