import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pellucid.engine.cones.tape import Ref, Step
from pellucid.engine.receptive.spans import itself
from pellucid.engine.receptive.windows import by_group, covers, windowed
from tests.engine.receptive.test_spans import box


def call(name, func, x, *args, **kwargs):
    out = func(x, *args, **kwargs)
    return Step(name, func, (Ref(0), *args), kwargs, Ref(1)), tuple(x.shape), tuple(out.shape), out


X = torch.zeros(1, 1, 13, dtype=torch.float64)
IMAGE = X[..., None].expand(1, 1, 13, 5).contiguous()


@pytest.mark.parametrize(
    ("name", "func", "x", "args", "kwargs"),
    [
        ("conv1d", F.conv1d, X, (torch.ones(1, 1, 3).double(), None, 2, 1, 2), {}),
        ("conv1d", F.conv1d, X, (torch.ones(1, 1, 4).double(),), {"padding": "same", "dilation": 2}),
        ("conv_transpose1d", F.conv_transpose1d, X, (torch.ones(1, 1, 3).double(), None, 2, 1, 1, 1, 2), {}),
        ("conv_transpose1d", F.conv_transpose1d, X, (torch.ones(1, 1, 2).double(), None, 3), {}),
        ("avg_pool1d", F.avg_pool1d, X, (3, 2, 1, True, False), {}),
        ("adaptive_avg_pool1d", F.adaptive_avg_pool1d, X, (5,), {}),
        ("lp_pool1d", F.lp_pool1d, X, (1, 3, 2), {"ceil_mode": True}),
        ("interpolate", F.interpolate, X, (), {"size": 7, "mode": "linear", "align_corners": True}),
        ("interpolate", F.interpolate, X, (), {"scale_factor": 1.6}),
        ("interpolate", F.interpolate, X, (None, 0.4, "area"), {}),
        ("interpolate", F.interpolate, IMAGE, ((21, 5),), {"mode": "bicubic"}),
        ("interpolate", F.interpolate, IMAGE, ((6, 5),), {"mode": "bilinear", "antialias": True}),
    ],
)
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_cells_read_are_those_with_a_gradient(name, func, x, args, kwargs):
    leaf = (torch.rand_like(x) + 0.5).requires_grad_()
    step, shape, out, value = call(name, func, leaf, *args, **kwargs)
    spans = windowed(step, itself(shape, (2,)), shape, out)
    for i in range(out[2]):
        (gradient,) = torch.autograd.grad(value[0, 0, i].sum(), leaf, retain_graph=True)
        (read,) = torch.nonzero(gradient[0, 0].reshape(13, -1).abs().sum(1), as_tuple=True)
        ((start, stop),) = box(spans, (*out[:2], *out[2:]), (0, 0, i, *([0] * (len(out) - 3))))
        assert (start, stop) == (int(read[0]), int(read[-1]) + 1) if len(read) else start > stop


def test_lines_follow_the_rule_of_chains():
    x = torch.zeros(1, 3, 20, 20)
    step, shape, out, _ = call("conv2d", F.conv2d, x, nn.Conv2d(3, 2, (3, 5)).weight, None, (2, 1), (1, 0), (1, 2))
    first = windowed(step, itself(shape, (2, 3)), shape, out)
    assert [(one.jump, one.offset, one.size) for one in first.lines] == [(2, -1, 3), (1, 0, 9)]
    y = torch.zeros(out)
    step, _, end, _ = call("max_pool2d", F.max_pool2d, y, 3, 2, 1)
    assert [(one.jump, one.offset, one.size) for one in windowed(step, first, out, end).lines] == [
        (4, -3, 7),
        (2, -1, 11),
    ]


def test_channels_of_a_group():
    both = by_group(itself((1, 4, 3), (1,)), 1, 2, 6)
    assert [box(both, (1, 6, 3), (0, i, 0)) for i in (0, 2, 3)] == [[(0, 2)], [(0, 2)], [(2, 4)]]


def test_pools_over_a_whole_map():
    mean, largest = Step("avg_pool2d", None, (), {}, None), Step("max_pool2d", None, (), {}, None)
    adaptive = Step("adaptive_max_pool2d", None, (), {}, None)
    assert covers(mean, (1, 2, 4, 4), (1, 2, 1, 1)) and covers(adaptive, (1, 2, 4, 4), (1, 2, 1, 1))
    assert not covers(largest, (1, 2, 2, 2), (1, 2, 1, 1)) and not covers(mean, (1, 2, 4, 4), (1, 2, 2, 1))
    assert not covers(adaptive, (1, 2, 1, 1), (1, 2, 1, 1))
    assert windowed(Step("relu", None, (Ref(0),), {}, Ref(1)), itself((1, 1, 3), (2,)), (1, 1, 3), (1, 1, 3)) is None
