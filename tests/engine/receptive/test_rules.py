import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from pellucid.engine.cones.tape import Ref, Step
from pellucid.engine.receptive.rules import Setting, Unknown, given_by
from pellucid.engine.receptive.spans import Spans, itself, union

SHAPE = (1, 4, 6, 3)


def first(name, func, x, *args, local=False, **kwargs) -> tuple[Spans, Setting]:
    out = func(x, *args, **kwargs)
    out = out[0] if isinstance(out, tuple) else out
    step = Step(name, func, (Ref(0), *args), kwargs, Ref(1))
    setting = Setting([tuple(x.shape), tuple(out.shape)], "cpu", local)
    return given_by(step, {0: itself(tuple(x.shape), (2, 3))}, setting)[1], setting


def hulls(spans: Spans, shape: tuple[int, ...]) -> np.ndarray:
    """`(axis, 2, *shape)`."""
    tables = [np.broadcast_to(low, shape) for low in spans.lows]
    return np.stack([np.stack([tables[a], -tables[a + spans.rank]]) for a in range(spans.rank)])


@pytest.mark.parametrize(
    ("name", "func", "args", "kwargs"),
    [
        ("softmax", F.softmax, (2,), {}),
        ("softmax", F.softmax, (1,), {}),
        ("log_softmax", F.log_softmax, (), {"dim": -1}),
        ("layer_norm", F.layer_norm, ((3,),), {}),
        ("layer_norm", F.layer_norm, ((6, 3),), {}),
        ("group_norm", F.group_norm, (2,), {}),
        ("instance_norm", F.instance_norm, (), {}),
        ("batch_norm", F.batch_norm, (None, None, None, None, True), {}),
        ("batch_norm", F.batch_norm, (torch.zeros(4).double(), torch.ones(4).double(), None, None, False), {}),
        ("local_response_norm", F.local_response_norm, (3,), {}),
        ("normalize", F.normalize, (2.0, 3), {}),
        ("mean", torch.mean, ((2, 3),), {"keepdim": True}),
        ("mean", torch.mean, (), {}),
        ("amax", torch.amax, (-1,), {}),
        ("var", torch.var, (), {"dim": 2}),
        ("logsumexp", torch.logsumexp, (3,), {}),
        ("max", torch.max, (2,), {}),
        ("cumsum", torch.cumsum, (2,), {}),
        ("linear", F.linear, (torch.rand(5, 3).double(),), {}),
        ("matmul", torch.matmul, (torch.rand(3, 2).double(),), {}),
        ("gelu", F.gelu, (), {}),
        ("adaptive_avg_pool2d", F.adaptive_avg_pool2d, ((1, 1),), {}),
    ],
)
def test_a_box_holds_every_cell_with_a_gradient_and_no_border_without(name, func, args, kwargs):
    x = torch.rand(SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    out = func(x, *args, **kwargs)
    out = out[0] if isinstance(out, tuple) else out
    found = hulls(first(name, func, x, *args, **kwargs)[0], tuple(out.shape))
    truth = np.zeros_like(found)
    for at in np.ndindex(*out.shape):
        (gradient,) = torch.autograd.grad(out[at], x, retain_graph=True)
        read = torch.nonzero(gradient[0].abs().sum(0) > 0)
        if name == "amax" or (name == "max"):
            read = torch.nonzero(torch.ones(6, 3)) if not len(at) else _line(found, at)
        truth[(slice(None), 0, *at)], truth[(slice(None), 1, *at)] = read.amin(0), read.amax(0) + 1
    assert np.array_equal(found, truth)


def _line(found: np.ndarray, at: tuple[int, ...]) -> Tensor:
    """The largest reads one cell of its row: of that row every cell can be the one."""
    (top, bottom), (left, right) = (found[(axis, slice(None), *at)] for axis in (0, 1))
    assert (bottom - top, right - left) in ((1, 3), (6, 1))
    return torch.tensor([[top, left], [bottom - 1, right - 1]])


@pytest.mark.parametrize("equation", ["bchw,bcHw->bchH", "bchw,bcHw->bhH"])
def test_products_of_what_descends_twice(equation):
    x = torch.rand(SHAPE, dtype=torch.float64)
    step = Step("einsum", torch.einsum, (equation, Ref(0), Ref(0)), {}, Ref(1))
    out = tuple(torch.einsum(equation, x, x).shape)
    found = hulls(given_by(step, {0: itself(SHAPE, (2, 3))}, Setting([SHAPE, out], "cpu", False))[1], out)
    at = (0,) * (len(out) - 2) + (1, 4)
    assert found[(0, slice(None), *at)].tolist() == [1, 5] and found[(1, slice(None), *at)].tolist() == [0, 3]


def test_attention():
    own = itself((1, 2, 6, 3), (2,))
    step = Step("scaled_dot_product_attention", None, (Ref(0), Ref(0), Ref(0)), {}, Ref(1))
    setting = Setting([(1, 2, 6, 3)] * 2, "cpu", False)
    whole = given_by(step, {0: own}, setting)[1]
    assert hulls(whole, (1, 2, 6, 3))[0].reshape(2, -1).T.tolist() == [[0, 6]] * 36
    assert setting.mixed == {"scaled_dot_product_attention"}
    masked = Step("scaled_dot_product_attention", None, (Ref(0), Ref(0), Ref(0)), {"attn_mask": Ref(0)}, Ref(1))
    with pytest.raises(Unknown):
        given_by(masked, {0: own}, setting)


def test_local_paths_leave_out_what_goes_over_a_whole_axis():
    x = torch.rand(SHAPE, dtype=torch.float64)
    mean, setting = first("mean", torch.mean, x, (2, 3), local=True)
    assert mean.empty and setting.mixed == {"mean"}
    norm, setting = first("group_norm", F.group_norm, x, 2, local=True)
    assert norm.lines == itself(SHAPE, (2, 3)).lines and setting.mixed == {"group_norm"}
    channels, setting = first("mean", torch.mean, x, 1, local=True)
    assert not channels.empty and not setting.mixed


def test_what_is_made_fresh_reads_nothing_and_words_are_looked_up():
    x = torch.rand(SHAPE, dtype=torch.float64)
    assert first("zeros_like", torch.zeros_like, x)[0].empty
    words = itself((1, 7), (1,))
    step = Step("embedding", F.embedding, (Ref(0), torch.ones(9, 2)), {}, Ref(1))
    found = given_by(step, {0: words}, Setting([(1, 7), (1, 7, 2)], "cpu", False))[1]
    assert found.lows[0].shape == (1, 7, 1) and found.lines[0].dim == -2


def test_the_larger_of_two_reads_both():
    own = itself(SHAPE, (2, 3))
    later = given_by(
        Step("roll", torch.roll, (Ref(0), 1, 2), {}, Ref(1)), {0: own}, Setting([SHAPE] * 2, "cpu", False)
    )[1]
    step = Step("max", torch.max, (Ref(0), Ref(1)), {}, Ref(2))
    found = given_by(step, {0: own, 1: later}, Setting([SHAPE] * 3, "cpu", False))[2]
    assert np.array_equal(hulls(found, SHAPE), hulls(union([own, later]), SHAPE))


@pytest.mark.parametrize("name", ["fft_fft2", "grid_sample", "lstm"])
def test_what_is_not_known(name):
    with pytest.raises(Unknown, match=name):
        given_by(
            Step(name, None, (Ref(0),), {}, Ref(1)), {0: itself(SHAPE, (2, 3))}, Setting([SHAPE] * 2, "cpu", False)
        )
