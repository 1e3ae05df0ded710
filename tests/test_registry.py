import importlib
import inspect
import sys
from typing import Annotated, Literal

import pytest
import torch
from annotated_types import Ge, Le
from torch import nn

import pellucid as pl
from pellucid import registry
from pellucid.core.errors import BadSetting, UnknownMethod
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Layer, Look
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from tests.networks import NETWORKS

WORDS = {name: pl.Text(name, "某") for name in ("title", "question", "shows", "cannot", "check", "needs")}


@pl.method(**WORDS, paper="none", quick={"n": 2}, tour=3)
def probe(
    x: Inputs,
    target: Target,
    layer: Layer | None = None,
    n: Annotated[int, Ge(1), Le(9)] = 5,
    rate: float = 0.5,
    mode: Literal["a", "b"] = "a",
    flag: bool = False,
    name: str | None = None,
    extra: object = None,
):
    """What it does."""
    return 7
    yield


MODULE, TENSOR = nn.Linear(2, 2), torch.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n": 0}, "probe: n=0 is not a whole number of at least 1 and at most 9"),
        ({"n": 10}, "at most 9"),
        ({"n": 2.0}, "n=2.0 is not a whole number"),
        ({"n": True}, "n=True is not a whole number"),
        ({"n": "5"}, "n='5' is not a whole number"),
        ({"rate": "x"}, "rate='x' is not a number"),
        ({"mode": "c"}, "mode='c' is not one of 'a', 'b'"),
        ({"flag": 1}, "flag=1 is not True or False"),
        ({"name": 3}, "name=3 is not a text or None"),
        ({"rate": None}, "rate=None is not a number"),
        ({"n": TENSOR}, r"n=tensor\(2, 3\) is not"),
        ({"n": MODULE}, "n=<Linear> is not"),
    ],
)
def test_values_that_a_setting_cannot_take(settings, words):
    with pytest.raises(BadSetting, match=words) as caught:
        probe(**settings)
    assert caught.value.hint == "pellucid methods probe"


def test_a_setting_that_does_not_exist_comes_with_the_nearest():
    with pytest.raises(BadSetting, match="probe has no setting 'layers'") as caught:
        probe(layers="conv1")
    assert caught.value.nearest.startswith("'layer'")
    with pytest.raises(BadSetting, match="has no setting 'x'"):
        probe(x=1)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"n": 9},
        {"rate": 1},
        {"layer": "conv1"},
        {"layer": ["conv1", "conv2"]},
        {"layer": MODULE},
        {"extra": [1, {"a": TENSOR}]},
    ],
)
def test_what_a_setting_takes(settings):
    assert probe(**settings).settings.keys() == {"layer", "n", "rate", "mode", "flag", "name", "extra"}


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ({}, {}, True),
        ({}, {"n": 5}, True),
        ({"n": 4}, {"n": 5}, False),
        ({"rate": 1}, {"rate": 1.0}, True),
        ({"flag": True}, {}, False),
        ({"layer": ["a", "b"]}, {"layer": ("a", "b")}, True),
        ({"extra": TENSOR}, {"extra": TENSOR.clone()}, True),
        ({"extra": TENSOR}, {"extra": TENSOR + 1}, False),
        ({"extra": TENSOR}, {"extra": TENSOR.double()}, False),
        ({"extra": TENSOR}, {"extra": TENSOR.T}, False),
        ({"extra": MODULE}, {"extra": MODULE}, True),
        ({"extra": MODULE}, {"extra": nn.Linear(2, 2)}, False),
        ({"extra": TENSOR.numpy()}, {"extra": TENSOR}, True),
        ({"extra": TENSOR.numpy()}, {"extra": TENSOR.numpy() + 1}, False),
        ({"extra": len}, {"extra": len}, True),
        ({"extra": len}, {"extra": abs}, False),
        ({"extra": {"a": [1]}}, {"extra": {"a": (1,)}}, True),
        ({"extra": 1}, {"extra": True}, False),
        ({"extra": 1}, {"extra": "1"}, False),
        ({"extra": pl.saliency()}, {"extra": pl.saliency()}, True),
        ({"extra": pl.grad_cam()}, {"extra": pl.grad_cam(relu=False)}, False),
        ({"extra": torch.zeros(0)}, {"extra": torch.zeros(0)}, True),
        ({"extra": torch.zeros(2, dtype=torch.bfloat16)}, {"extra": torch.zeros(2, dtype=torch.bfloat16)}, True),
    ],
)
def test_views_are_equal_and_hashed_by_name_and_settings(a, b, equal):
    one, two = probe(**a), probe(**b)
    assert (one == two) is equal and (not equal or hash(one) == hash(two)) and len({one, two}) == 2 - equal


def test_views_of_other_methods_differ():
    assert pl.saliency() != pl.input_x_gradient() and pl.saliency() != "saliency"


def test_a_view_does_not_change():
    view, given = probe(extra=TENSOR), [1, 2]
    with pytest.raises(AttributeError, match="does not change"):
        view.settings = {}
    with pytest.raises(TypeError):
        view.settings["n"] = 3
    before = hash(view)
    TENSOR.add_(1)
    assert torch.equal(view.settings["extra"], TENSOR - 1) and hash(view) == before
    TENSOR.sub_(1)
    listed = probe(extra=given)
    given.append(3)
    assert listed.settings["extra"] == (1, 2)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "probe()"),
        ({"n": 5}, "probe()"),
        ({"n": 4, "mode": "b"}, "probe(n=4, mode='b')"),
        ({"layer": ["a", "b"]}, "probe(layer=('a', 'b'))"),
        ({"extra": TENSOR}, "probe(extra=tensor(2, 3))"),
        ({"extra": len}, "probe(extra=len)"),
        ({"layer": MODULE}, "probe(layer=<Linear>)"),
        ({"extra": pl.grad_cam(layer="a")}, "probe(extra=pl.grad_cam(layer='a'))"),
    ],
)
def test_it_prints_as_it_is_written(settings, text):
    assert repr(probe(**settings)) == text


