import pytest
import torch

from pellucid.core.sites import Place, Site, parse
from pellucid.engine.looker import Looker
from pellucid.engine.member import Member, Shared, parameter_place
from pellucid.engine.passes import OUTPUT, Pass
from pellucid.engine.recording import Recording
from pellucid.engine.rules import GUIDED
from pellucid.engine.taps import Taps
from pellucid.engine.targets.target import Target
from pellucid.inputs.read import read
from tests.engine.asking import see
from tests.networks import NETWORKS

X = read(torch.zeros(1, 2))


@pytest.mark.parametrize(
    ("ask", "sites", "whole"),
    [
        (Pass(X), [], False),
        (Pass(X, keep=["a"]), ["a"], False),
        (Pass(X, keep=["output"]), ["output"], True),
        (Pass(X, keep=["/relu.0"]), ["/relu.0"], False),
        (Pass(X, keep=["input"]), ["input"], False),
        (Pass(X, target=Target()), [], True),
        (Pass(X, graph=True), [], True),
        (Pass(X, rules=GUIDED), [], True),
    ],
)
def test_whether_the_forward_must_run_to_its_end(ask, sites, whole):
    assert Member(ask, {site: [parse(site)] for site in sites}).wants_output is whole


def test_the_end_of_the_model_is_wanted_by_its_site_too():
    assert Member(Pass(X, keep=[OUTPUT]), {OUTPUT: [OUTPUT]}).wants_output


def test_what_a_captured_place_is_denoted_by():
    network = NETWORKS["article_net"]
    looker = Looker(network.build())
    see(looker, network.x(1), keep=[OUTPUT])
    shared = Shared(looker, Recording(Taps([], []), grad_mode=False), next(iter(looker.traces.values())))
    place = (Place("conv2"), "")
    assert shared.denotes(parse("conv2"), place) and shared.denotes(parse("conv*"), place)
    assert not shared.denotes(Site("conv2", field="1"), place) and not shared.denotes(parse("conv1"), place)
    assert shared.denotes(parse("every conv"), place) and not shared.denotes(parse("first conv"), place)
    assert not shared.denotes(parse("every conv:in"), place)
    assert shared.denotes(parse("every conv:in"), (Place("conv2", side="in"), ""))
    shared.reader = None
    assert not shared.denotes(parse("every conv"), place)


def test_the_place_of_a_parameter():
    assert parameter_place("layer1.0.weight") == Place("layer1.0", side=":weight")
    assert parameter_place("scale") == Place("", side=":scale")
