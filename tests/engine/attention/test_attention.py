import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from pellucid.engine.attention.attention import four, fused, probabilities, repeated, shape_of

QUERY = torch.randn(2, 4, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
KEY = torch.randn(2, 2, 7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
VALUE = torch.randn(2, 2, 7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
MASK = torch.rand(5, 7, generator=torch.Generator().manual_seed(3)) > 0.4


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"is_causal": True},
        {"scale": 0.3},
        {"attn_mask": MASK},
        {"attn_mask": torch.randn(2, 1, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(4))},
    ],
)
def test_probabilities_are_those_of_the_fused_kernel(more: dict[str, object]) -> None:
    theirs = functional.scaled_dot_product_attention(QUERY, KEY, VALUE, enable_gqa=True, **more)  # type: ignore[arg-type]
    mask, causal, scale = more.get("attn_mask"), bool(more.get("is_causal")), more.get("scale")
    found = probabilities(QUERY, KEY, mask, causal=causal, scale=scale)  # type: ignore[arg-type]
    assert found.shape == (2, 4, 5, 7) and torch.allclose(found @ repeated(VALUE, 4), theirs, rtol=0, atol=1e-14)
    assert torch.allclose(found.sum(-1), torch.ones((), dtype=torch.float64))


def test_heads_that_share_keys_are_neighbours() -> None:
    assert torch.equal(repeated(KEY, 4)[:, :2], KEY[:, :1].expand(-1, 2, -1, -1)) and repeated(KEY, 2) is KEY


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_heads_and_windows_in_other_axes(rows: int, windows: int, heads: int) -> None:
    value = torch.arange(rows * windows * heads * 6.0).reshape(rows, windows, heads, 2, 3)
    assert torch.equal(four(value, rows), value.flatten(0, 1))
    assert torch.equal(four(value[:, 0], rows), value[:, 0])
    assert torch.equal(four(value[:, 0].flatten(0, 1), rows), value[:, 0])
    assert four(torch.zeros(rows * heads + 1, 2, 3), rows + 1 if rows > 1 else 0).shape[-2:] == (2, 3)
    assert shape_of((rows, windows, heads, 2, 3), rows) == (rows * windows, heads, 2, 3)


def test_arguments_by_name() -> None:
    found = fused((QUERY, KEY, VALUE, MASK), {"scale": 0.5})
    assert found["query"] is QUERY and found["attn_mask"] is MASK and found["scale"] == 0.5 and "is_causal" not in found


def test_rows_that_look_at_nothing_are_zero() -> None:
    mask = torch.ones(5, 7, dtype=torch.bool)
    mask[2] = False
    found = probabilities(QUERY, KEY, mask)
    assert not found[:, :, 2].any() and torch.equal(found[:, :, 1], probabilities(QUERY, KEY, None)[:, :, 1])
