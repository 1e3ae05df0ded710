import numpy as np
import pytest
import torch

from pellucid.engine.cones.boxes import Boxes
from pellucid.engine.cones.patches import cut, gathered, overlaid, pasted

CLEAN = torch.arange(2 * 5 * 6.0).reshape(1, 2, 5, 6)


def boxes(starts, *size):
    return Boxes(np.array(starts), tuple(size))


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_gathered_keeps_the_memory_format(memory):
    clean = CLEAN.contiguous(memory_format=memory)
    out = gathered(clean, boxes([[0, 0], [2, 3]], 3, 2))
    assert out.is_contiguous(memory_format=memory)
    assert torch.equal(out[0], CLEAN[0, :, :3, :2]) and torch.equal(out[1], CLEAN[0, :, 2:5, 3:5])


def test_what_overhangs_is_blank():
    out = gathered(CLEAN, boxes([[-1, 4], [9, 9]], 2, 3), blank=-7.0)
    assert torch.equal(out[0, :, 1, :2], CLEAN[0, :, 0, 4:]) and (out[0, :, 0] == -7).all()
    assert (out[0, :, :, 2] == -7).all() and (out[1] == -7).all()


def test_overlaid_writes_what_both_have():
    region, patch = torch.zeros(2, 1, 3, 3), torch.ones(2, 1, 2, 2)
    overlaid(region, boxes([[2, 2], [0, 0]], 3, 3), patch, boxes([[1, 4], [3, 3]], 2, 2))
    assert region[0, 0].tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]] and not region[1].any()


def test_pasted_is_the_map_with_its_patch():
    patch = -torch.ones(2, 2, 1, 2)
    out = pasted(CLEAN, patch, boxes([[0, 0], [4, 4]], 1, 2))
    expected = CLEAN.repeat(2, 1, 1, 1)
    expected[0, :, 0, :2] = expected[1, :, 4, 4:] = -1
    assert torch.equal(out, expected) and CLEAN.min() == 0


def test_cut():
    maps = torch.cat([CLEAN, CLEAN + 100])
    out = cut(maps, np.array([[0, 1], [3, 2]]), (2, 4))
    assert torch.equal(out[0], maps[0, :, :2, 1:5]) and torch.equal(out[1], maps[1, :, 3:, 2:])
