import pytest
import torch

from pellucid.engine.monitor import norms
from pellucid.engine.monitor.norms import MOST, Norms, dense, moments, not_finite, piece

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


@pytest.mark.parametrize("shift", [0.0, 2.0, 3.5, 30.0, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_moments_are_those_of_the_definition(shift, dtype):
    value = (torch.randn(64, 500, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + shift).to(dtype)
    std, mean = moments(value)
    exact = value.double()
    rounding = 1e-5 if dtype == torch.float32 else 1e-12
    assert float(std) == pytest.approx(float(exact.std(correction=0)), rel=rounding)
    assert float(mean) == pytest.approx(float(exact.mean()), rel=rounding, abs=rounding)
    assert std.dtype == mean.dtype == dtype


def test_moments_of_what_is_constant_or_not_finite():
    assert [float(one) for one in moments(torch.zeros(3))] == [0.0, 0.0]
    assert [float(one) for one in moments(torch.full((3,), 7.0))] == [0.0, 7.0]
    assert all(bool(one.isnan()) for one in moments(torch.tensor([1.0, float("nan")])))
    assert not bool(moments(torch.tensor([1.0, float("inf")]))[0].isfinite())
