import pytest
import torch

from pellucid.core.errors import NotApplicable
from pellucid.engine.roles import Layout
from pellucid.engine.sweeps.cells import cells


def test_a_vector_has_one_position() -> None:
    value = torch.randn(3, 5)
    assert torch.equal(cells(value, None, "x", 3), value[:, :, None])


@pytest.mark.parametrize("spatial", [(7,), (4, 6), (2, 3, 4)])
def test_positions_of_a_grid_are_counted_row_by_row_however_it_lies(spatial: tuple[int, ...]) -> None:
    first = torch.randn(3, 5, *spatial)
    layout = Layout("channels_first", spatial)
    last = Layout("channels_last", spatial)
    found = cells(first, layout, "x", 3)
    assert found.shape == (3, 5, first[0, 0].numel())
    assert found[1, 2, -1] == first[(1, 2, *(-1 for _ in spatial))]
    assert torch.equal(found, cells(first.movedim(1, -1), last, "x", 3))


def test_nothing_is_copied() -> None:
    value = torch.randn(3, 5, 4, 6)
    layout = Layout("channels_first", (4, 6))
    assert cells(value, layout, "x", 3).data_ptr() == value.data_ptr()
    last = value.to(memory_format=torch.channels_last)
    assert cells(last, layout, "x", 3).data_ptr() == last.data_ptr()


def test_tokens_are_positions() -> None:
    value = torch.randn(3, 9, 5)
    assert torch.equal(cells(value, None, "x", 3), value.transpose(1, 2))


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(3, 4, dtype=torch.int64),
        torch.zeros(3, 4, dtype=torch.complex64),
        torch.zeros(3),
        torch.zeros(()),
        torch.zeros(6, 4),
        torch.zeros(3, 2, 9, 9),
    ],
    ids=["integers", "complex", "one number each", "one number", "more rows", "no layout"],
)
def test_what_has_no_channels_at_positions_is_refused(value: torch.Tensor) -> None:
    with pytest.raises(NotApplicable, match="not channels at positions of 3 samples"):
        cells(value, None, "x", 3)
