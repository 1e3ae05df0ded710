import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from pellucid.core.errors import LayerNotFound
from pellucid.core.sites import Site
from pellucid.engine.looker import MOST_TRACES, Looker, owner, unwrapped
from pellucid.engine.passes import INPUT, OUTPUT, Pass
from pellucid.inputs.read import read
from tests.engine.asking import ask, see
from tests.networks import NETWORKS

NET = NETWORKS["article_net"].build()


def test_wrappers_are_looked_through():
    model = nn.Linear(2, 2)
    compiled = torch.compile(model, backend="eager")
    assert unwrapped(nn.DataParallel(model)) is unwrapped(compiled) is unwrapped(nn.DataParallel(compiled)) is model
    assert Looker(nn.DataParallel(model)).model is model


@pytest.mark.parametrize(
    ("layer", "site"),
    [
        ("conv1", Site("conv1")),
        ("fc1:weight", Site("fc1", side=":weight")),
        ("last spatial", Site("last spatial", role="last spatial")),
        ("conv*", Site("conv*")),
        (Site("anything"), Site("anything")),
        (NET.pool, Site("pool")),
        (NET, Site("")),
        ("", Site("")),
    ],
)
def test_what_names_a_layer(layer, site):
    assert Looker(NET).site(layer) == site


def test_modules_and_parameters_that_are_not_there():
    looker = Looker(NET)
    with pytest.raises(LayerNotFound, match="this Linear is not part of ArticleNet"):
        looker.site(nn.Linear(2, 2))
    with pytest.raises(LayerNotFound, match="'pool' has no parameter 'weight'") as caught:
        looker.site("pool:weight")
    assert caught.value.nearest == "none"


def test_a_child_named_output_or_input():
    network = NETWORKS["child_named_output"]
    model, x = network.build(), network.x(2)
    seen = see(model, x, keep=["output", OUTPUT])
    assert torch.equal(seen[OUTPUT], network.build()(x).detach())
    assert seen.at("output")[0].place.path == "output" and seen.at(OUTPUT)[0].place.path == ""


def test_names_with_dots_and_slashes():
    model = nn.ModuleDict(
        {"a/b": nn.Linear(3, 3), "c:weight": nn.Linear(3, 3), "d[0]": nn.Linear(3, 3), "e#1": nn.Linear(3, 3)}
    )
    model.forward = lambda x: model["e#1"](model["d[0]"](model["c:weight"](model["a/b"](x)))).relu()
    x = torch.randn(1, 3)
    seen = see(
        model, x, keep=["a/b", "c:weight", "d[0]", "e#1", "a/b:weight", "a/b/linear.0"], grads=["a/b:weight"], target=0
    )
    assert torch.equal(seen["a/b"], model["a/b"](x).detach()) and torch.equal(seen["a/b"], seen["a/b/linear.0"])
    assert all(seen[name].shape == (1, 3) for name in ("c:weight", "d[0]", "e#1"))
    assert torch.equal(seen["a/b:weight"], model["a/b"].weight)


def test_an_alias_is_known_by_its_first_name():
    class Aliased(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(2, 2)
            self.b = self.a

        def forward(self, x):
            return self.b(x)

    model, x = Aliased(), torch.randn(1, 2)
    assert torch.equal(see(model, x, keep=["a"])["a"], model(x).detach())
    with pytest.raises(LayerNotFound, match="has no layer 'b'") as caught:
        see(model, x, keep=["b"])
    assert "'a'" in caught.value.nearest


def test_weights_of_layers():
    looker = Looker(NET)
    assert looker.weights("conv1") == looker.weights("conv1:weight") == (Site("conv1", side=":weight"),)
    assert [site.path for site in looker.weights(("conv1", "fc1#0"))] == ["conv1", "fc1"]
    with pytest.raises(LayerNotFound, match="'pool' has no weight of its own"):
        looker.weights("pool")
    with pytest.raises(LayerNotFound, match=r"'/relu\.0' has no weight of its own") as caught:
        looker.weights("/relu.0")
    assert caught.value.nearest.startswith("'conv1', ")
    with pytest.raises(LayerNotFound) as caught:
        Looker(nn.Sequential(nn.Sequential(nn.Linear(2, 2)))).weights("0")
    assert caught.value.nearest == "'0.0'"


def test_parameters_that_a_site_denotes():
    looker = Looker(NET)
    assert [name for name, _ in looker.named(looker.site("conv*:weight"))] == ["conv1.weight", "conv2.weight"]
    assert looker.named(looker.site("conv1")) == []


def test_a_parametrized_weight_is_the_parameter_behind_it():
    model = nn.Sequential(weight_norm(nn.Linear(3, 2)))
    looker = Looker(model)
    ((name, parameter),) = looker.named(looker.weights("0")[0])
    assert parameter.shape == (2, 3) and owner(name) == "0" and owner("a.b.weight") == "a.b" and owner("weight") == ""


def test_the_trace_is_kept_per_signature_and_not_per_batch():
    looker = Looker(NET)
    for size in (1, 2, 2):
        see(looker, torch.randn(size, 3, 32, 32), keep=[OUTPUT])
    assert len(looker.traces) == 1
    convolution = Looker(nn.Conv2d(3, 4, 3))
    see(convolution, torch.randn(1, 3, 8, 8), keep=[OUTPUT])
    see(convolution, torch.randn(1, 3, 9, 8), keep=[OUTPUT])
    assert len(convolution.traces) == 2


def test_the_callers_input_is_never_touched():
    network = NETWORKS["writes_into_input"]
    x = network.x(2).requires_grad_()
    before, version = x.detach().clone(), x._version
    see(network.build(), x, grads=[INPUT], keep=[INPUT], target=0)
    assert torch.equal(x, before) and x._version == version and x.grad is None and x.is_leaf


def test_counts_of_a_session():
    _, cost = ask(
        NET, Pass(read(torch.randn(3, 3, 32, 32)), keep=[OUTPUT]), Pass(read(torch.randn(2, 3, 32, 32)), keep=[OUTPUT])
    )
    assert (cost.forwards, cost.samples, cost.backwards, cost.peak_bytes) == (2, 5, 0, None) and cost.seconds > 0


def test_another_output_is_explained_by_name():
    network = NETWORKS["dict_output"]
    model, x = network.build(), network.x(2)
    for select, key in (("aux", "aux"), (None, "logits"), (lambda out: out["aux"], "aux")):
        assert torch.equal(see(Looker(model, select), x, target=1).score, model(x)[key][:, 1].detach())


def test_a_tied_weight_is_told_by_the_name_that_it_has():
    tied = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5))
    tied[1].weight = tied[0].weight
    for wrong in (lambda: Looker(tied).weights("1"), lambda: Looker(tied).site("1:weight")):
        with pytest.raises(LayerNotFound, match=r"'1:weight' is one parameter with '0:weight' \(tied\)"):
            wrong()


def test_traces_of_many_signatures_do_not_pile_up():
    looker = Looker(nn.Sequential(nn.Embedding(9, 2), nn.Linear(2, 2)))
    for length in range(1, MOST_TRACES + 5):
        see(looker, torch.zeros(1, length, dtype=torch.long), keep=[OUTPUT])
    assert len(looker.traces) == MOST_TRACES
