"""Covariances of units with what they see: those of all pairs at once, whatever the order and the grouping."""

from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pellucid.engine.sweeps.crossed import Crossed, Window, evenly
from pellucid.engine.sweeps.reducers import Samples
from pellucid.inputs.inputs import Inputs
from pellucid.ops.ranking import shuffled

WINDOWS = {
    "pictures": ((3, 7, 9), (4, 4), Window((2, 3), (1, 0), (2, 3), (3, 3), (2, 3), 0, (4, 1))),
    "series": ((2, 9), (8,), Window((2,), (2,), (1,), (5,), (3,), 1, (1,))),
    "steps first": ((9, 2), (8,), Window((1,), (2,), (1,), (5,), (3,), 1, (1,))),
    "one axis alone": ((2, 5, 6), (3, 4), Window((2, 3), (0, 1), (1, 1), (3, 1), (2, 4), 2, (4, 0))),
    "rows": ((6,), (), Window((), (), (), (), (), 0, ())),
}
CHANNELS, GROUPS = (2, 0), 3


@st.composite
def data(draw: st.DrawFn, kind: str) -> tuple[Crossed, Tensor, Tensor, Tensor]:
    """The reducer, inputs, cells and ordinals."""
    shape, grid, window = WINDOWS[kind]
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 12))
    scale, offset = draw(st.sampled_from([(1.0, 0.0), (0.1, 100.0)]))
    x = torch.from_numpy(random.standard_normal((count, *shape)) * scale + offset)
    cells = torch.from_numpy(random.standard_normal((count, 4, prod(grid))) + offset)
    if draw(st.booleans()):
        cells[random.integers(count), 0, -1] = np.nan
    ordinals = torch.from_numpy(np.sort(random.choice(40, count, replace=False)))
    most = draw(st.sampled_from([1, 4, 100]))
    made = Crossed("x", window, shape, prod(grid), CHANNELS, GROUPS, most, draw(st.booleans()), draw(st.integers(0, 2)))
    return made, x, cells, ordinals


def pairs(reducer: Crossed, x: Tensor, cells: Tensor, ordinal: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Every box of one sample with the units that look at it, one after another."""
    window, found = reducer.window, []
    for i, at in enumerate(product(*map(range, window.count))):
        box = x
        for axis, step, first, jump, size in zip(window.axes, at, window.first, window.jump, window.size, strict=True):
            box = box.narrow(axis - 1, first + jump * step, size)
        others = [axis for axis in range(x.ndim) if axis + 1 not in window.axes]
        box = box.permute(*others, *(axis - 1 for axis in window.axes))
        cell = window.cell + sum(step * stride for step, stride in zip(at, window.strides, strict=True))
        rank = int(shuffled(torch.tensor((ordinal << 32) | i), reducer.seed))
        found.append((rank, box.reshape(-1).numpy(), cells[list(reducer.channels), cell].numpy()))
    if len(found) > reducer.most:
        found = sorted(found, key=lambda one: one[0])[: reducer.most]
    return [(box, units) for _, box, units in found]


@pytest.mark.parametrize("kind", WINDOWS)
@given(draw=st.data())
@settings(max_examples=40, deadline=None)
def test_it_is_that_of_all_pairs_at_once_whatever_order_and_grouping(kind: str, draw: Any) -> None:
    reducer, x, cells, ordinals = draw.draw(data(kind))
    order = draw.draw(st.permutations(range(len(x))))
    states: list[Any] = []
    while order:
        size = draw.draw(st.integers(1, 4))
        taken, order = order[:size], order[size:]
        before = states.pop() if states and draw.draw(st.booleans()) else None
        samples = Samples(ordinals[taken], torch.full((len(taken),), -1), Inputs((x[taken],)))
        states.append(reducer.update(before, cells[taken], samples))
    while len(states) > 1:
        i = draw.draw(st.integers(0, len(states) - 2))
        states[i : i + 2] = [reducer.merge(states[i], states[i + 1])]
    (state,) = states
    broken = 0
    assert state["cross"].shape == (GROUPS, reducer.pixels, len(CHANNELS))
    for group in range(GROUPS):
        mine = [i for i, ordinal in enumerate(ordinals.tolist()) if ordinal % GROUPS == group]
        every = [pair for i in mine for pair in pairs(reducer, x[i], cells[i], int(ordinals[i]))]
        fine = [(box, units) for box, units in every if np.isfinite(units).all()]
        broken += len(every) - len(fine)
        assert state["count"][group] == len(fine)
        if not fine:
            continue
        seen, units = (np.stack(one) for one in zip(*fine, strict=True))
        left, right = seen - seen.mean(0), units - units.mean(0)
        least = 1e-9 * max(1.0, float(np.abs(seen).max()))
        np.testing.assert_allclose(state["mean"][group], seen.mean(0), rtol=1e-9, atol=least)
        np.testing.assert_allclose(state["means"][group], units.mean(0), rtol=1e-9, atol=least)
        np.testing.assert_allclose(state["cross"][group], left.T @ right, rtol=1e-9, atol=least)
        np.testing.assert_allclose(state["spread"][group], (left**2).sum(0), rtol=1e-9, atol=least)
        np.testing.assert_allclose(state["spreads"][group], (right**2).sum(0), rtol=1e-9, atol=least)
        if reducer.own:
            np.testing.assert_allclose(state["own"][group], left.T @ left, rtol=1e-9, atol=least)
    assert state["broken"] == broken and ("own" in state) == reducer.own


def test_samples_of_another_shape_are_counted_apart() -> None:
    shape, grid, window = WINDOWS["pictures"]
    reducer = Crossed("x", window, shape, prod(grid), CHANNELS)
    state = None
    for sides in (shape, (3, 7, 8), shape):
        x, cells = torch.randn(2, *sides), torch.randn(2, 4, 16 if sides == shape else 12)
        state = reducer.update(state, cells, Samples(torch.arange(2), torch.arange(2), Inputs((x,))))
    assert state is not None and state["other"] == 2 and state["count"].sum() == 4 * window.boxes


def test_what_is_shown_is_not_written_into() -> None:
    shape, grid, window = WINDOWS["pictures"]
    reducer = Crossed("x", window, shape, prod(grid), CHANNELS, own=True)
    x, cells, samples = torch.randn(2, *shape), torch.randn(2, 4, 16), torch.arange(2)
    copies = x.clone(), cells.clone()
    first = reducer.update(None, cells, Samples(samples, samples, Inputs((x,))))
    held = {name: value.clone() for name, value in first.items()}
    reducer.merge(first, reducer.update(first, cells, Samples(samples + 2, samples, Inputs((x,)))))
    assert torch.equal(x, copies[0]) and torch.equal(cells, copies[1])
    assert all(torch.equal(first[name], value) for name, value in held.items())


def test_channels_are_spread_evenly() -> None:
    assert evenly(5, 9) == (0, 1, 2, 3, 4) and evenly(100, 3) == (0, 50, 99) and evenly(7, 1) == (0,)
