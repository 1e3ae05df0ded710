import pytest
import torch
from torch import nn
from torchvision.models import resnet50

import pellucid as pl
from pellucid.core.errors import BadTarget, Cancelled, LayerNotFound, MethodFault, NotApplicable
from pellucid.engine.passes import INPUT, OUTPUT, Look, Pass, Step, together
from pellucid.engine.rules import GUIDED
from pellucid.engine.targets.target import Target
from tests.contract import state
from tests.engine.asking import plan
from tests.networks import NETWORKS, seeded

X = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(2))


def small():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    )


MODEL = seeded(small)()


def gradient(x, target):
    seen = yield from Pass(x, grads=[INPUT], target=target)
    return seen.grad(INPUT)


def value(x, target):
    seen = yield from Pass(x, keep=["0"])
    return seen["0"]


def guided(x, target):
    seen = yield from Pass(x, grads=[INPUT], target=target, rules=GUIDED)
    return seen.grad(INPUT)


def steps(x, target, n=4):
    total = 0
    for i in range(n):
        seen = yield from Pass(
            x.replaced({"input": x.tensors["input"] * (i + 1) / n}), grads=[INPUT], target=target, step=(i, n)
        )
        total = total + seen.grad(INPUT)
    return total


def counts(cost):
    return cost.forwards, cost.backwards, cost.rounds, cost.samples


def test_ten_pictures_of_a_resnet50_cost_one_forward_and_one_backward_and_rules_one_backward_each():
    lens = pl.Lens(seeded(resnet50)())
    layers = ("layer1", "layer2", "layer3", "layer4")
    ten = [
        *(pl.grad_cam(layer=one) for one in layers),
        *(pl.activation_maps(layer=one) for one in layers),
        pl.saliency(),
        pl.input_x_gradient(),
    ]
    x = torch.randn(1, 3, 64, 64)
    plain = lens.see(x, *ten).cost
    assert counts(plain) == (1, 1, 1, 1)
    views = lens.see(x, *ten, pl.guided_backprop(), pl.deconvolution())
    assert counts(views.cost) == (1, 3, 1, 1) and not views.failures
    activations = 4 * (256 * 16 * 16 + 512 * 8 * 8 + 1024 * 4 * 4 + 2048 * 2 * 2)
    image = 4 * 3 * 64 * 64
    shown_once = 2 * activations + image
    assert plain.kept_bytes == shown_once + image, "the layers with their gradients, the input with one"
    assert views.cost.kept_bytes == plain.kept_bytes + 2 * image


def test_kept_bytes_are_exact_and_counted_once():
    (tasks, planner) = plan(MODEL, value, lambda x, t: value(x, t), gradient, x=X)
    assert planner.cost().kept_bytes == 4 * (2 * 4 * 6 * 6 + 2 * (2 * 3 * 8 * 8))
    assert tasks[0].result is tasks[1].result


@pytest.mark.parametrize(
    ("methods", "expected"),
    [
        ([gradient], (1, 1, 1, 2)),
        ([value], (1, 0, 1, 2)),
        ([gradient, value, guided], (1, 2, 1, 2)),
        ([steps], (5, 4, 4, 10)),
        ([steps, gradient, value], (5, 5, 4, 10)),
        ([guided, steps], (5, 5, 4, 10)),
    ],
    ids=lambda one: "-".join(getattr(method, "__name__", "") for method in one),
)
def test_what_looks_cost(methods, expected):
    tasks, planner = plan(MODEL, *methods, x=X)
    assert counts(planner.cost()) == expected and all(task.error is None for task in tasks)


def test_two_loops_over_the_same_inputs_share_every_pass():
    def again(x, target):
        return (yield from steps(x, target))

    tasks, planner = plan(MODEL, steps, again, x=X, target=1)
    assert counts(planner.cost()) == (5, 4, 4, 10) and torch.equal(tasks[0].result, tasks[1].result)


def test_no_target_and_the_equal_named_class_share_a_backward():
    predicted = MODEL(X).argmax(1).tolist()

    def named(x, _):
        return (yield from gradient(x, Target(predicted)))

    def other(x, _):
        return (yield from gradient(x, Target([(one + 1) % 3 for one in predicted])))

    tasks, planner = plan(MODEL, gradient, named, x=X)
    assert counts(planner.cost())[:2] == (1, 1) and torch.equal(tasks[0].result, tasks[1].result)
    assert counts(plan(MODEL, gradient, named, other, x=X)[1].cost())[:2] == (1, 2)


def test_a_predicted_target_is_fixed_on_the_clean_input():
    """The first pass is on another input, so the planner adds the clean one."""
    best = MODEL(X).argmax(1)

    def far(x, target):
        seen = yield from Pass(x.replaced({"input": x.tensors["input"] * -50}), grads=[INPUT], target=target)
        return seen

    tasks, planner = plan(MODEL, far, x=X)
    assert counts(planner.cost())[:2] == (2, 1)
    assert [info.index for info in tasks[0].result.targets] == [(int(one),) for one in best]
    assert torch.allclose(tasks[0].result.score, MODEL(X * -50).detach()[range(2), best])
    assert counts(plan(MODEL, far, x=X, target=1)[1].cost())[:2] == (2, 1)


