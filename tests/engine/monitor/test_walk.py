import gc
import weakref

import pytest
import torch
from torch import nn
from torch.overrides import _get_current_function_mode_stack

from pellucid.engine.monitor.walk import Walk


class Notes:
    def __init__(self):
        self.seen = []

    def called(self, frame, place, args, kwargs, out):
        self.seen.append((place.path, place.op, place.n))

    def left(self, frame, out):
        self.seen.append((frame.path, frame.call))


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x):
        return torch.relu(self.fc(self.fc(x)).relu() + 1)


def followed(model, x, **given):
    notes = Notes()
    walk = Walk(dict(model.named_modules()), notes, **given)
    walk.begin(model)
    try:
        out = model(x)
    finally:
        walk.close()
    walk.end(model, None)
    return notes.seen, out


def test_calls_are_told_in_order():
    seen, _ = followed(Nested(), torch.randn(1, 2))
    own = [("", "relu", 0), ("", "add", 0), ("", "relu", 1)]
    assert seen == [("fc", "linear", 0), ("fc", 0), ("fc", "linear", 0), ("fc", 1), *own]


def test_nothing_is_left_for_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        model, x = Nested(), torch.randn(1, 2)
        walk = Walk(dict(model.named_modules()), Notes())
        walk.begin(model)
        walk.end(model, model(x))
        gone = weakref.ref(walk)
        del walk
        assert gone() is None
    finally:
        gc.enable()


def test_a_model_without_parts_is_followed_and_left():
    class Alone(nn.Module):
        def forward(self, x, deep=True):
            return torch.relu(self.forward(x, False) + 1) if deep else x

    seen, _ = followed(Alone(), torch.randn(1, 2))
    assert seen == [("", "add", 0), ("", "relu", 0)] and not _get_current_function_mode_stack()
    walk = Walk({}, Notes())
    walk.open()
    walk.begin(Alone())
    walk.close()
    assert not _get_current_function_mode_stack()


def test_functions_can_be_left_out():
    seen, _ = followed(Nested(), torch.randn(1, 2), functions=False)
    assert seen == [("fc", 0), ("fc", 1)]


def test_nothing_that_flows_changes():
    model, x = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0), torch.randn(2, 3, 8)
    assert torch.equal(followed(model, x)[1], model(x))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_everything_is_taken_off_after_an_error(error):
    class Raises(nn.Module):
        def forward(self, x):
            raise error

    model = nn.Sequential(nn.Linear(2, 2), Raises())
    with pytest.raises(error):
        followed(model, torch.randn(1, 2))
    assert not _get_current_function_mode_stack()
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in model.modules())


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # the compiler's own question
def test_a_branch_that_torch_captures_is_one_call():
    class Branched(Nested):
        def forward(self, x):
            return torch.cond(x.sum() > -1e6, lambda one: self.fc(one), lambda one: one * 2, (x,)).relu()

    model, x = Branched(), torch.rand(2, 2)
    seen, out = followed(model, x)
    assert torch.equal(out, model(x))
    assert [one[1] for one in seen if len(one) == 3] == ["sum", "gt", "cond", "relu"]
