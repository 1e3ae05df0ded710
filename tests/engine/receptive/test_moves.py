import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from pellucid.engine.cones.tape import Ref, Step
from pellucid.engine.receptive.moves import MOVES, moved, seen_through
from pellucid.engine.receptive.spans import FAR, Line, itself, nothing
from tests.engine.receptive.test_spans import box

SHAPE = (1, 4, 6, 8)
OWN = itself(SHAPE, (2, 3))


def run(name, func, *args, **kwargs):
    step = Step(name, func, (Ref(0), *args), kwargs, Ref(1))
    return moved(step, {0: OWN}, [SHAPE], "cpu")[1]


@pytest.mark.parametrize(
    ("name", "func", "args"),
    [
        ("reshape", Tensor.reshape, (1, 4, 48)),
        ("permute", Tensor.permute, (0, 2, 3, 1)),
        ("flip", Tensor.flip, (-1,)),
        ("roll", torch.roll, (2, 3)),
        ("getitem", Tensor.__getitem__, ((slice(None), slice(1, 3), slice(1, 6, 2)),)),
        ("getitem", Tensor.__getitem__, ((slice(None), slice(None), torch.tensor([3, 0])),)),
        ("pixel_shuffle", F.pixel_shuffle, (2,)),
        ("unfold", F.unfold, (3,)),
        ("repeat", Tensor.repeat, (1, 1, 2, 1)),
    ],
)
def test_every_cell_keeps_its_box(name, func, args):
    assert name in MOVES
    rows = torch.arange(6.0).reshape(1, 1, 6, 1).expand(SHAPE)
    columns = torch.arange(8.0).reshape(1, 1, 1, 8).expand(SHAPE)
    found, (y, x) = run(name, func, *args), (func(one, *args) for one in (rows, columns))
    for at in [(0,) * y.ndim, tuple(side - 1 for side in y.shape), tuple(side // 2 for side in y.shape)]:
        i, j = int(y[at]), int(x[at])
        assert box(found, tuple(y.shape), at) == [(i, i + 1), (j, j + 1)]


def test_lines_survive_crops_pads_and_turned_axes():
    assert run("getitem", Tensor.__getitem__, (..., slice(2, None, 3))).lines == (Line(-2, 1, 0, 1), Line(-1, 3, 2, 1))
    padded = run("pad", F.pad, (2, 0, 1, 1), "constant", 7.0)
    assert padded.lines == (Line(-2, 1, -1, 1), Line(-1, 1, -2, 1))
    assert box(padded, (1, 4, 8, 10), (0, 0, 0, 5))[0] == (FAR, -FAR)
    assert run("permute", Tensor.permute, (0, 2, 3, 1)).lines == (Line(-3, 1, 0, 1), Line(-2, 1, 0, 1))
    assert run("flip", Tensor.flip, (-1,)).lines == (Line(-2, 1, 0, 1), None)
    assert run("flatten", Tensor.flatten, 2).lines == (None, None)


def test_values_side_by_side():
    wide = OWN.windowed(-1, torch.arange(8).numpy()[:, None] + [[0, 0]], 8)
    step = Step("cat", torch.cat, ([Ref(0), Ref(1)], 1), {}, Ref(2))
    both = moved(step, {0: OWN, 1: nothing(4, 2)}, [SHAPE, SHAPE], "cpu")[2]
    assert box(both, (1, 8, 6, 8), (0, 3, 2, 5)) == [(2, 3), (5, 6)] and both.lines == OWN.lines
    assert box(both, (1, 8, 6, 8), (0, 4, 2, 5))[0] == (FAR, -FAR)
    across = moved(
        Step("cat", torch.cat, ([Ref(0), Ref(1)],), {"dim": -1}, Ref(2)), {0: OWN, 1: wide}, [SHAPE] * 2, "cpu"
    )
    assert box(across[2], (1, 4, 6, 16), (0, 0, 2, 9)) == [(2, 3), (1, 2)] and across[2].lines == (None, None)
    constant = Step("cat", torch.cat, ([torch.ones(1, 1, 6, 8), Ref(0)], 1), {}, Ref(1))
    tokens = moved(constant, {0: OWN}, [SHAPE], "cpu")[1]
    assert box(tokens, (1, 5, 6, 8), (0, 0, 2, 5))[0] == (FAR, -FAR) and box(tokens, (1, 5, 6, 8), (0, 1, 2, 5))[0] == (
        2,
        3,
    )


def test_a_write_by_index_and_through_memory():
    step = Step("setitem", Tensor.__setitem__, (Ref(0), (slice(None), 0), 1.0), {}, Ref(1), writes=True)
    cleared = moved(step, {0: OWN}, [SHAPE], "cpu")[1]
    assert box(cleared, SHAPE, (0, 0, 2, 5))[0] == (FAR, -FAR) and box(cleared, SHAPE, (0, 1, 2, 5)) == [(2, 3), (5, 6)]
    part = itself((2, 8), (0, 1))
    shown = seen_through((((6, 8), (8, 1), 0), ((2, 8), (8, 1), 16)), [(part, (2, 8)), (nothing(2, 2), (6, 8))])
    assert box(shown, (6, 8), (3, 4)) == [(1, 2), (4, 5)] and box(shown, (6, 8), (1, 4))[0] == (FAR, -FAR)


def test_what_is_moved_by_values_is_not_known():
    with pytest.raises(LookupError):
        moved(Step("getitem", Tensor.__getitem__, (Ref(0), Ref(0)), {}, Ref(1)), {0: OWN}, [SHAPE], "cpu")
