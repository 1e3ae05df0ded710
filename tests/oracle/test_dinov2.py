"""Maps of DINOv2-small with its real weights: what makes a photograph alike to another view of the same animal."""

import numpy as np
import pytest
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.zoo.demo import PHOTOS
from tests.networks import dinov2

METHODS = ("grad_cam", "hires_cam", "layer_cam")
# left, top, right, bottom of the animal, as shares of the picture
BOXES = {
    "koala": (0.22, 0.12, 0.78, 0.95),
    "macaw": (0.15, 0.12, 0.90, 0.90),
    "bison": (0.10, 0.12, 0.90, 0.75),
    "jaguar": (0.10, 0.30, 0.90, 0.85),
}


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return dinov2.dinov2()


def picture(name: str) -> Image.Image:
    """The middle square of a photograph."""
    with Image.open(PHOTOS / f"{name}.jpg") as photo:
        side = min(photo.size)
        left, top = (photo.width - side) // 2, (photo.height - side) // 2
        return photo.convert("RGB").crop((left, top, left + side, top + side))


def other_view(photo: Image.Image) -> Image.Image:
    """The same animal from the other side, and nearer."""
    low, high = round(0.06 * photo.width), round(0.92 * photo.width)
    return photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT).crop((low, low, high, high))


@pytest.mark.parametrize("name", BOXES)
def test_without_arguments_the_maps_lie_on_the_animal(model: nn.Module, name: str) -> None:
    photo = picture(name)
    other = pl.similarity(dinov2.ready(other_view(photo)))
    views = pl.Lens(model).see(dinov2.ready(photo), *METHODS, "eigen_cam", target=other)
    assert not views.failures and views.cost.backwards == 1
    assert views[0].targets[0].score > 0.8
    left, top, right, bottom = (round(share * dinov2.SIDE) for share in BOXES[name])
    area = (right - left) * (bottom - top) / dinov2.SIDE**2
    for result in views:
        assert result.layer == "blocks.11.norm1" and result.values.shape == (1, 16, 16)
        positive = np.maximum(result.heat[0], 0)
        share = positive[top:bottom, left:right].sum() / positive.sum()
        assert share > 1.4 * area, f"{result.provenance.method}: {share:.2f} of the energy in {area:.2f} of the picture"
