import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pellucid.ops.ranking import NOTHING, keys, ordinal_of, shuffled, value_of

SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 1e-40, 3.4028235e38, -3.4028235e38, 1.0, -1.0]
NUMBERS = st.one_of(st.sampled_from(SPECIAL), st.floats(width=32))
MASK = (1 << 64) - 1


@given(st.lists(st.tuples(NUMBERS, st.integers(0, 2**32 - 1)), min_size=1, max_size=40, unique_by=lambda one: one[1]))
@settings(max_examples=500, deadline=None)
def test_larger_keys_are_larger_values_and_then_earlier_samples(pairs: list[tuple[float, int]]) -> None:
    values = torch.tensor([value for value, _ in pairs], dtype=torch.float32)
    made = keys(values, torch.tensor([ordinal for _, ordinal in pairs]))
    order = made.argsort(descending=True, stable=True).tolist()
    fine = [i for i in range(len(pairs)) if not np.isnan(pairs[i][0])]
    expected = sorted(fine, key=lambda i: (-np.float32(pairs[i][0]), pairs[i][1]))
    assert [i for i in order if i in set(fine)] == expected == order[: len(fine)]
    assert len(set(made[fine].tolist())) == len(fine)
    assert (made == NOTHING).tolist() == [bool(np.isnan(value)) for value, _ in pairs]
    assert torch.equal(value_of(made).view(torch.int32)[fine], (values + 0.0).view(torch.int32)[fine])
    assert value_of(made).isnan().tolist() == (made == NOTHING).tolist()
    assert ordinal_of(made).tolist() == [-1 if np.isnan(value) else ordinal for value, ordinal in pairs]


@given(arrays.arrays(np.float16, 30, elements=st.floats(width=16)))
@settings(max_examples=100, deadline=None)
def test_half_precision_ranks_as_it_is(values: np.ndarray) -> None:
    one = torch.from_numpy(values)
    made = keys(one, torch.arange(30))
    assert torch.equal(made, keys(one.double(), torch.arange(30)))
    assert torch.equal(value_of(made).half().nan_to_num(nan=0.5), (one + 0.0).nan_to_num(nan=0.5))
    wide = one.bfloat16()
    assert torch.equal(value_of(keys(wide, torch.arange(30))).bfloat16().nan_to_num(), (wide + 0.0).nan_to_num())


def test_ordinals_broadcast_over_channels() -> None:
    made = keys(torch.zeros(3, 2), torch.tensor([5, 1, 9])[:, None])
    assert ordinal_of(made).tolist() == [[5, 5], [1, 1], [9, 9]]
    assert made.argmax(0).tolist() == [1, 1]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20), st.integers(0, 2**40))
@settings(max_examples=200, deadline=None)
def test_the_shuffle_is_that_of_its_paper(numbers: list[int], seed: int) -> None:
    found = shuffled(torch.tensor(numbers), seed).tolist()
    assert [one & MASK for one in found] == [splitmix64(one & MASK, 2 * seed + 1) for one in numbers]
    assert len(set(found)) == len(set(numbers))


def test_the_first_numbers_of_the_generator() -> None:
    assert int(shuffled(torch.tensor([0]))) & MASK == 0xE220A8397B1DCDAF
    again = torch.tensor([0x9E3779B97F4A7C15 - (1 << 64)])
    assert int(shuffled(again)) & MASK == 0x6E789E6AA1B965F4


def test_neighbouring_numbers_are_spread_evenly() -> None:
    found = (shuffled(torch.arange(100_000)) >> 60) + 8
    counts = torch.bincount(found, minlength=16)
    assert counts.min() > 6000 and counts.max() < 6500


def splitmix64(number: int, steps: int) -> int:
    x = (number + 0x9E3779B97F4A7C15 * steps) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)
