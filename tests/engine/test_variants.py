"""Variants of one example: equal to the whole network on all of them, with what lies before the edit run once."""

import pytest
import torch
from torch import nn

from pellucid.core.errors import BadSetting, LayerNotFound, NotApplicable
from pellucid.engine import variants as subject
from pellucid.engine.edits import ablate, variants
from pellucid.engine.looker import Looker
from pellucid.engine.passes import OUTPUT, Pass
from pellucid.engine.targets.target import Target
from pellucid.engine.targets.units import unit
from pellucid.inputs.read import read
from tests.engine.asking import ask, plan
from tests.engine.varying import ROWS, X, by_hand, change, looked
from tests.networks import NETWORKS, seeded

PLACES = [
    ("article_net", "conv1", True),
    ("article_net", "/relu.1", True),
    ("in_place", "relu", True),
    ("in_place", "conv2", True),
    ("called_twice", "block#0", True),
    ("called_twice", "act#1", True),
    ("residual", "0.relu#0", True),
    ("residual", "1.downsample.0", True),
    ("segmentation", "down", True),
    ("smooth", "gelu", True),
    ("child_named_output", "input", True),
    ("channels_behind", "norm", True),
    ("functional", "/conv2d.0", True),
    ("tiny_vit", "norm1", True),
    ("tiny_vit", "patch", True),
    ("encoder_layer", "encoder.norm1", True),
    ("causal_lm", "input", True),
    ("series", "0", True),
    ("volume", "0", True),
    ("two_inputs", "conv", True),
    ("dict_output", "input", True),
    ("dataclass_output", "input", True),
    ("float64", "0", True),
    ("always_drops", "", False),
]


