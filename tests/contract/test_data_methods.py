"""Every method over data, on data of every kind: it works or says why not, and leaves no trace."""

import random
import re
from typing import Any

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid import registry
from pellucid.results.encode import decode
from pellucid.results.failure import Failure
from tests.contract import looks
from tests.contract.datasets import CASES, COUNT, METHODS, lens_of, refusal_of, results_of, sweep, view_of
from tests.contract.test_contract import MAY_LACK_VALUES
from tests.contract.test_settings import others

BESIDE: dict[str, dict[str, Any]] = {
    "activation_maximization": {"layer": "first weight", "channels": 2, "n_images": 2},
    "codebook": {"dimensions": 2},
    "correlation": {"layer": "first weight", "measure": "weights"},
    "embedding": {"projection": "tsne", "samples": 9, "perplexity": 2.0},
    "unit_statistics": {"layer": "last spatial"},
}
"""Settings without which others of the same method have nothing to act on."""
SETTINGS = [(method, name) for method in METHODS for name in registry.find(method).settings]
every_pair = pytest.mark.parametrize(("method", "case"), [(method, case) for case in CASES for method in METHODS])


def test_there_are_such_methods() -> None:
    assert {"top_regions", "embedding", "unit_statistics"} <= set(METHODS)


@every_pair
def test_works_or_says_why(method: str, case: str) -> None:
    seen = sweep(method, case)
    refusal = refusal_of(method, case)
    if refusal:
        assert not seen.results and re.search(refusal, seen.refusal), seen.refusal
    else:
        assert seen.results, f"refused: {seen.refusal}"


@every_pair
def test_everything_is_as_before(method: str, case: str) -> None:
    assert not sweep(method, case).changed


@every_pair
def test_result_is_of_the_declared_kind_and_reads_itself(method: str, case: str) -> None:
    for result in sweep(method, case).results:
        assert type(result) in looks.kinds(method)
        assert len(result.axes) == result.values.ndim
        assert result.values.dtype in (np.float32, np.float64, np.int64)
        assert isinstance(result, MAY_LACK_VALUES) or np.isfinite(result.values).all()
        english, chinese = result.describe("en"), result.describe("zh")
        assert english != chinese and len(english) > 40
        assert re.search(r"[\u4e00-\u9fff]", chinese) and not re.search(r"[\u4e00-\u9fff]", english)
        assert result.provenance.method == method and result.code
        told = result.facts["data"]
        assert told["read"] == COUNT - (case == "dicts") and len(told["left out"]) == (case == "dicts")


@every_pair
def test_a_result_comes_back_from_its_file(method: str, case: str, tmp_path) -> None:
    for i, result in enumerate(sweep(method, case).results):
        again = decode(result.save(tmp_path / f"{i}.safetensors").read_bytes())
        assert again == result and looks.content(again) == looks.content(result)
        assert again.describe() == result.describe()
        for ending in ("json", "npz"):
            assert result.save(tmp_path / f"{i}.{ending}").stat().st_size > 100


@every_pair
def test_same_bytes_again_in_one_line(method: str, case: str) -> None:
    """A fresh model, another random state, the caller in inference mode."""
    torch.manual_seed(99)
    random.seed(99)
    np.random.seed(99)
    first = sweep(method, case).results
    if not first:
        return
    lens = lens_of(case)
    lens.batch_size = 5
    with torch.inference_mode():
        again = results_of(view_of(method, case)(lens, CASES[case].data()))
    assert [looks.content(one) for one in again] == [looks.content(one) for one in first]


@pytest.mark.parametrize("case", CASES)
def test_together_they_see_what_each_sees_alone(case: str) -> None:
    """In one run through the data, in another order, and twice."""
    views = [view_of(method, case) for method in reversed(METHODS)]
    seen = lens_of(case).sweep(CASES[case].data(), *views, views[0], batch_size=5)
    for view, answer in zip([*views, views[0]], seen, strict=True):
        alone = sweep(view.name, case)
        if not alone.results:
            assert str(answer.reason) == alone.refusal
            continue
        assert [looks.content(one) for one in results_of(answer)] == [looks.content(one) for one in alone.results]


@pytest.mark.parametrize("method", METHODS)
def test_the_size_of_a_batch_changes_next_to_nothing(method: str) -> None:
    alone = sweep(method, "pictures").results
    other = results_of(
        lens_of("pictures").sweep(CASES["pictures"].data(), view_of(method, "pictures"), batch_size=12)[0]
    )
    for one, two in zip(alone, other, strict=True):
        assert one.values.shape == two.values.shape
        scale = max(float(np.nanmax(np.abs(one.values))), 1e-6)
        np.testing.assert_allclose(one.values, two.values, atol=1e-4 * scale)


def shown(method: str, **settings: Any) -> Any:
    """All that a view of pictures gives; None if it refuses."""
    spec = registry.find(method)
    answer = lens_of("pictures").sweep(CASES["pictures"].data(), spec(**{**spec.quick, **settings}))[0]
    return None if isinstance(answer, Failure) else [looks.content(one) for one in results_of(answer)]


@pytest.mark.parametrize(("method", "name"), SETTINGS)
def test_every_setting_changes_something(method: str, name: str) -> None:
    spec, beside = registry.find(method), BESIDE.get(method, {})
    plain, tried = shown(method, **beside), []
    for value in others(spec.settings[name], {**spec().settings, **spec.quick, **beside}[name]):
        try:
            changed = shown(method, **{**beside, name: value})
        except pl.BadRequest as refusal:
            tried.append((value, str(refusal).splitlines()[0]))
            continue
        if plain is not None and changed is not None and changed != plain:
            return
        tried.append((value, "nothing changed" if changed is not None else "refused"))
    pytest.fail(f"{method}({name}=...) changes nothing: {tried}")
