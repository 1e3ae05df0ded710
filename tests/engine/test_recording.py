import torch
from torch import nn
from torch.nn import functional as F

from pellucid.core.sites import Place, Site
from pellucid.engine.passes import INPUT, OUTPUT
from pellucid.engine.recording import Entry, Nodes, Recording, is_input, storage_of
from pellucid.engine.taps import Taps
from tests.engine.asking import see
from tests.networks import NETWORKS


def test_it_is_finished_when_the_last_wanted_place_was_seen():
    recording = Recording(Taps([], []), grad_mode=False, last=Place("a", 1))
    seen = []
    for path, call, op in (("a", 0, ""), ("a", 1, "relu"), ("b", 1, ""), ("a", 1, "")):
        recording.event(path, call, op, 0, "Kind", torch.zeros(1))
        seen.append(recording.finished())
    assert seen == [False, False, False, True]
    assert not Recording(Taps([], []), grad_mode=False).finished()


def nodes(function):
    found, place = Nodes(), Place("", 0, "mul", 0)
    function(found, place)
    return found


def test_activations_written_by_hand_are_noticed():
    x = torch.randn(3, requires_grad=True)
    gate = x.sigmoid()

    def composed(found, place):
        found.add("sigmoid", (x,), {}, gate, place)
        found.add("mul", (gate, x), {}, gate * x, place)

    def plain(found, place):
        other = torch.randn(3)
        found.add("sigmoid", (x,), {}, gate, place)
        found.add("mul", (other, gate), {}, other * gate, place)
        found.add("mul", (2, x), {}, 2 * x, place)

    assert nodes(composed).composed and not nodes(plain).composed


def test_only_activations_on_the_graph_have_a_node():
    x = torch.randn(3, requires_grad=True)

    def run(found, place):
        for name, out in (("relu", x.relu()), ("relu", x.detach().relu()), ("linear", x * 2), ("gelu", F.gelu(x))):
            found.add(name, (x,), {}, out, place)

    assert [name for name, _ in nodes(run).found] == ["relu", "gelu"]


def test_an_integer_input_is_explained_at_the_embedding_that_reads_it():
    network = NETWORKS["causal_lm"]
    model, x = network.build(), network.x(2)
    seen = see(model, x, keep=[INPUT, "embed"], grads=[INPUT], target=3)
    assert torch.equal(seen[INPUT], model.embed(x).detach()) and seen.grad(INPUT).shape == seen[INPUT].shape
    leaf = model.embed(x).detach().requires_grad_()
    model.embed.forward = lambda _: leaf
    assert torch.allclose(seen.grad(INPUT), torch.autograd.grad(model(x)[:, -1, 3].sum(), leaf)[0], atol=1e-6)


def test_an_embedding_of_something_else_is_not_the_input():
    class Positions(nn.Module):
        def __init__(self):
            super().__init__()
            self.positions, self.words, self.fc = nn.Embedding(9, 4), nn.Embedding(9, 4), nn.Linear(4, 2)

        def forward(self, tokens):
            places = self.positions(torch.arange(tokens.shape[1]))
            return self.fc((self.words(tokens) + places).mean(1))

    model, x = Positions(), torch.tensor([[5, 3, 8]])
    assert torch.equal(see(model, x, keep=[INPUT])[INPUT], model.words(x).detach())


def test_several_inputs_by_name():
    network = NETWORKS["two_inputs"]
    x = network.x(2)
    seen = see(network.build(), x, keep=[INPUT, "input@1"], grads=[INPUT, "input@1"], target=0)
    assert [spot.input for spot in seen.at(INPUT)] == ["0", "1"] and [spot.address for spot in seen.at(INPUT)] == [
        "input@0",
        "input@1",
    ]
    assert all(torch.equal(spot.value, one) for spot, one in zip(seen.at(INPUT), x, strict=True))
    assert torch.equal(seen.grad("input@1"), seen.at(INPUT)[1].grad)


def test_what_is_the_models_input():
    assert is_input(INPUT) and is_input(Site("", side="in", field="table"))
    assert not is_input(OUTPUT) and not is_input(Site("a", side="in")) and not is_input(Site("", op="relu", side="in"))


def test_views_have_one_storage():
    base = torch.zeros(4, 4)
    assert storage_of(base) == storage_of(base[1:]) == storage_of(base.detach()) != storage_of(base.clone())


def test_an_entry_waits_for_its_embedding():
    assert Recording(Taps([], []), grad_mode=False, entries={"input": Entry("input", ids=torch.zeros(1))}).entering
    assert not Recording(Taps([], []), grad_mode=False, entries={"input": Entry("input")}).entering


def test_the_graph_knows_what_reads_what_through_in_place_writes():
    class Writes(nn.Module):
        def forward(self, x):
            y = x * 2
            y += 1
            return y.relu_().sum(1)

    links = see(Writes(), torch.randn(2, 3), keep=[OUTPUT], graph=True).trace.links
    assert [[maker for maker, _ in reads] for _, reads in sorted(links.reads.items())] == [[-1], [0], [1], [2]]
    assert [maker for maker, _ in links.outputs] == [3]
