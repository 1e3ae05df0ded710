import math

import pytest

from pellucid.engine.monitor.budget import EVERYTHING, NOTHING, WEIGHTS, Budget

STEP, CHEAP, DEAR = 0.2, 0.004, 0.06


def played(budget, steps, step=STEP, idle=0.0):
    own = {NOTHING: idle, WEIGHTS: CHEAP, EVERYTHING: DEAR}
    spent, levels = 0.0, []
    for number in range(steps):
        level = budget.level(number)
        cost = own[level]
        budget.spent(number, level, cost, step + cost)
        spent += cost
        levels.append(level)
    return spent, levels


def test_the_intervals_are_those_of_the_formula():
    budget = Budget(0.01)
    played(budget, 100)
    assert budget.intervals == (math.ceil(CHEAP / (0.004 * STEP)), math.ceil(DEAR / (0.006 * STEP)))


@pytest.mark.parametrize("idle", [0.0, 0.0005])
def test_the_budget_is_kept(idle):
    steps = 4000
    spent, levels = played(Budget(0.01), steps, idle=idle)
    assert spent <= 0.011 * steps * STEP
    assert levels[0] == EVERYTHING and levels.count(EVERYTHING) > 20 and levels.count(WEIGHTS) > 100


def test_slower_steps_are_measured_more_often():
    budget = Budget(0.01)
    played(budget, 100)
    before = budget.intervals
    for number in range(100, 200):
        level = budget.level(number)
        budget.spent(number, level, {NOTHING: 0.0, WEIGHTS: CHEAP, EVERYTHING: DEAR}[level], 20 * STEP)
    assert budget.intervals[0] < before[0] and budget.intervals[1] < before[1]


def test_a_number_is_kept_to():
    budget = Budget(0.01, 5)
    assert [number for number in range(20) if budget.level(number) == EVERYTHING] == [0, 5, 10, 15]


@pytest.mark.parametrize("begun", [0, 1000])
def test_no_gap_is_longer_than_what_lies_before_it(begun):
    budget = Budget(0.01)
    budget.begun = begun
    measured: dict[int, int] = {}
    for number in range(begun, begun + 200):
        level = budget.level(number)
        budget.spent(number, level, {NOTHING: 0.0, WEIGHTS: 0.3, EVERYTHING: 0.9}[level], 0.001)
        measured[number - begun] = level
    assert [one for one, level in measured.items() if level == EVERYTHING] == [0, 5, 10, 20, 40, 80, 160]
    assert [one for one, level in measured.items() if level] == [0, 3, 5, 7, 10, 15, 20, 30, 40, 60, 80, 120, 160]
