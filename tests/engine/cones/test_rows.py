import pytest
import torch
from torch.utils._pytree import tree_flatten

from pellucid.engine.cones.rows import every_row
from pellucid.engine.cones.tape import CannotReplay
from tests.engine.replaying import taped

X = torch.randn(1, 4, 6, generator=torch.Generator().manual_seed(2))
ROWS = torch.randn(5, 4, 6, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        (lambda x: x.softmax(1), 1),
        (lambda x: x.flatten(1), 1),
        (lambda x: torch.cat([torch.ones(1, 4, 1), x], 2), 1),
        (lambda x: x.chunk(2, 1), 1),
        (lambda x: x.view(1, -1), 1 + 5),
        (lambda x: x.sum(), 5),
        (lambda x: x.squeeze(0), 5),
        (lambda x: x.max(0), 5),
        (lambda x: x.reshape(4, 6).T.reshape(1, 24), 0),
    ],
)
def test_equal_to_each_row_alone(function, calls):
    tape = taped(function, X)
    made, values, counted = None, {0: ROWS}, []
    for step in tape.steps:
        play = step.func
        step.func = lambda *args, play=play, **kwargs: counted.append(1) or play(*args, **kwargs)
        made = every_row(tape, step, values, len(ROWS))
        values.update(zip(step.outputs, tree_flatten(made)[0], strict=True))
    assert not calls or len(counted) == calls
    for n, row in enumerate(ROWS):
        for one, expected in zip(tree_flatten(made)[0], tree_flatten(function(row[None].clone()))[0], strict=True):
            alone = one[n] if one.ndim > expected.ndim else one[n : n + 1]
            torch.testing.assert_close(alone, expected)


def test_a_write_goes_into_the_rows():
    tape = taped(lambda x: (x + 0).relu_(), X)
    mine = ROWS.clone()
    made = every_row(tape, tape.steps[1], {1: mine}, len(ROWS))
    assert made is mine and torch.equal(made, ROWS.relu())


def test_a_write_that_mixes_rows_is_refused():
    tape = taped(lambda x: (x + 0).resize_(1, 2, 12), X)
    with pytest.raises(CannotReplay, match="rows apart"):
        every_row(tape, tape.steps[1], {1: ROWS.clone()}, len(ROWS))


def test_memory_that_runs_out_is_told_as_it_is():
    tape = taped(lambda x: x + 1, X)

    def runs_out(*_):
        raise torch.OutOfMemoryError("planted")

    tape.steps[0].func = runs_out
    with pytest.raises(torch.OutOfMemoryError):
        every_row(tape, tape.steps[0], {0: ROWS}, len(ROWS))
