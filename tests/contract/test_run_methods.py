"""Every method over a watched training, on small recorded runs: it works or says why not, and leaves no trace."""

import re
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid import registry
from pellucid.results.encode import decode
from pellucid.results.failure import Failure
from tests.contract import looks

METHODS = tuple(name for name in registry.names() if "run" in registry.find(name).given)
RUNS = {
    "few layers": lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)),
    "many layers": lambda: nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), nn.Sigmoid()) for _ in range(10))),
    "shared": lambda: nn.Sequential(*[nn.Linear(4, 4), nn.Tanh()] * 2),
    "convolutions": lambda: nn.Sequential(nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 3, 2), nn.ReLU(), nn.Flatten()),
    "becomes NaN": lambda: nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2)),
    "never stepped": lambda: nn.Linear(4, 2),
}
every_pair = pytest.mark.parametrize(("method", "run"), [(method, run) for run in RUNS for method in METHODS])


@cache
def recorded(name: str, folder: str | None = None) -> pl.Run:
    """Twelve steps of the named training."""
    torch.manual_seed(0)
    model = RUNS[name]()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pl.Lens(model).watch(optimizer, every=1, folder=folder) as run:
        for step in range(12 if name != "never stepped" else 0):
            optimizer.zero_grad()
            loss = model(torch.randn(6, 4)).pow(2).mean() * (float("nan") if name == "becomes NaN" and step > 6 else 1)
            loss.backward()
            optimizer.step()
            run.log(loss=loss)
    return run


def quick(method: str):
    spec = registry.find(method)
    return spec(**{name: value for name, value in spec.quick.items() if name != "layer"})


def test_there_are_such_methods() -> None:
    assert set(METHODS) >= {"gradient_flow", "gradient_maps", "updates"}


@every_pair
def test_it_works_or_says_why(method: str, run: str) -> None:
    seen = recorded(run).see(quick(method))[0]
    if run == "never stepped":
        assert isinstance(seen, Failure) and "the run holds no measurement" in seen.reason
        return
    for result in seen if isinstance(seen, tuple) else (seen,):
        assert type(result) in looks.kinds(method)
        assert "batch" not in result.axes and len(result.axes) == result.values.ndim
        english, chinese = result.describe("en"), result.describe("zh")
        assert english != chinese and len(english) > 40
        assert re.search(r"[\u4e00-\u9fff]", chinese) and not re.search(r"[\u4e00-\u9fff]", english)
        assert result.provenance.method == method and f"pl.{method}(" in result.code
        words = result.provenance.words
        assert all(one.en and one.zh for one in (words.title, words.question, words.shows, words.cannot, words.check))


@every_pair
def test_a_folder_shows_what_memory_shows(method: str, run: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = str(tmp_path_factory.mktemp("run") / "run")
    live = recorded(run, folder).see(quick(method))[0]
    again = pl.Run.open(folder).see(quick(method))[0]
    if isinstance(live, Failure):
        assert again.reason == live.reason
        return
    assert looks.content(again) == looks.content(live)
    assert folder in again.code


@pytest.mark.parametrize("method", METHODS)
def test_a_result_comes_back_from_its_file_and_is_drawn(method: str, tmp_path) -> None:
    result = quick(method)(recorded("many layers"))
    again = decode(result.save(tmp_path / "one.safetensors").read_bytes())
    assert again == result and looks.content(again) == looks.content(result) and again.describe() == result.describe()
    assert result.save(tmp_path / "one.png").stat().st_size > 1000


@pytest.mark.parametrize("method", METHODS)
def test_layers_are_chosen_by_name_and_glob(method: str) -> None:
    spec, run = registry.find(method), recorded("few layers")
    both = spec()(run)
    one = spec(layer="2")(run)
    held = both.rows.index("2") if hasattr(both, "rows") else list(both.curves).index("2")
    np.testing.assert_array_equal(one.values[0], both.values[held])
    assert looks.content(spec(layer="[0-9]")(run)) == looks.content(both)
    with pytest.raises(pl.BadRequest, match="the run has no layer 'three'"):
        spec(layer="three")(run)
    with pytest.raises(pl.NotApplicable, match="by name"):
        spec(layer=nn.Linear(1, 1))(run)


@pytest.mark.parametrize("method", METHODS)
def test_what_needs_a_run_says_so(method: str) -> None:
    spec, lens = registry.find(method), pl.Lens(RUNS["few layers"]())
    words = "watched training" if "run" in spec.required else "needs an input x"
    with pytest.raises(pl.BadRequest, match=words):
        lens.see(None, method)
    with pytest.raises(pl.BadRequest, match="not at a data set"):
        lens.sweep([torch.zeros(4)], method)


def test_together_they_are_what_they_are_alone() -> None:
    run = recorded("convolutions")
    seen = run.see()
    assert tuple(view.name for view in seen.asked) == METHODS and seen.cost.forwards == 0
    for name in METHODS:
        assert looks.content(seen[name]) == looks.content(registry.find(name)()(run))


@pytest.mark.parametrize(("method", "words"), [("saliency", "looks at an input"), ("codebook", "looks at a data set")])
def test_what_looks_at_no_run_is_refused(method: str, words: str) -> None:
    with pytest.raises(pl.BadRequest, match=f"{words}, not at a run"):
        recorded("few layers").see(method)
