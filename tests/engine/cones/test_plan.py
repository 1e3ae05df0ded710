import numpy as np
import torch
import torchvision.models as vision
from torch.nn import functional as F

from pellucid.engine.cones.plan import MOST_SHARE, first_boxes, planned, spread
from tests.engine.replaying import taped, windows

X = torch.randn(1, 3, 40, 40, generator=torch.Generator().manual_seed(3))
W = torch.randn(3, 3, 3, 3, generator=torch.Generator().manual_seed(4))


def plan_of(model, x=X, size=4):
    grid = tuple(x.shape[2:])
    return planned(taped(model, x), first_boxes(windows(grid, size).numpy(), grid))


def test_boxes_grow_by_the_kernel():
    plan = plan_of(lambda x: F.conv2d(F.relu(F.conv2d(x, W, padding=1)), W))
    assert [action.kind for action in plan.actions] == ["window", "cells", "window"]
    assert [action.boxes.size for action in plan.actions] == [(6, 6), (6, 6), (8, 8)]
    assert plan.last == {0: 0, 1: 1, 2: 2, 3: 3}


def test_a_map_that_is_mostly_covered_becomes_whole_and_stays_so():
    plan = plan_of(lambda x: F.relu(F.conv2d(F.max_pool2d(x, 8), W)), size=20)
    assert [action.kind for action in plan.actions] == ["window", "full", "full"]
    assert plan.actions[0].boxes.share((5, 5)) <= MOST_SHARE


def test_share_is_of_the_multiplications():
    """METHODS: 0.14 for VGG-16 and 0.39 for ResNet-18, a window of 32 pixels at 224; writing cells comes on top."""
    x = torch.randn(1, 3, 224, 224)
    parts = np.array([[[a, a + 32], [b, b + 32]] for a in (0, 96, 192) for b in (0, 96, 192)])
    for name, low, high in (("vgg16", 0.13, 0.25), ("resnet18", 0.36, 0.5)):
        model = getattr(vision, name)().eval()
        plan = planned(taped(model, x), first_boxes(parts, (224, 224)))
        assert low < plan.share < high and plan.saved > 0


def test_a_network_that_mixes_at_once_does_not_pay():
    plan = plan_of(lambda x: F.linear(x.flatten(1), torch.ones(2, 4800)).softmax(1))
    assert {action.kind for action in plan.actions} == {"full"} and plan.share > 1


def test_constants():
    assert spread(torch.ones(()), (4, 5)) is False and spread(torch.ones(3, 1, 1), (4, 5)) is False
    assert spread(torch.ones(1, 3, 4, 5), (4, 5)) is True
    assert spread(torch.ones(4, 5), (4, 5)) is None and spread(torch.ones(5), (4, 5)) is None