def test_a_look_is_answered_once_however_many_ask():
    started = []

    def inner(x, target):
        started.append(1)
        return (yield from steps(x, target))

    def asking(name):
        def method(x, target):
            result = yield Look(inner, x, target)
            return name, result

        return method

    tasks, planner = plan(MODEL, asking("a"), asking("b"), inner, asking("c"), x=X, target=0)
    assert len(started) == 1 and counts(planner.cost())[:2] == (5, 4)
    assert tasks[0].result[1] is tasks[1].result[1] is tasks[2].result and tasks[3].result[0] == "c"


def test_a_look_on_equal_bits_is_the_same_look_and_on_others_another():
    started = []

    def inner(x, target):
        started.append(1)
        return (yield from gradient(x, target))

    def asks(x, target):
        same = x.replaced({"input": x.tensors["input"].clone()})
        other = x.replaced({"input": x.tensors["input"] + 1})
        return (yield from together(Look(inner, x, target), Look(inner, same, target), Look(inner, other, target)))

    (task,), planner = plan(MODEL, asks, x=X, target=0)
    assert len(started) == 2 and task.result[0] is task.result[1] and counts(planner.cost())[:2] == (2, 2)


def test_together_mixes_passes_looks_and_generators_in_one_round():
    def both(x, target):
        seen, looked, result, nothing = yield from together(
            Pass(x, keep=["2"]), Look(gradient, x, target), guided(x, target), together()
        )
        return seen["2"], looked, result, nothing

    def plain(x, target):
        a = yield from Pass(x, keep=["2"])
        return a["2"], (yield from gradient(x, target)), (yield from guided(x, target)), ()

    (task,), planner = plan(MODEL, both, x=X, target=1)
    (twin,), slow = plan(MODEL, plain, x=X, target=1)
    assert counts(planner.cost())[:3] == (1, 2, 1) and counts(slow.cost())[:3] == (3, 2, 3)
    assert (
        all(torch.equal(a, b) for a, b in zip(task.result[:3], twin.result[:3], strict=True)) and task.result[3] == ()
    )


def test_together_gives_answers_in_the_order_asked_when_one_takes_longer():
    def both(x, target):
        return (yield from together(steps(x, target), value(x, target), gradient(x, target)))

    (task,), planner = plan(MODEL, both, x=X, target=1)
    assert [tuple(one.shape) for one in task.result] == [
        (2, 3, 8, 8),
        (2, 4, 6, 6),
        (2, 3, 8, 8),
    ] and planner.rounds == 4


def test_a_child_that_fails_raises_in_the_parent_who_may_go_on():
    def failing(x, target):
        yield from Pass(x, keep=["no.such"])

    def careful(x, target):
        try:
            yield Look(failing, x, target)
        except LayerNotFound:
            return (yield from value(x, target))

    def careless(x, target):
        yield from together(Look(failing, x, target), Pass(x, keep=["0"]))

    tasks, _ = plan(MODEL, careful, careless, x=X)
    assert tasks[0].result.shape == (2, 4, 6, 6) and isinstance(tasks[1].error, LayerNotFound)


def test_progress_of_a_loop_and_before_every_forward():
    told = []
    plan(MODEL, steps, value, x=X, target=0, watch=told.append)
    assert [one.step for one in told if one.step] == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert [one.round for one in told if one.step] == [1, 2, 3, 4]
    assert [one.forwards for one in told] == list(range(len(told)))
    assert told[0].waiting == 2 and told[-1].waiting == 1 and told[0].seconds <= told[-1].seconds


def test_cancelled_between_passes_keeps_what_is_finished_and_closes_the_rest():
    closed = []

    def loop(x, target):
        try:
            return (yield from steps(x, target))
        finally:
            closed.append(True)

    def watch(progress):
        if progress.step == (2, 4):
            raise Cancelled("enough")

    model = seeded(small)().train()
    before = state.of_everything(model, X)
    tasks, planner = plan(model, gradient, loop, x=X, target=0, watch=watch)
    assert tasks[0].result is not None and tasks[0].error is None
    assert isinstance(tasks[1].error, Cancelled) and closed == [True] and planner.cost().forwards == 3
    assert not state.changed(before, state.of_everything(model, X))


def test_a_method_that_computes_for_long_says_how_far_it_is_and_may_be_stopped_there():
    def long(x, target):
        first = yield from value(x, target)
        for i in range(5):
            yield from Step((i, 5))
        return first.sum()

    def beside(x, target):
        return (yield from together(Step((0, 2)), Pass(x, keep=["0"])))

    told = []
    tasks, planner = plan(MODEL, long, beside, x=X, watch=told.append)
    assert [one.step for one in told] == [None] + [(i, 5) for i in range(5)] and told[-1].waiting == 1
    assert tasks[0].result.ndim == 0 and tasks[1].result[0] is None and planner.cost().forwards == 1

    def watch(progress):
        if progress.step == (2, 5):
            raise Cancelled("enough")

    tasks, _ = plan(MODEL, long, beside, x=X, watch=watch)
    assert isinstance(tasks[0].error, Cancelled) and tasks[1].result is not None


