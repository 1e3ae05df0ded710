"""The corners, the edges and the frame of a picture."""

from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.core.text import Text

CORNER, EDGE, FRAME = 6, 12, 16  # one part of so many of the picture's side is how wide each is


class Region(NamedTuple):
    """Part of a picture: how it is called, a sign for it, and `(height, width)` whether a pixel belongs to it."""

    name: Text
    sign: str
    inside: Tensor


def regions(height: int, width: int) -> tuple[list[Region], list[Region], list[Region]]:
    """Four corners, four edges, the frame: narrow ones, as pictures are about what lies inside."""
    none = torch.zeros(height, width, dtype=torch.bool)

    def box(rows: slice, columns: slice) -> Tensor:
        inside = none.clone()
        inside[rows, columns] = True
        return inside

    def ends(side: int, parts: int) -> tuple[slice, slice]:
        wide = max(1, side // parts)
        return slice(0, wide), slice(side - wide, side)

    whole = slice(None)
    (top, bottom), (left, right) = ends(height, CORNER), ends(width, CORNER)
    corners = [
        Region(Text("top left corner", "左上角"), "↖", box(top, left)),
        Region(Text("top right corner", "右上角"), "↗", box(top, right)),
        Region(Text("bottom left corner", "左下角"), "↙", box(bottom, left)),
        Region(Text("bottom right corner", "右下角"), "↘", box(bottom, right)),
    ]
    (top, bottom), (left, right) = ends(height, EDGE), ends(width, EDGE)
    edges = [
        Region(Text("top edge", "上边缘"), "↑", box(top, whole)),
        Region(Text("bottom edge", "下边缘"), "↓", box(bottom, whole)),
        Region(Text("left edge", "左边缘"), "←", box(whole, left)),
        Region(Text("right edge", "右边缘"), "→", box(whole, right)),
    ]
    (top, bottom), (left, right) = ends(height, FRAME), ends(width, FRAME)
    frame = box(top, whole) | box(bottom, whole) | box(whole, left) | box(whole, right)
    return corners, edges, [Region(Text("frame", "边框"), "□", frame)]