def test_layers_of_a_view():
    assert probe(layer=("a", MODULE)).layers == [("layer", "a"), ("layer", MODULE)]
    assert (
        probe().layers == []
        and pl.grad_cam().layers == [("layer", "last spatial")]
        and pl.saliency().layers == [("layer", "input")]
    )


def test_what_is_known_of_a_method():
    spec = probe.spec
    assert (spec.name, spec.family, spec.given, spec.tour, spec.doc) == (
        "probe",
        "outside",
        ("x", "target"),
        3,
        "What it does.",
    )
    assert (
        dict(spec.quick) == {"n": 2}
        and spec.words.title.en == "title"
        and list(spec.settings) == list(probe().settings)
    )
    assert spec(n=3) == probe(n=3)


def test_what_a_method_cannot_do_without():
    assert probe.spec.required == ("x", "target") and pl.top_regions.spec.required == ("data",)
    assert pl.activation_maximization.spec.given == ("target", "lens", "x", "data")
    assert pl.activation_maximization.spec.required == ("target", "lens")


def test_the_public_signature_holds_the_settings_alone():
    assert list(inspect.signature(probe).parameters) == list(probe.spec.settings) and probe.__doc__ == "What it does."
    assert list(inspect.signature(pl.grad_cam).parameters) == ["layer", "relu"]
    with pytest.raises(TypeError):
        probe("conv1")


def test_a_view_starts_its_method_with_what_it_takes():
    run = probe(n=3).start(Looker(MODULE), None, None)
    with pytest.raises(StopIteration) as stop:
        next(run)
    assert stop.value.value == 7


def test_a_method_that_asks_for_no_pass_need_not_be_a_generator():
    @pl.method(**WORDS, paper="none")
    def plain(lens: Looker, factor: int = 2):
        return len(lens.modules) * factor

    with pytest.raises(StopIteration) as stop:
        next(plain(factor=5).start(Looker(nn.Sequential(MODULE)), None, None))
    assert stop.value.value == 10


def test_a_look_is_a_request_for_its_result():
    look = pl.saliency().look()
    assert isinstance(look, Look) and look.view == pl.saliency()


@pytest.mark.parametrize("name", registry.names())
def test_every_method_is_public_by_its_own_name(name):
    spec = registry.find(name)
    assert spec.name == name and getattr(pl, name).spec is spec and spec.family in registry.FOLDERS and name in dir(pl)
    assert pl.View is registry.View and registry.view(name) == getattr(pl, name)()


def test_unknown_names():
    with pytest.raises(UnknownMethod, match="no visualization is called 'grad_can'") as caught:
        registry.factory("grad_can")
    assert caught.value.nearest.startswith("'grad_cam'") and "lists all" in caught.value.hint
    with pytest.raises(AttributeError, match="pellucid has no 'salency'; nearest: saliency"):
        pl.salency


@pytest.mark.parametrize(
    ("one", "words"), [(pl.saliency, "saliency is a method, not a view"), (3, "not int"), (None, "not NoneType")]
)
def test_what_is_no_view(one, words):
    with pytest.raises(BadSetting, match=words):
        registry.view(one)


OUTSIDE = '''
from pellucid import Attribution, Inputs, Pass, Target, Text, method

W = {name: Text(name) for name in ("title", "question", "shows", "cannot", "check", "needs")}


@method(**W, paper="none")
def loudness(x: Inputs, target: Target, factor: float = 1.0):
    """Twice the gradient."""
    seen = yield from Pass(x, grads=["input"], target=target)
    return Attribution(values=seen.grad("input") * factor, targets=seen.targets)
'''


@pytest.fixture
def outside_package(tmp_path, monkeypatch):
    """An installed distribution with two methods, one of which does not import."""
    (tmp_path / "loud.py").write_text(OUTSIDE, encoding="utf-8")
    info = tmp_path / "loud-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        "[pellucid.methods]\nloudness = loud:loudness\nbroken = not_there:broken\nsaliency = loud:loudness\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    registry.places.cache_clear()
    yield
    registry.places.cache_clear()
    sys.modules.pop("loud", None)
    vars(pl).pop("loudness", None)


@pytest.mark.usefixtures("outside_package")
def test_a_method_of_another_package_is_found_by_its_entry_point():
    assert "loudness" in registry.names() and registry.find("loudness").family == "outside"
    network = NETWORKS["article_net"]
    model, x = network.build(), network.x(2)
    loud, plain = pl.Lens(model).see(x, pl.loudness(factor=2.0), "saliency", target=1)
    assert (loud.values == 2 * plain.values).all() and loud.provenance.words.title.say("zh") == "title"
    assert "loud" not in registry.places()["saliency"], "the project's own names are its own"


@pytest.mark.usefixtures("outside_package")
def test_a_package_that_does_not_import_disturbs_nobody_else():
    with pytest.raises(ModuleNotFoundError, match="not_there"):
        registry.factory("broken")
    assert registry.find("saliency").family == "decision"


def test_one_where_several_may_stand_is_a_tuple_of_one():
    assert pl.agreement(of="grad_cam").settings["of"] == ("grad_cam",)
    assert pl.lrp(rules="conv1=flat") == pl.lrp(rules=("conv1=flat",))
    assert pl.occlusion(size=3).settings["size"] == 3
