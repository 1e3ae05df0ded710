from collections.abc import Callable
from math import fsum
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pellucid.engine.sweeps.part import Part, joined, pack, unpack
from pellucid.engine.sweeps.reducers import ClassMeans, Covariance, Extremes, Moments, Reducer, Sample, Samples, Top
from pellucid.ops.ranking import ordinal_of, shuffled, value_of

SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 3e38, 1.0, 1.0, -1.0, 0.5)
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
CLASSES = 3


@st.composite
def data(draw: st.DrawFn, *, finite: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Cells `(sample, channel, position)`, ordinals and labels."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 14)), draw(st.integers(1, 4)), draw(st.integers(1, 5)))
    kind = draw(st.sampled_from(["normal", "few", "equal", "special"]))
    values = random.standard_normal(shape)
    if kind == "few":
        values = random.integers(-1, 2, shape).astype(float)
    elif kind == "equal":
        values = np.full(shape, random.choice([0.0, 2.5]))
    elif kind == "special" and not finite:
        values = np.where(random.random(shape) < 0.3, random.choice(SPECIAL, shape), values)
    ordinals = torch.from_numpy(np.sort(random.choice(40, shape[0], replace=False)))
    labels = torch.from_numpy(random.integers(-1, CLASSES, shape[0]))
    return torch.from_numpy(values).to(draw(st.sampled_from(DTYPES))), ordinals, labels


def gathered(reducer: Reducer, rows: tuple[Tensor, Tensor, Tensor], draw: Callable[..., Any], *, mixed: bool) -> Any:
    """The state of all samples: random batches, added or merged in a random tree; `mixed` takes them in any order."""
    order = list(range(len(rows[0])))
    if mixed:
        order = draw(st.permutations(order))
    states = []
    while order:
        state = None
        for _ in range(draw(st.integers(1, 3))):
            size = draw(st.integers(1, 5))
            taken, order = order[:size], order[size:]
            if taken:
                state = reducer.update(state, rows[0][taken], Samples(rows[1][taken], rows[2][taken]))
        states.append(state)
    while len(states) > 1:
        i = draw(st.integers(0, len(states) - 2))
        states[i : i + 2] = [reducer.merge(states[i], states[i + 1])]
    return states[0]


def same_bits(a: Any, b: Any) -> bool:
    return Part({"one": a}).digest == Part({"one": b}).digest


@pytest.mark.parametrize("k", [1, 3, 30])
@given(rows=data(), draw=st.data())
@settings(max_examples=100, deadline=None)
def test_the_largest_are_those_of_a_sort_whatever_order_and_grouping(k: int, rows: Any, draw: Any) -> None:
    state = gathered(Top("x", k), rows, draw.draw, mixed=True)
    values, ordinals = rows[0].double().numpy(), rows[1].tolist()
    for channel in range(values.shape[1]):
        found = []
        for i, ordinal in enumerate(ordinals):
            with np.errstate(over="ignore"):
                cells = values[i, channel]
                peak = np.float32(cells.max())
            if not np.isnan(peak):
                found.append((-peak, ordinal, int(np.argmax(cells))))
        found = sorted(found)[:k]
        assert ordinal_of(state["keys"])[channel].tolist() == [one[1] for one in found] + [-1] * (k - len(found))
        assert state["positions"][channel].tolist() == [one[2] for one in found] + [-1] * (k - len(found))
        assert value_of(state["keys"])[channel, : len(found)].tolist() == [-one[0] for one in found]
        assert state["nan"][channel] == np.isnan(values[:, channel]).any(1).sum()
    assert same_bits(state, gathered(Top("x", k), rows, draw.draw, mixed=True))


@given(rows=data(), draw=st.data())
@settings(max_examples=100, deadline=None)
def test_extremes_are_those_of_all_at_once(rows: Any, draw: Any) -> None:
    state = gathered(Extremes("x"), rows, draw.draw, mixed=True)
    values = rows[0].double().numpy()
    fine = np.isfinite(values).all(2)
    low = np.where(fine, values.min(2), np.inf).min(0)
    high = np.where(fine, values.max(2), -np.inf).max(0)
    assert state["low"].tolist() == low.tolist() and state["high"].tolist() == high.tolist()
    assert state["count"].tolist() == [values.shape[0] * values.shape[2]] * values.shape[1]
    assert state["zeros"].tolist() == (values == 0).sum((0, 2)).tolist()
    assert state["silent"].tolist() == (values == 0).all(2).sum(0).tolist()
    assert state["nan"].tolist() == np.isnan(values).any(2).sum(0).tolist()
    unbroken = ~np.isnan(values).any(2)
    assert state["above"].tolist() == ((values == np.inf).any(2) & unbroken).sum(0).tolist()
    assert state["below"].tolist() == ((values == -np.inf).any(2) & unbroken).sum(0).tolist()
    assert same_bits(state, gathered(Extremes("x"), rows, draw.draw, mixed=True))


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("k", [1, 6, 200])
@given(rows=data(), draw=st.data(), seed=st.integers(0, 3))
@settings(max_examples=50, deadline=None)
def test_the_sample_is_the_first_of_the_shuffled_numbers(k: int, whole: bool, rows: Any, draw: Any, seed: int) -> None:
    reducer = Sample("x", k, whole, seed)
    state = gathered(reducer, rows, draw.draw, mixed=True)
    cells = rows[0].mean(2, keepdim=True) if whole else rows[0]
    every = [(int(rows[1][i]), i, p) for i in range(cells.shape[0]) for p in range(cells.shape[2])]
    ranks = shuffled(torch.tensor([(ordinal << 32) | p for ordinal, _, p in every]), seed).tolist()
    chosen = sorted(zip(ranks, every, strict=True))[:k]
    size = len(chosen)
    assert state["seen"] == len(every)
    assert state["order"][:size].tolist() == [rank for rank, _ in chosen]
    assert state["ordinals"].tolist() == [ordinal for _, (ordinal, _, _) in chosen] + [-1] * (k - size)
    assert state["positions"].tolist() == [p for _, (_, _, p) in chosen] + [-1] * (k - size)
    expected = torch.stack([cells[i, :, p] for _, (_, i, p) in chosen])
    assert torch.equal(state["vectors"][:size].nan_to_num(nan=7), expected.nan_to_num(nan=7))
    assert not state["vectors"][size:].any()
    assert same_bits(state, gathered(reducer, rows, draw.draw, mixed=True))


@given(rows=data(), draw=st.data())
@settings(max_examples=100, deadline=None)
def test_moments_are_the_exact_sums_of_each_sample(rows: Any, draw: Any) -> None:
    state = gathered(Moments("x"), rows, draw.draw, mixed=False)
    cells = rows[0]
    precise = torch.promote_types(cells.dtype, torch.float32)
    totals = cells.sum(2, dtype=precise).double()
    squares = torch.linalg.vector_norm(cells, dim=2, dtype=precise).double() ** 2
    fine = totals.isfinite() & squares.isfinite()
    for channel in range(cells.shape[1]):
        mine = fine[:, channel]
        total, square = (one[mine, channel].tolist() for one in (totals, squares))
        assert abs(state["total"][channel] - fsum(total)) <= 1e-12 * fsum(map(abs, total))
        assert abs(state["squares"][channel] - fsum(square)) <= 1e-12 * fsum(square)
        assert state["count"][channel] == int(mine.sum()) * cells.shape[2]
        assert state["broken"][channel] == int((~mine).sum())


@given(rows=data(finite=True), draw=st.data())
@settings(max_examples=100, deadline=None)
def test_moments_of_double_precision_are_those_of_every_value(rows: Any, draw: Any) -> None:
    values = rows[0].double()
    state = gathered(Moments("x"), (values, *rows[1:]), draw.draw, mixed=False)
    for channel in range(values.shape[1]):
        mine = values[:, channel].flatten().tolist()
        assert abs(state["total"][channel] - fsum(mine)) <= 1e-12 * fsum(map(abs, mine))
        assert abs(state["squares"][channel] - fsum(one * one for one in mine)) <= 1e-12 * fsum(
            one * one for one in mine
        )


@given(rows=data(), draw=st.data())
@settings(max_examples=100, deadline=None)
def test_class_means_are_those_of_all_at_once(rows: Any, draw: Any) -> None:
    state = gathered(ClassMeans("x", CLASSES), rows, draw.draw, mixed=True)
    cells, _, labels = rows
    means = cells.mean(2, dtype=torch.promote_types(cells.dtype, torch.float32)).double()
    fine = means.isfinite()
    assert state["count"].tolist() == [int((labels == one).sum()) for one in range(CLASSES)]
    assert state["broken"].tolist() == (~fine & (labels >= 0)[:, None]).sum(0).tolist()
    for one in range(CLASSES):
        for channel in range(cells.shape[1]):
            mine = means[fine[:, channel] & (labels == one), channel].tolist()
            assert abs(state["total"][one, channel] - fsum(mine)) <= 1e-12 * fsum(map(abs, mine))


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
@given(rows=data(), draw=st.data())
@settings(max_examples=50, deadline=None)
def test_covariance_is_that_of_all_at_once(whole: bool, offset: float, rows: Any, draw: Any) -> None:
    cells = rows[0].double() + offset
    state = gathered(Covariance("x", whole), (cells, *rows[1:]), draw.draw, mixed=False)
    vectors = (cells.mean(2) if whole else cells.transpose(1, 2).flatten(0, 1)).numpy()
    fine = np.isfinite(vectors).all(1)
    vectors = vectors[fine].astype(np.longdouble)
    assert state["count"] == len(vectors) and state["broken"] == int((~fine).sum())
    if not len(vectors):
        assert not state["mean"].any() and not state["scatter"].any()
        return
    mean = vectors.mean(0)
    centred = vectors - mean
    scale = np.abs(vectors).max() + 1e-300
    assert np.abs(state["mean"].numpy() - mean).max() <= 1e-12 * scale
    spread = np.sqrt((centred**2).sum(0)) + 1e-3 * scale
    assert (np.abs(state["scatter"].numpy() - centred.T @ centred) <= 1e-12 * np.outer(spread, spread)).all()


REDUCERS = (
    Top("x", 4),
    Moments("x"),
    Extremes("x"),
    ClassMeans("x", CLASSES),
    Sample("x", 5),
    Covariance("x"),
    Covariance("x", whole=True),
)


@pytest.mark.parametrize("reducer", REDUCERS, ids=lambda one: type(one).__name__)
@given(rows=data(), draw=st.data())
@settings(max_examples=40, deadline=None)
def test_states_survive_a_file_bit_for_bit_and_are_not_written_into(reducer: Reducer, rows: Any, draw: Any) -> None:
    half = max(1, len(rows[0]) // 2)
    first = reducer.update(None, rows[0][:half], Samples(rows[1][:half], rows[2][:half]))
    before = {name: value.clone() for name, value in first.items()}
    cells = rows[0].clone()
    if half < len(rows[0]):
        rest = Samples(rows[1][half:], rows[2][half:])
        second = reducer.update(first, cells[half:], rest)
        reducer.merge(first, reducer.update(None, cells[half:], rest))
        assert second.keys() == first.keys()
        assert all(second[name].dtype == first[name].dtype for name in first)
    assert same_bits(before, first) and same_bits({"x": cells}, {"x": rows[0]})
    part = Part({"one": first}, read=half)
    again, _ = unpack(pack(part, {}), "file")
    assert again.digest == part.digest
    assert all(
        torch.equal(again.states["one"][name].view(-1), value.view(-1))
        for name, value in first.items()
        if not value.is_floating_point()
    )


@pytest.mark.parametrize("reducer", REDUCERS, ids=lambda one: type(one).__name__)
def test_the_fixed_grouping_gives_the_same_bits_for_one_and_two_threads(reducer: Reducer) -> None:
    cells = torch.randn(33, 300, 49, generator=torch.Generator().manual_seed(0)).exp()
    samples = Samples(torch.arange(33), torch.arange(33) % CLASSES)
    digests = set()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        try:
            state = reducer.update(reducer.update(None, cells, samples), cells[:20], samples_of(samples, 20))
            digests.add(Part({"one": reducer.merge(state, state)}).digest)
        finally:
            torch.set_num_threads(1)
    assert len(digests) == 1


def samples_of(samples: Samples, count: int) -> Samples:
    return Samples(samples.ordinals[:count] + 100, samples.labels[:count])


def test_a_channel_that_is_always_zero_takes_the_earliest_samples_at_their_first_position() -> None:
    state = Top("x", 3).update(None, torch.zeros(7, 2, 4), Samples(torch.arange(7), torch.full((7,), -1)))
    assert ordinal_of(state["keys"]).tolist() == [[0, 1, 2]] * 2 and not state["positions"].any()


def test_cells_that_lie_with_the_channels_last_give_the_same_bits() -> None:
    values = torch.randn(6, 8, 5, 7, generator=torch.Generator().manual_seed(0)).relu()
    samples = Samples(torch.arange(6), torch.arange(6) % CLASSES)
    last = values.to(memory_format=torch.channels_last)
    for reducer in (Top("x", 3), Extremes("x"), Sample("x", 5)):
        assert same_bits(
            reducer.update(None, values.flatten(2), samples), reducer.update(None, last.flatten(2), samples)
        )


def test_zeros_are_counted_exactly_where_there_are_many() -> None:
    cells = torch.zeros(1, 1, 2**24 + 3)
    cells[0, 0, 5] = 1e-45
    state = Extremes("x").update(None, cells, Samples(torch.tensor([0]), torch.tensor([-1])))
    assert state["zeros"].tolist() == [2**24 + 2] and state["silent"].tolist() == [0]


def test_joined_keeps_what_only_one_side_has() -> None:
    def merge(name: str, a: Any, b: Any) -> Any:
        return {"x": a["x"] + b["x"]}

    one, two = torch.ones(1), torch.full((1,), 2.0)
    a = Part({"a": {"x": one}, "both": {"x": one}}, 2, ((1, "bad"),), 0, {"a": 1})
    b = Part({"both": {"x": two}, "b": {"x": two}, "empty": {}}, 3, ((5, "worse"),), 1, {"a": 2, "b": 1})
    found = joined(a, b, merge)
    assert {name: {k: v.tolist() for k, v in state.items()} for name, state in found.states.items()} == {
        "a": {"x": [1.0]},
        "both": {"x": [3.0]},
        "b": {"x": [2.0]},
        "empty": {},
    }
    assert (found.read, found.left_out, found.halved) == (5, ((1, "bad"), (5, "worse")), 1)
    assert found.missed == {"a": 3, "b": 1}