@pytest.mark.parametrize(("name", "site", "shared"), [one for one in PLACES if one[1]])
def test_variants_equal_the_whole_network_on_as_many_rows(name, site, shared):
    network = NETWORKS[name]
    seen, cost, looker = looked(network.build(), network.x(1), site, times=2)
    assert list(looker.sharing.values()) == [shared]
    assert cost.forwards == 4 and cost.samples == 1 + ROWS + 2 + ROWS
    whole = Looker(network.build())
    whole.sharing = dict.fromkeys(looker.sharing, False)
    expected, cost, _ = looked(whole, network.x(1), site)
    assert cost.forwards == 2 and cost.samples == 1 + ROWS
    for one in seen:
        torch.testing.assert_close(one.output, expected[0].output, rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(one.scores, expected[0].scores, rtol=1e-5, atol=1e-7)
    assert len(seen[0].scores) == ROWS and len({round(float(score), 6) for score in seen[0].scores}) > 1


@pytest.mark.parametrize(("name", "path", "call"), [("residual", "0.conv1", 0), ("called_twice", "block", 1)])
def test_the_whole_network_on_as_many_rows_is_what_a_hook_gives(name, path, call):
    network = NETWORKS[name]
    site = f"{path}#{call}"
    (seen,), _, _ = looked(network.build(), network.x(1), site)
    torch.testing.assert_close(seen.output, by_hand(network.build(), network.x(1), path, call), rtol=1e-5, atol=1e-7)


def test_a_network_that_raises_later_is_run_whole_from_then_on():
    class Once(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc, self.odd = nn.Conv2d(3, 4, 3), nn.Linear(4, 3), False

        def forward(self, x):
            batch = len(x)
            x = self.conv(x)
            if self.odd and len(x) != batch:
                raise ValueError("not now")
            return self.fc(x.mean((2, 3)))

    model = seeded(Once)()
    _, _, looker = looked(model, X, "conv")
    assert list(looker.sharing.values()) == [True]
    model.odd = True
    (seen,), _, _ = looked(looker, X, "conv")
    assert list(looker.sharing.values()) == [False]
    torch.testing.assert_close(seen.output, by_hand(model, X, "conv"))


def test_the_whole_network_runs_on_as_many_rows_as_suit_it(monkeypatch):
    monkeypatch.setattr(subject, "rows_per_pass", lambda _x, _batch_size: 2)
    network = NETWORKS["residual"]
    expected, _, looker = looked(network.build(), network.x(1), "0.conv1")
    looker.sharing = dict.fromkeys(looker.sharing, False)
    (seen,), cost, _ = looked(looker, network.x(1), "0.conv1")
    assert cost.forwards == 1 + 3 and cost.samples == 1 + ROWS
    torch.testing.assert_close(seen.output, expected[0].output, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(seen.scores, expected[0].scores, rtol=1e-5, atol=1e-7)


def test_a_network_that_draws_at_random_is_run_whole():
    network = NETWORKS["always_drops"]
    looker = Looker(network.build())
    address = next(path for path, module in looker.modules.items() if isinstance(module, nn.Conv2d))
    _, _, looker = looked(looker, network.x(1), address)
    assert list(looker.sharing.values()) == [False]


def test_the_place_is_checked_once_for_each_signature():
    network = NETWORKS["residual"]
    looker = Looker(network.build())
    costs = [looked(looker, network.x(1), "0.conv1")[1].forwards for _ in range(3)]
    assert costs == [3, 2, 2]
    assert looked(looker, network.x(1), "0.conv2")[1].forwards == 3
    assert looked(looker, torch.randn(1, 3, 18, 18), "0.conv1")[1].forwards == 3


def test_the_right_target_is_picked_for_an_example_of_a_batch():
    network = NETWORKS["residual"]
    x = network.x(3)

    def method(x, target):
        clean = yield from Pass(x, target=target)
        each = []
        for i in range(3):
            seen = yield from Pass(
                x.rows(i, i + 1), target=target, edits=(variants("0.conv1", change),), expand=ROWS, start=i
            )
            each.append(seen.scores)
        return clean, each

    (task,), _ = plan(Looker(network.build()), method, x=x, target=Target([2, 0, 4]))
    for i, (scores, label) in enumerate(zip(task.result[1], [2, 0, 4], strict=True)):
        torch.testing.assert_close(scores, by_hand(network.build(), x[i : i + 1], "0.conv1")[:, label])


def test_a_unit_behind_the_edit_is_that_of_each_variant():
    network = NETWORKS["residual"]
    x = network.x(3)
    target = Target(unit("1.conv2", 2))

    def method(x, target):
        yield from Pass(x, target=target)
        edits = (variants("0", change),)
        return (yield from Pass(x.rows(2, 3), target=target, edits=edits, expand=ROWS, start=2)).scores

    (task,), _ = plan(Looker(network.build()), method, x=x, target=target)
    model = network.build()
    clean = model[1].conv2(model[1].relu(model[1].bn1(model[1].conv1(model[0](x[2:])))))[0, 2]
    model[0].register_forward_hook(lambda _m, _a, out: change(out[:1]))
    after = model[1].conv2(model[1].relu(model[1].bn1(model[1].conv1(model[0](x[2:].repeat(ROWS, 1, 1, 1))))))
    torch.testing.assert_close(task.result, after[:, 2].flatten(1)[:, clean.argmax()].detach())


def test_a_unit_before_the_edit_is_refused():
    network = NETWORKS["residual"]

    def method(x, target):
        yield from Pass(x, target=target)
        return (yield from Pass(x, target=target, edits=(variants("1", change),), expand=ROWS))

    (task,), _ = plan(Looker(network.build()), method, x=network.x(1), target=unit("0.conv1", 1))
    assert isinstance(task.error, NotApplicable) and "lies before '1'" in str(task.error)


def test_what_is_kept_has_a_row_for_each_variant_wherever_it_lies():
    network = NETWORKS["residual"]
    (seen,), _, _ = looked(network.build(), network.x(1), "0.conv2", keep=["0.conv1", "1.conv1", OUTPUT])
    assert {len(seen[layer]) for layer in ("0.conv1", "1.conv1", OUTPUT)} == {ROWS}
    assert torch.equal(seen["0.conv1"][0], seen["0.conv1"][-1]) and not torch.equal(
        seen["1.conv1"][0], seen["1.conv1"][-1]
    )


def test_a_gradient_behind_the_edit_is_that_of_each_variant():
    network = NETWORKS["residual"]
    (seen,), _, _ = looked(network.build(), network.x(1), "0.conv2", keep=["1"], grads=["1"])
    assert seen.grad("1").shape == seen["1"].shape and len(seen["1"]) == ROWS and seen.grad("1").any()


def test_one_variant_is_a_plain_pass():
    network = NETWORKS["residual"]
    (seen,), cost, looker = looked(network.build(), network.x(1), "0.conv1", edit=lambda v: v * 2, rows=1)
    assert len(seen.scores) == 1 and cost.forwards == 2 and not looker.sharing


def test_other_edits_go_along():
    network = NETWORKS["residual"]
    x = read(network.x(1))
    target = Target(1)

    def method(x, target):
        yield from Pass(x, target=target)
        both = (ablate("0.downsample", 0.3), variants("0.conv2", change))
        return (yield from Pass(x, target=target, edits=both, expand=ROWS))

    (task,), _ = plan(Looker(network.build()), method, x=network.x(1), target=1)
    model = network.build()
    model[0].downsample.register_forward_hook(lambda _m, _a, out: torch.full_like(out, 0.3))
    torch.testing.assert_close(task.result.output, by_hand(model, network.x(1), "0.conv2"), rtol=1e-5, atol=1e-7)
    assert target.resolved is None and x.size == 1


@pytest.mark.parametrize(
    ("site", "edit", "error", "words"),
    [
        ("act", change, LayerNotFound, "several in this forward"),
        ("conv9", change, LayerNotFound, "conv9"),
        ("/sigmoid.0", change, LayerNotFound, "nothing was edited"),
        ("fc:weight", change, BadSetting, "not at 'fc:weight'"),
        ("last spatial", change, BadSetting, "one place"),
        ("stem", lambda v: v, BadSetting, r"not \(5, 6"),
        ("stem", lambda v: change(v)[:, :2], BadSetting, "have shape"),
        ("stem", lambda v: change(v)[:3], BadSetting, "have shape"),
        ("stem", lambda v: v / "x", BadSetting, "TypeError"),
    ],
)
def test_what_cannot_be_varied_is_refused_by_name(site, edit, error, words):
    network = NETWORKS["called_twice"]
    with pytest.raises(error, match=words):
        looked(network.build(), network.x(1), site, edit=edit)


def test_several_examples_and_several_places_are_refused():
    network = NETWORKS["residual"]
    (seen,), _ = ask(
        network.build(), Pass(read(network.x(2)), edits=(variants("0", change),), expand=ROWS, keep=[OUTPUT])
    )
    assert isinstance(seen, BadSetting) and "2 examples" in str(seen)
    both = (variants("0", change), variants("1", change))
    (seen,), _ = ask(network.build(), Pass(read(network.x(1)), edits=both, expand=ROWS, keep=[OUTPUT]))
    assert isinstance(seen, BadSetting) and "2 edits" in str(seen)


def test_a_place_whose_first_axis_is_not_the_batch_is_refused():
    class TimeFirst(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix, self.fc = nn.Linear(5, 6), nn.Linear(6, 3)

        def forward(self, x):
            return self.fc(self.mix(x.transpose(0, 1)).mean(0))

    with pytest.raises(NotApplicable, match="first axis is not the batch"):
        looked(TimeFirst(), torch.randn(1, 4, 5), "mix")


def test_a_target_before_the_edit_is_refused():
    network = NETWORKS["residual"]

    def early(_output):
        return torch.ones(1)

    def method(x, target):
        yield from Pass(x, target=target)
        return (yield from Pass(x, target=target, edits=(variants("0", change),), expand=ROWS))

    (task,), _ = plan(Looker(network.build()), method, x=network.x(1), target=early)
    assert isinstance(task.error, NotApplicable) and " for 5 " in str(task.error)


def test_memory_that_runs_out_halves_the_variants(monkeypatch):
    network = NETWORKS["residual"]
    expected = looked(network.build(), network.x(1), "0")[0][0]
    run, refused = subject.run_group, []

    def small(session, passes):
        if passes[0].expand > 2:
            refused.append(passes[0].expand)
            raise MemoryError
        return run(session, passes)

    monkeypatch.setattr(subject, "run_group", small)
    (seen,), cost, _ = looked(network.build(), network.x(1), "0")
    torch.testing.assert_close(seen.scores, expected.scores)
    torch.testing.assert_close(seen.output, expected.output)
    assert refused and len(cost.chunks) >= 2 and max(cost.chunks) <= 3
