import warnings
from threading import Thread

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pellucid.core.errors import MethodFault, ModelFailed, NotApplicable
from pellucid.engine.edits import ablate, edit
from pellucid.engine.looker import Looker
from pellucid.engine.passes import OUTPUT, Keep, Pass
from pellucid.engine.rules import DECONVNET, GUIDED
from pellucid.inputs.read import read
from tests.contract import state
from tests.engine.asking import addresses, ask, see
from tests.networks import NETWORKS, seeded


class Block(nn.Module):
    """Writes over every intermediate tensor, or, as its twin, over none."""

    def __init__(self, in_place):
        super().__init__()
        self.in_place = in_place
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.bn2, self.relu = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=in_place)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        y = self.bn1(self.conv1(x))
        y = y.relu_() if self.in_place else y.relu()
        z = self.bn2(self.conv2(y))
        if self.in_place:
            z += y
            z.mul_(1.5)
            z[:, 1] = 0.25
        else:
            z = (z + y) * 1.5
            z = torch.cat([z[:, :1], torch.full_like(z[:, 1:2], 0.25), z[:, 2:]], 1)
        return self.fc(self.relu(z).mean((2, 3)))


WRITES, TWIN = seeded(lambda: Block(True))(), seeded(lambda: Block(False))()
X = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(3))
LAYERS = ["conv1", "bn1", "conv2", "bn2", "relu"]


@pytest.mark.parametrize("asked", [LAYERS, *[[layer] for layer in LAYERS]], ids=str)
def test_values_and_gradients_under_in_place_writes_equal_those_of_the_twin(asked):
    one, two = (see(model, X, keep=asked, grads=asked, target=1) for model in (WRITES, TWIN))
    for layer in asked:
        assert torch.equal(one[layer], two[layer])
        assert torch.equal(one.grad(layer), two.grad(layer)) and one.grad(layer).any()


def test_the_first_look_by_role_copies_in_time_too():
    one, two = (see(Looker(model), X, keep=["every conv", "last spatial"]) for model in (WRITES, TWIN))
    for role in ("every conv", "last spatial"):
        for a, b in zip(one.at(role), two.at(role), strict=True):
            assert a.address == b.address and torch.equal(a.value, b.value)


def test_looking_changes_no_bit_of_the_answer():
    for name in ("in_place", "writes_through_view", "residual"):
        network = NETWORKS[name]
        model, x = network.build(), network.x(2)
        expected = network.build()(x.clone()).detach()
        assert torch.equal(see(model, x, keep=["*", OUTPUT], grads=["input"], target=0)[OUTPUT], expected)


class Overwrites(nn.Module):
    """A child gives a view that its parent writes through."""

    def __init__(self):
        super().__init__()
        self.conv, self.part = nn.Conv2d(3, 4, 3), nn.Identity()
        self.view, self.fc = View(), nn.Linear(4, 2)

    def forward(self, x):
        h = self.conv(x)
        self.view(h).mul_(2)
        return self.fc(h.mean((2, 3)))


class View(nn.Module):
    def forward(self, h):
        return h[:, :2]


def test_a_captured_view_that_is_overwritten_has_a_value_and_no_gradient():
    model = seeded(Overwrites)()
    assert torch.equal(see(model, X, keep=["view"])["view"], model.conv(X)[:, :2].detach())
    with pytest.raises(
        NotApplicable, match="'view' is a view that the model overwrites in place: its gradient is lost"
    ):
        see(model, X, keep=["view"], grads=["view"], target=0)
    with pytest.raises(NotApplicable, match="its gradient is lost"):
        see(model, X, grads=["view"], target=0)


def test_it_fails_alone():
    model = seeded(Overwrites)()
    x = read(X)
    from pellucid.engine.targets.target import Target

    target = Target(0)
    (bad, good), cost = ask(
        model, Pass(x, grads=["view"], target=target), Pass(x, grads=["conv", "input"], target=target)
    )
    assert isinstance(bad, NotApplicable) and good.grad("conv").any() and cost.forwards == 1


squash = lambda t: t.sigmoid()


