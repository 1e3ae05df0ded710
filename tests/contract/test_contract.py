"""Every registered method on every network of the zoo: it works or says why not, and leaves no trace."""

import random
import re

import numpy as np
import pytest
import torch

from pellucid.results import Series, Table
from tests.contract import looks, state
from tests.contract.looks import METHODS, look
from tests.networks import NETWORKS, ZOO

PAIRS = [(method, network.name) for network in ZOO for method in METHODS]
every_pair = pytest.mark.parametrize(("method", "network"), PAIRS)
# the columns of a table have the range that its rows state together, and inputs are made within it
RANGED = [("activation_maximization", name) for name in ("rows", "regression", "two_inputs")]
# dropout that never rests draws another mask for another batch, so its members are other networks
every_repeatable_pair = pytest.mark.parametrize(
    ("method", "network"), [pair for pair in PAIRS if pair[1] != "always_drops" and pair not in RANGED]
)
MAY_LACK_VALUES = (Series, Table)  # NaN is "no value here" in a curve or a column


@every_pair
def test_works_or_says_why(method: str, network: str) -> None:
    expected = NETWORKS[network].refuses.get(method)
    seen = look(method, network)
    if expected is None:
        assert seen.results, f"refused: {seen.refusal}"
    else:
        assert not seen.results and re.search(expected, seen.refusal), seen.refusal


@every_pair
def test_everything_is_as_before(method: str, network: str) -> None:
    assert not look(method, network).changed


@every_pair
def test_result_is_of_the_declared_kind_and_reads_itself(method: str, network: str) -> None:
    for result in look(method, network).results:
        assert type(result) in looks.kinds(method)
        assert len(result.axes) == result.values.ndim
        assert result.values.dtype in (np.float32, np.float64, np.int64)
        assert isinstance(result, MAY_LACK_VALUES) or np.isfinite(result.values).all()
        english, chinese = result.describe("en"), result.describe("zh")
        assert english != chinese and len(english) > 40
        assert re.search(r"[\u4e00-\u9fff]", chinese) and not re.search(r"[\u4e00-\u9fff]", english)
        assert result.provenance.method == method and result.code


@every_pair
def test_same_bytes_again_without_gradients(method: str, network: str) -> None:
    """A fresh model, one line, another random state, the caller in inference mode with inputs made there."""
    torch.manual_seed(99)
    random.seed(99)
    np.random.seed(99)
    model = NETWORKS[network].build()
    with torch.inference_mode():
        again = looks.at_once(method, model, NETWORKS[network].x(2))
    first = look(method, network)
    assert len(again.results) == len(first.results)
    for one, other in zip(again.results, first.results, strict=True):
        assert looks.content(one) == looks.content(other)
        assert one.digest == other.digest


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", ["article_net", "in_place", "lstm", "causal_lm", "half_training", "two_inputs"])
def test_same_bytes_under_no_grad(method: str, network: str) -> None:
    with torch.no_grad():
        again = looks.at_once(method, NETWORKS[network].build(), NETWORKS[network].x(2))
    first = look(method, network)
    assert [looks.content(one) for one in again.results] == [looks.content(one) for one in first.results]


@every_repeatable_pair
def test_a_batch_is_its_members(method: str, network: str) -> None:
    """The first of two examples looks as it does alone, where a result has one part per example."""
    alone, both = look(method, network, 1).results, look(method, network).results
    assert len(alone) == len(both)
    tolerance = 0.05 if "half" in NETWORKS[network].quirks else 1e-4
    for one, two in zip(alone, both, strict=True):
        if two.axes[:1] != ("batch",):
            continue
        assert len(one.values) == 1 and len(two.values) == 2
        scale = max(float(np.abs(two.values[:1]).max(initial=0)), 1e-6)
        assert np.abs(one.values - two.values[:1]).max(initial=0) <= tolerance * scale


@pytest.mark.parametrize("method", METHODS)
def test_the_caller_s_own_leaf_is_left_alone(method: str) -> None:
    """An input that asks for a gradient, has one already, and hangs on a graph of the caller's."""
    seen_by = NETWORKS["tiny_vit" if method in NETWORKS["article_net"].refuses else "article_net"]
    model, leaf = seen_by.build(), seen_by.x(2).requires_grad_()
    leaf.grad = torch.ones_like(leaf)
    x = leaf * 1.0
    before, node = state.of_everything(model, leaf), x.grad_fn
    seen = looks.at_once(method, model, x)
    assert seen.results and x.grad_fn is node and not state.changed(before, state.of_everything(model, leaf))
    x.sum().backward()
    assert torch.equal(leaf.grad, torch.full_like(leaf, 2.0))
