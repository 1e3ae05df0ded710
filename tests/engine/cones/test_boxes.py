"""Which cells a change reaches: against a change that is made."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from pellucid.engine.cones.boxes import Boxes, Reach, around, union

SIDE = 23


def boxes(starts, *size):
    return Boxes(np.array(starts), tuple(size))


def cells(box, row):
    start = int(box.starts[row, 0])
    return set(range(start, start + box.size[0]))


@given(
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
    start=st.lists(st.integers(0, SIDE - 4), min_size=1, max_size=4),
    data=st.data(),
)
def test_reached_holds_every_cell_that_changes_and_read_all_that_it_needs(kernel, stride, dilation, start, data):
    padding = data.draw(st.integers(0, dilation * (kernel - 1)))
    reach = Reach((kernel,), (stride,), (padding,), (dilation,))
    weight = torch.rand(1, 1, kernel) + 1
    x = torch.rand(1, 1, SIDE)
    clean = F.conv1d(x, weight, None, stride, padding, dilation)
    changed = boxes([[one] for one in start], 4)
    out = reach.reached(changed, tuple(clean.shape[2:]))
    read = reach.read(out)
    assert out.inside(tuple(clean.shape[2:]))
    for row, one in enumerate(start):
        after = x.clone()
        after[..., one : one + 4] += 1
        moved = (F.conv1d(after, weight, None, stride, padding, dilation) != clean)[0, 0].nonzero().flatten().tolist()
        assert set(moved) <= cells(out, row)
        padded = F.pad(after, (50, 50))[..., 50 + read.starts[row, 0] :][..., : read.size[0]]
        again = F.conv1d(padded, weight, None, stride, 0, dilation)
        expected = F.conv1d(after, weight, None, stride, padding, dilation)[..., sorted(cells(out, row))]
        torch.testing.assert_close(again, expected)


@given(
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    start=st.lists(st.integers(0, SIDE - 3), min_size=1, max_size=4),
    data=st.data(),
)
def test_backed_is_the_same_for_the_transposed_operation(kernel, stride, start, data):
    kernel = max(kernel, stride)
    padding, more = data.draw(st.integers(0, kernel // 2)), data.draw(st.integers(0, stride - 1))
    reach = Reach((kernel,), (stride,), (padding,), (1,))
    weight, x = torch.rand(1, 1, kernel) + 1, torch.rand(1, 1, SIDE)
    clean = F.conv_transpose1d(x, weight, None, stride, padding, more)
    out, read = reach.backed(boxes([[one] for one in start], 3), tuple(clean.shape[2:]))
    for row, one in enumerate(start):
        after = x.clone()
        after[..., one : one + 3] += 1
        whole = F.conv_transpose1d(after, weight, None, stride, padding, more)
        assert set((whole != clean)[0, 0].nonzero().flatten().tolist()) <= cells(out, row)
        padded = F.pad(after, (50, 50))[..., 50 + read.starts[row, 0] :][..., : read.size[0]]
        again = F.conv_transpose1d(padded, weight, None, stride)
        front = int(out.starts[row, 0] - (read.starts[row, 0] * stride - padding))
        torch.testing.assert_close(again[..., front : front + out.size[0]], whole[..., sorted(cells(out, row))])


def test_boxes_are_as_large_as_the_largest_and_stay_inside():
    made = around(np.array([[-3, 0], [8, 5]]), np.array([[2, 1], [12, 7]]), (10, 9))
    assert made.size == (2, 2) and made.starts.tolist() == [[0, 0], [8, 5]]
    assert made.inside((10, 9)) and made.share((10, 9)) == pytest.approx(4 / 90)


def test_a_part_that_nothing_reads_still_has_a_box():
    assert around(np.array([[5]]), np.array([[5]]), (9,)).size == (1,)


def test_union():
    a, b = boxes([[0], [4]], 3), boxes([[1], [6]], 3)
    both = union([a, b], (20,))
    assert both.size == (5,) and both.starts.tolist() == [[0], [4]]
    assert union([a, a.shifted([0])], (20,)) is a and not a.same(b)
    assert a.shifted([-2]).starts.tolist() == [[-2], [2]] and not a.shifted([-2]).inside((20,))
