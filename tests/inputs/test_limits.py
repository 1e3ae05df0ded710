import numpy as np
import pytest
import torch
from PIL import Image

from pellucid.inputs.inputs import Inputs
from pellucid.inputs.limits import picture_limits
from pellucid.inputs.preprocess import Preprocess
from pellucid.inputs.read import read

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8))
IMAGENET = Preprocess((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize("preprocess", [IMAGENET, Preprocess(), Preprocess(range=(0.0, 255.0), mean=(127.0,))])
def test_black_and_white_in_the_units_of_the_network(preprocess):
    low, high = picture_limits(read(PICTURE, preprocess=preprocess), "input")
    black, white = (torch.tensor(one).reshape(1, -1, 1, 1).expand(1, 3, 1, 1) for one in preprocess.limits)
    torch.testing.assert_close(low.double(), black.double(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(high.double(), white.double(), rtol=1e-4, atol=1e-5)


def test_values_beyond_the_picture_do_not_mislead():
    x = IMAGENET(PICTURE)
    x[0, :, 0, 0], x[0, :, 0, 1] = 50.0, -50.0
    low, high = picture_limits(read(x, preprocess=IMAGENET), "input")
    assert torch.allclose(low.flatten(), torch.tensor(IMAGENET.limits[0]), atol=1e-4)
    assert torch.allclose(high.flatten(), torch.tensor(IMAGENET.limits[1]), atol=1e-4)


def test_unknown_where_nothing_was_stated():
    x = torch.rand(2, 3, 5, 5)
    assert picture_limits(read(x), "input") is None
    assert picture_limits(Inputs((x,)), "input") is None
    assert picture_limits(read(torch.rand(2, 5)), "input") is None
    assert picture_limits(read(torch.zeros(1, 3, 4, 4), preprocess=IMAGENET), "input") is None
