"""Overlap of views: as marking every element says."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pellucid.engine.graphs import overlap as module
from pellucid.engine.graphs.overlap import overlap


def marked(written: Tensor, other: Tensor) -> tuple[bool, bool]:
    """The same answer, element by element."""
    base = torch.zeros(written.untyped_storage().nbytes() // written.element_size(), dtype=torch.int64)
    first, second = (
        set(torch.arange(len(base)).as_strided(one.size(), one.stride(), one.storage_offset()).flatten().tolist())
        for one in (written, other)
    )
    return bool(first & second), bool(second - first)


def part(base: Tensor, draw: st.DrawFn) -> Tensor:
    for _ in range(draw(st.integers(0, 4))):
        if not base.ndim:
            return base
        axis, kind = draw(st.integers(0, base.ndim - 1)), draw(st.integers(0, 4))
        size = base.shape[axis]
        at = draw(st.integers(0, size - 1))
        if kind == 0:
            base = base.narrow(axis, at, draw(st.integers(1, size - at)))
        elif kind == 1:
            base = base.select(axis, at)
        elif kind == 2:
            base = base.transpose(axis, draw(st.integers(0, base.ndim - 1)))
        elif kind == 3:
            base = base.unsqueeze(axis).expand(*base.shape[:axis], 2, *base.shape[axis:])
        else:
            base = base[tuple(slice(at if k == axis else 0, None, 2 if k == axis else 1) for k in range(base.ndim))]
    return base


@st.composite
def views(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    base = torch.zeros(draw(st.lists(st.sampled_from([1, 2, 3, 4, 6, 8]), min_size=1, max_size=4)))
    return part(base, draw), part(base, draw)


@settings(max_examples=300, deadline=None)
@given(views())
def test_any_two_views(pair: tuple[Tensor, Tensor]) -> None:
    assert overlap(*pair) == marked(*pair)


def test_large_tensors_cost_little_where_their_parts_are_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1000)
    base = torch.empty(1, 8, 32, 64, device="meta")
    left, right = base[..., :32], base[..., 32:]
    assert overlap(left, right) == (False, True) and overlap(base, right) == (True, False)
    assert overlap(left, base) == (True, True)


def test_what_would_cost_too_much_may_be_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 4)
    base = torch.empty(4, 4)
    assert overlap(base[:, 0], base[:, 1]) == (True, True)
