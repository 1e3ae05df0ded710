import pytest
import torch

from pellucid.core.errors import NotApplicable
from pellucid.engine.roles import Layout
from pellucid.ops.spatial import channels_first

IMAGE = torch.randn(2, 5, 3, 4)


@pytest.mark.parametrize(
    ("value", "layout"),
    [
        (IMAGE, Layout("channels_first", (3, 4))),
        (IMAGE.movedim(1, -1), Layout("channels_last", (3, 4))),
        (IMAGE.flatten(2).mT, Layout("tokens", (3, 4))),
        (torch.cat([torch.full((2, 2, 5), 9.0), IMAGE.flatten(2).mT], 1), Layout("tokens", (3, 4), 2)),
    ],
)
def test_every_layout_gives_the_same_maps(value, layout):
    assert torch.equal(channels_first(value, layout), IMAGE)


def test_what_lies_on_no_grid_is_refused_by_name_and_shape():
    with pytest.raises(NotApplicable, match=r"'fc' with shape \(2, 10\) does not lie on the input's grid"):
        channels_first(torch.zeros(2, 10), None, "fc")
