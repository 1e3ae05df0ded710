import pytest
import torch

from pellucid.engine.monitor.turns import PAUSE, Turns


def optimizers(count=2):
    return [torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1) for _ in range(count)]


def played(turns, *who):
    """The numbers of the steps at whose end each stands, None where its turn was late."""
    step, ends = 0, []
    for one in who:
        if turns.again(one):
            step += 1
            turns.stepped.clear()
        late = turns.is_late(one)
        ends.append(None if late else step)
        if turns.take(one, step) or late:
            step += not late
            turns.stepped.clear()
    return ends


def test_a_step_is_over_when_all_that_were_named_have_stepped():
    a, b = optimizers()
    assert played(Turns([a, b], 0), a, b, a, b, b, a) == [0, 0, 1, 1, 2, 2]


def test_one_that_was_not_named_is_taken_in_by_the_step_that_it_follows():
    a, b = optimizers()
    assert played(Turns([], 0), a, b, a, b, a, b) == [0, None, 1, 1, 2, 2]


@pytest.mark.parametrize("named", [True, False])
def test_one_that_steps_more_often_begins_another_step(named):
    critic, generator = optimizers()
    every = [critic, critic, critic, generator] * 2
    ends = played(Turns([critic, generator] if named else [], 0), *every)
    assert ends == ([0, 1, 2, 2, 3, 4, 5, 5] if named else [0, 1, 2, None, 3, 4, 5, 5])


def test_one_that_has_stopped_is_no_longer_waited_for():
    a, b = optimizers()
    turns = Turns([a, b], 0)
    played(turns, a, b)
    ends = []
    for step in range(1, 2 * PAUSE):
        turns.stepped.clear()
        ends.append(turns.take(a, step))
    assert ends == [False] * PAUSE + [True] * (PAUSE - 1)
