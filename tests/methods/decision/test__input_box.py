import pytest
import torch

import pellucid as pl
from pellucid.inputs.preprocess import Preprocess
from pellucid.inputs.read import read
from pellucid.methods.decision._input_box import boxes_of, extremes

X = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))


def test_the_extremes_of_each_example_are_said():
    (box,), notes = boxes_of(read(X), None, None)
    assert torch.equal(box.low[1], X[1].min().expand(3, 4, 4)) and torch.equal(box.high[0], X[0].max().expand(3, 4, 4))
    assert "least and the greatest value of each example" in notes[0].en and "最小值" in notes[0].zh


def test_black_and_white_where_they_are_known():
    (box,), notes = boxes_of(read(X.clamp(-1, 1), preprocess=Preprocess((0.5,), (0.5,))), None, None)
    assert not notes and torch.allclose(box.low, -torch.ones_like(X), atol=1e-4)
    assert torch.allclose(box.high, torch.ones_like(X), atol=1e-4)


@pytest.mark.parametrize("low", [-2.0, (-2.0, -2.0, -2.0), torch.full((3, 1, 1), -2.0)])
def test_given_limits(low):
    (box,), notes = boxes_of(read(X), low, 5.0)
    assert not notes and torch.equal(box.low, torch.full_like(X, -2)) and torch.equal(box.high, torch.full_like(X, 5))


def test_a_limit_for_each_channel():
    (box,), _ = boxes_of(read(X), (-1.0, -2.0, -3.0), 5.0)
    assert box.low[0, :, 0, 0].tolist() == [-1, -2, -3]


def test_limits_that_do_not_fit():
    with pytest.raises(pl.BadSetting, match="box is empty"):
        boxes_of(read(X), 2.0, 1.0)
    with pytest.raises(pl.BadSetting, match="does not fit"):
        boxes_of(read(X), (1.0, 2.0), 3.0)


def test_tokens_have_no_box():
    assert boxes_of(read(torch.zeros(2, 3, dtype=torch.long)), None, None) == ((), ())


def test_extremes():
    assert extremes(torch.tensor([[1.0, 3.0], [0.0, 5.0]])).high.tolist() == [[3, 3], [5, 5]]
