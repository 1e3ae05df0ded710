import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.core.errors import BadRequest
from pellucid.engine.sweeps.plan import FEWEST_SHARDS, MOST_IN_SHARD, Plan, shard_size


@given(st.integers(1, 5000), st.integers(1, 700))
def test_shards_cover_every_sample_once(samples: int, shard: int) -> None:
    plan = Plan(samples, shard, {})
    assert [i for one in range(plan.shards) for i in plan.range(one)] == list(range(samples))
    assert all(len(plan.range(one)) for one in range(plan.shards))


@given(st.integers(1, 10**7), st.integers(1, 5000))
def test_shards_are_whole_batches_and_not_large(samples: int, batch_size: int) -> None:
    size = shard_size(samples, batch_size)
    assert size % batch_size == 0 and size >= batch_size
    assert size < MOST_IN_SHARD + batch_size
    assert Plan(samples, size, {}).shards <= max(FEWEST_SHARDS, -(-samples // MOST_IN_SHARD))


def test_one_plan_has_one_name_however_its_facts_are_ordered() -> None:
    assert Plan(9, 3, {"a": 1, "b": 2}).id == Plan(9, 3, {"b": 2, "a": 1}).id
    others = [Plan(8, 3, {"a": 1, "b": 2}), Plan(9, 4, {"a": 1, "b": 2}), Plan(9, 3, {"a": 1, "b": 3})]
    assert len({one.id for one in others} | {Plan(9, 3, {"a": 1, "b": 2}).id}) == 4


def test_what_differs_is_named() -> None:
    plan = Plan(9, 3, {"model": "a", "seed": 0})
    plan.check(plan.text, "run")
    with pytest.raises(BadRequest, match=r"'run' is another one: model, samples differ"):
        plan.check(Plan(10, 3, {"model": "b", "seed": 0}).text, "run")
    with pytest.raises(BadRequest, match="extra differ"):
        plan.check(Plan(9, 3, {"model": "a", "seed": 0, "extra": 1}).text, "run")


@pytest.mark.parametrize("written", ["", "{", "[1]", "null", "\ufffd"])
def test_a_plan_that_cannot_be_read_is_refused(written: str) -> None:
    with pytest.raises(BadRequest, match="cannot be read"):
        Plan(9, 3, {}).check(written, "run")


def test_a_plan_in_other_words_is_refused() -> None:
    plan = Plan(9, 3, {})
    with pytest.raises(BadRequest, match="the words of its plan differ"):
        plan.check(json.dumps(json.loads(plan.text)), "run")