def test_a_keyboard_interrupt_between_passes_propagates():
    def watch(progress):
        raise KeyboardInterrupt

    model = seeded(small)().train()
    before = state.of_everything(model, X)
    with pytest.raises(KeyboardInterrupt):
        plan(model, steps, x=X, target=0, watch=watch)
    assert not state.changed(before, state.of_everything(model, X))


def test_a_method_that_raises_is_a_fault_of_its_own():
    def broken(x, target):
        yield from Pass(x)
        raise ZeroDivisionError("mine")

    tasks, _ = plan(MODEL, broken, gradient, x=X)
    assert isinstance(tasks[0].error, MethodFault) and "ZeroDivisionError: mine" in str(tasks[0].error)
    assert isinstance(tasks[0].error.__cause__, ZeroDivisionError) and tasks[1].result is not None


@pytest.mark.parametrize("what", ["value", "gradient", "output", "score"])
@pytest.mark.parametrize("when", ["then asks", "then returns"])
def test_a_method_that_writes_into_what_it_was_shown_fails_alone(what, when):
    def spoiler(x, target):
        seen = yield from Pass(x, keep=["0"], grads=["0", INPUT], target=target)
        {"value": seen["0"], "gradient": seen.grad(INPUT), "output": seen.output, "score": seen.score}[what].zero_()
        if when == "then asks":
            yield from Pass(x)
        return "spoiled"

    def honest(x, target):
        seen = yield from Pass(x, keep=["0"], grads=["0", INPUT], target=target)
        return seen["0"].clone(), seen.grad(INPUT).clone(), seen.output.clone(), seen.score.clone()

    (alone,), _ = plan(MODEL, honest, x=X, target=1)
    tasks, _ = plan(MODEL, spoiler, honest, x=X, target=1)
    assert isinstance(tasks[0].error, MethodFault) and "wrote into a tensor that it shares" in tasks[0].error.what
    assert "spoiler" in tasks[0].error.what and "clone" in tasks[0].error.hint
    assert all(torch.equal(a, b) for a, b in zip(tasks[1].result, alone.result, strict=True))


def test_blame_of_a_missing_site_a_raising_target_and_a_bad_class():
    def missing(x, target):
        yield from Pass(x, keep=["nothing.here"])

    def raising(x, _):
        yield from Pass(x, grads=[INPUT], target=Target(lambda out: out.no_such_thing))

    def outside(x, _):
        yield from Pass(x, grads=[INPUT], target=Target(99))

    def integer(x, _):
        yield from Pass(x, grads=["1/relu.9"], target=Target(1))

    tasks, planner = plan(MODEL, missing, gradient, raising, outside, value, integer, x=X, target=1)
    assert [type(task.error) for task in tasks] == [
        LayerNotFound,
        type(None),
        BadTarget,
        BadTarget,
        type(None),
        LayerNotFound,
    ]
    assert counts(planner.cost())[:2] == (1, 1)


def test_a_backward_that_fails_fails_its_own_target_and_rule_alone():
    network = NETWORKS["composed_activation"]
    x = network.x(2)
    tasks, planner = plan(network.build(), gradient, guided, value_of_output, x=x, target=1)
    assert [type(task.error) for task in tasks] == [type(None), NotApplicable, type(None)]
    assert counts(planner.cost())[:2] == (1, 1)


def value_of_output(x, target):
    seen = yield from Pass(x, keep=[OUTPUT])
    return seen[OUTPUT]


def test_a_method_without_passes():
    def nothing(x, target):
        return 7
        yield

    tasks, planner = plan(MODEL, nothing, x=X)
    assert tasks[0].result == 7 and counts(planner.cost()) == (0, 0, 0, 0)


def test_graphs_do_not_outlive_their_look():
    import gc
    import weakref

    freed = []

    class Watched(nn.Module):
        def forward(self, x):
            y = x * 2
            freed.append(weakref.ref(y))
            return y.sum(1)

    tasks, _ = plan(Watched(), gradient, x=torch.randn(2, 3))
    gc.collect()
    assert freed and not any(one() is not None for one in freed) and tasks[0].result.eq(2).all()


def test_a_method_that_stumbles_over_a_model_without_values_is_told_what_it_lacks():
    def reads(x, target):
        yield Step((1, 1))
        return float(model.weight.sum())

    model = nn.Linear(4, 3, device="meta")
    (task,), _ = plan(model, reads)
    assert isinstance(task.error, NotApplicable) and "this model has no values" in task.error.what
    assert isinstance(task.error.__cause__, MethodFault)