class Everything(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.act, self.attention = (
            nn.Conv2d(3, 4, 3),
            nn.ReLU(),
            nn.MultiheadAttention(4, 2, batch_first=True),
        )

    def forward(self, x):
        h = self.act(self.conv(x))
        h = squash(h)
        h = self.act(h - 0.5)
        tokens = h.flatten(2).mT
        mixed, _ = self.attention(tokens, tokens, tokens)
        return (mixed @ mixed.mT).sum((1, 2)) + F.softmax(mixed, -1)[:, 0, 0]


def test_calls_belong_to_the_innermost_running_module():
    trace = see(Everything().eval(), X, keep=[OUTPUT]).trace
    found = trace.addresses()
    for address in (
        "conv/conv2d.0",
        "act#0/relu.0",
        "act#0",
        "act#1",
        "/sigmoid.0",
        "/sub.0",
        "attention/linear.0",
        "attention",
        "/matmul.0",
        "/softmax.0",
        "output",
    ):
        assert address in found, address
    assert found.index("act#0/relu.0") < found.index("act#0") < found.index("/sigmoid.0") < found.index("act#1")


def test_counts_start_over_in_every_call_of_a_module():
    network = NETWORKS["called_twice"]
    found = see(network.build(), network.x(1), keep=[OUTPUT]).trace.addresses()
    assert {address.split("/")[1] for address in found if "#" in address and "/" in address} <= {"conv2d.0", "relu.0"}


def test_arguments_and_keywords_of_a_module_are_seen():
    class Keyed(nn.Module):
        def forward(self, *, scale, x):
            return x * scale

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Keyed()

        def forward(self, x):
            return self.inner(x=x, scale=torch.full_like(x, 2.0)).sum(1)

    seen = see(Outer(), torch.ones(2, 3), keep=["inner:in", "inner:in@1", "inner"])
    assert seen["inner:in"].eq(1).all() and seen["inner:in@1"].eq(2).all() and seen["inner"].eq(2).all()


def test_another_thread_sees_and_disturbs_nothing():
    model = seeded(lambda: Block(True))()
    answers = []

    def change(output):
        thread = Thread(target=lambda: answers.append(model.conv1(X).detach()))
        thread.start()
        thread.join()

    handle = model.conv2.register_forward_hook(lambda *_: change(_))
    seen = see(model, X, keep=["conv1", OUTPUT])
    handle.remove()
    assert len(seen.at("conv1")) == 1 and seen.trace.calls["conv1"] == 1
    assert torch.equal(answers[0], seen["conv1"]) and torch.equal(seen[OUTPUT], TWIN(X).detach())


@pytest.mark.parametrize("rule", [GUIDED, DECONVNET], ids=lambda rule: rule.name)
def test_an_activation_composed_in_python_refuses_rules_by_place(rule):
    network = NETWORKS["composed_activation"]
    with pytest.raises(NotApplicable, match=f"{rule.name}: the activation at '.+' is composed in Python"):
        see(network.build(), network.x(1), grads=["input"], target=0, rules=rule)


@pytest.mark.parametrize(
    "caller",
    [torch.no_grad, torch.inference_mode, torch.enable_grad, torch.autograd.set_detect_anomaly],
    ids=lambda one: one.__name__,
)
def test_under_any_mode_of_the_caller(caller):
    model = seeded(lambda: Block(True))()
    expected = see(model, X, keep=["bn1"], grads=["input"], target=0)
    with caller(True) if caller is torch.autograd.set_detect_anomaly else caller():
        before = state.of_process()
        found = see(model, X.clone(), keep=["bn1"], grads=["input"], target=0)
        assert not state.changed(before, state.of_process())
    assert torch.equal(found.grad("input"), expected.grad("input")) and torch.equal(found["bn1"], expected["bn1"])


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_model_that_differentiates_nothing_shows_its_values_and_says_so(mode):
    class Still(Block):
        @mode()
        def forward(self, x):
            return super().forward(x)

    model = seeded(lambda: Still(True))()
    assert torch.equal(see(model, X, keep=["conv1"])["conv1"], see(WRITES, X, keep=["conv1"])["conv1"])
    for wanted in ({}, {"rules": GUIDED}):
        with pytest.raises(NotApplicable, match="the output carries no gradient"):
            see(model, X, grads=["input"], target=1, **wanted)


@pytest.mark.parametrize("name", ["compiled_wrapper", "compiled_module"])
def test_compiled_models_are_looked_through(name):
    network = NETWORKS[name]
    model, x = network.build(), network.x(2)
    original = getattr(model, "_orig_mod", model)
    seen = see(model, x, keep=["0", OUTPUT], grads=["0"], target=1)
    leaf = original[0](x).detach().requires_grad_()
    rest = nn.Sequential(*list(original)[1:])
    assert torch.equal(seen["0"], leaf) and torch.equal(
        seen.grad("0"), torch.autograd.grad(rest(leaf)[:, 1].sum(), leaf)[0]
    )


def test_a_scripted_model_gives_its_input_gradient_and_nothing_inside():
    network = NETWORKS["scripted"]
    model, x = network.build(), network.x(2)
    leaf = x.clone().requires_grad_()
    expected = torch.autograd.grad(model(leaf)[:, 1].sum(), leaf)[0]
    seen = see(model, x, grads=["input", OUTPUT], keep=[OUTPUT], target=1)
    assert torch.allclose(seen.grad("input"), expected, atol=1e-6)
    assert torch.allclose(seen[OUTPUT], model(x).detach()) and seen.grad(OUTPUT)[:, 1].eq(1).all()
    assert not see(model, x, keep=[OUTPUT], edits=(ablate("output"),))[OUTPUT].any()
    for wanted in (
        {"keep": ["0"]},
        {"keep": ["/relu.0"]},
        {"keep": ["last spatial"]},
        {"grads": ["input"], "target": 1, "rules": GUIDED},
        {"keep": [OUTPUT], "graph": True},
    ):
        with pytest.raises(NotApplicable, match="script"):
            see(model, x, **wanted)


def test_a_scripted_part_is_named():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(nn.ReLU())
    model = nn.Sequential(nn.Conv2d(3, 4, 3), scripted, nn.Flatten(), nn.Linear(64, 2)).eval()
    assert see(model, X, keep=["0"], grads=["0"], target=0).grad("0").any()
    with pytest.raises(NotApplicable, match="needs to see every activation, but '1' is scripted"):
        see(model, X, grads=["input"], target=0, rules=GUIDED)


def test_a_model_that_raises_says_where_and_after_what():
    class Fails(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.inner = nn.Conv2d(3, 4, 3), Inner()

        def forward(self, x):
            return self.inner(self.conv(x))

    with pytest.raises(
        ModelFailed, match=r"raised ValueError in 'inner', after 'inner/relu.0' \(2 4 4 4\): no more"
    ) as caught:
        see(Fails(), X, keep=[OUTPUT])
    assert isinstance(caught.value.__cause__, ValueError)
    assert (
        caught.value.trace.addresses() == ["conv/conv2d.0", "conv", "inner/relu.0"]
        and caught.value.trace.failed == "inner"
    )


class Inner(nn.Module):
    def forward(self, h):
        h = F.relu(h)
        raise ValueError("no more")


def test_a_model_that_catches_its_own_failures_is_followed():
    class Tries(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.fc = Inner(), nn.Linear(3, 2)

        def forward(self, x):
            try:
                self.inner(x)
            except ValueError:
                return self.fc(x.relu())

    found = addresses(see(Tries(), torch.randn(1, 3), keep=["*"]), "*")
    assert found == ["fc", "output"]


def test_what_an_edit_or_a_reduction_calls_is_not_part_of_the_forward():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    lens, x = Looker(model), torch.randn(2, 3)
    alone = see(lens, x, keep=["0"])

    def change(value):
        model(x)
        return see(lens, x, keep=["0"])["0"] * 2

    def reduce(value):
        return model[2](torch.relu(value)).sum()

    kept = Keep("0", reduce)
    seen = see(lens, x, keep=["0", kept, OUTPUT], edits=(edit("0", change),))
    assert [event.path for event in seen.trace.modules()] == ["0", "1", "2", ""]
    assert torch.equal(seen["0"], alone["0"] * 2) and len(seen.at(kept)) == 1


def test_a_reduction_that_fails_is_not_the_models_fault():
    def broken(value):
        raise KeyError("x")

    with pytest.raises(MethodFault, match="the reduction broken at '1' raised KeyError"):
        see(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), torch.randn(2, 3), keep=[Keep("1", broken)])
