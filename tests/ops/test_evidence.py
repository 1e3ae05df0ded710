"""Sums by example whatever the layout, maps on the input's grid, ranges."""

import torch

from pellucid.ops.evidence import by_example, enlarged, unit_range


def test_examples_are_found_where_they_are() -> None:
    share = torch.arange(24.0).reshape(2, 3, 4)
    expected = share.double().flatten(1).sum(1)
    assert torch.equal(by_example(share, 2), expected)
    assert torch.equal(by_example(share.transpose(0, 1), 2), expected)
    assert torch.equal(by_example(share.reshape(6, 4), 2), expected)


def test_what_has_no_examples_is_shared_out() -> None:
    assert by_example(torch.ones(3, 5), 2).tolist() == [7.5, 7.5]


def test_enlarged_keeps_what_has_the_size_and_means_of_the_rest() -> None:
    maps = torch.randn(2, 3, 4, 4)
    assert enlarged(maps, (4, 4)) is maps
    assert torch.allclose(enlarged(torch.full((1, 1, 2, 3), 7.0), (6, 9)), torch.tensor(7.0))
    assert enlarged(torch.ones(1, 2, 4), (8,)).shape == (1, 2, 8)
    assert enlarged(torch.ones(1, 2, 2, 2, 2), (4, 4, 4)).shape == (1, 2, 4, 4, 4)


def test_ranges_of_channels_and_of_layers() -> None:
    maps = torch.tensor([[[1.0, 3.0], [10.0, 30.0]]])
    torch.testing.assert_close(unit_range(maps, each=True), torch.tensor([[[0.0, 1.0], [0.0, 1.0]]]))
    torch.testing.assert_close(unit_range(maps, each=False), torch.tensor([[[0.0, 2 / 29], [9 / 29, 1.0]]]))
    assert unit_range(torch.full((1, 2, 3), 5.0), each=False).eq(0).all()
