import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadTarget, ModelFailed, NotApplicable
from pellucid.engine.looker import Looker
from pellucid.engine.passes import INPUT, OUTPUT, Pass
from pellucid.engine.targets.target import Target, contrast
from pellucid.engine.targets.units import unit
from pellucid.inputs.read import read
from pellucid.results.failure import Failure
from tests.engine.asking import ask, see
from tests.networks import NETWORKS

X = torch.randn(2, 4, generator=torch.Generator().manual_seed(8))
NET = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).eval()


def test_one_backward_for_each_distinct_target():
    asked = [Target(1), Target([1, 1]), Target((1,)), Target(2), Target(contrast(1, 2)), Target(contrast(1, 2))]
    seen, cost = ask(NET, *(Pass(read(X), grads=[INPUT, "0"], target=target) for target in asked))
    assert (cost.forwards, cost.backwards) == (1, 3)
    first, _, _, second, difference, _ = (one.grad(INPUT) for one in seen)
    assert torch.allclose(difference, first - second, atol=1e-6)


def test_a_backward_serves_the_union_of_what_its_passes_want():
    target = Target(0)
    wants = [[INPUT], ["0"], ["2:weight", OUTPUT]]
    together, cost = ask(NET, *(Pass(read(X), grads=want, target=target) for want in wants))
    assert cost.backwards == 1
    for one, want in zip(together, wants, strict=True):
        alone = see(NET, X, grads=want, target=0)
        assert all(torch.equal(one.grad(layer), alone.grad(layer)) for layer in want)


def test_without_gradients_nothing_is_recorded():
    grads = []
    model = nn.Linear(4, 3)
    model.register_forward_hook(lambda _, __, out: grads.append(out.requires_grad))
    see(model, X, keep=[OUTPUT], target=1)
    see(model, X, grads=[OUTPUT], target=1)
    assert grads == [False, True]


@pytest.mark.parametrize(
    "cut", [lambda out: out.detach(), lambda out: out.round().detach(), lambda out: torch.tensor(out.tolist())]
)
def test_an_output_without_gradient_says_so(cut):
    class Cut(nn.Linear):
        def forward(self, x):
            return cut(super().forward(x))

    with pytest.raises(NotApplicable, match="the output carries no gradient") as caught:
        see(Cut(4, 3), X, grads=[INPUT], target=0)
    assert "activation_maps" in caught.value.hint


def test_a_backward_that_raises_in_the_model_brings_the_trace():
    class Broken(nn.Linear):
        def forward(self, x):
            out = super().forward(x)
            if out.requires_grad:
                out.register_hook(lambda _: 1 / 0)
            return out

    with pytest.raises(ModelFailed, match="the backward raised ZeroDivisionError") as caught:
        see(Broken(4, 3), X, grads=[INPUT], target=0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError) and caught.value.trace.complete


def test_each_sample_has_its_own_gradient():
    both = see(NET, X, grads=[INPUT], target=1).grad(INPUT)
    for row in range(2):
        assert torch.allclose(see(NET, X[row : row + 1], grads=[INPUT], target=1).grad(INPUT)[0], both[row], atol=1e-7)


def test_an_output_that_cannot_be_explained_fails_targets_and_nothing_else():
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, x):
            return self.fc(x).argmax(1)

    (bad, good, function), _ = ask(
        Counts(),
        Pass(read(X), grads=[INPUT], target=Target(0)),
        Pass(read(X), keep=["fc"]),
        Pass(read(X), keep=["fc"], target=Target(lambda out: out.float())),
    )
    assert isinstance(bad, NotApplicable) and "torch.int64" in str(bad)
    assert good["fc"].shape == (2, 3) and function.score.shape == (2,)


@pytest.mark.parametrize("layer", ["every block", "0*", "input", "0:weight"])
def test_a_unit_lies_in_one_layer(layer):
    with pytest.raises(BadTarget, match="a unit lies in one"):
        see(NET, X, grads=[INPUT], target=unit(layer, 0))


def test_a_unit_that_is_called_twice_needs_its_call():
    network = NETWORKS["article_net"]
    with pytest.raises(BadTarget, match="'pool' is 2 places in this forward") as caught:
        see(network.build(), network.x(1), grads=[INPUT], target=unit("pool", 0))
    assert "pool#0" in caught.value.hint


def test_the_trace_of_an_edited_forward_is_not_remembered():
    from pellucid.engine.edits import ablate

    looker = Looker(NET)
    see(looker, X, keep=[OUTPUT], edits=(ablate("0"),))
    assert not looker.traces
    see(looker, X, keep=[OUTPUT])
    assert len(looker.traces) == 1


class StepsFirst(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.fc = nn.LSTM(4, 6), nn.Linear(6, 3)

    def forward(self, x):
        return self.fc(self.cell(x)[0][-1])


def test_rows_that_do_not_count_the_examples_are_refused_not_drawn():
    with pytest.raises(NotApplicable, match=r"the output \(2, 3\) has 2 rows for 7 examples"):
        see(StepsFirst(), torch.randn(7, 2, 4), grads=[INPUT])
    with pytest.raises(NotApplicable, match="14 rows for 2 examples"):
        see(nn.Sequential(nn.Linear(4, 3), nn.Flatten(0, 1)), torch.randn(2, 7, 4), grads=[INPUT], target=1)


def test_a_function_of_the_output_may_say_what_the_rows_mean():
    seen = see(StepsFirst(), torch.randn(7, 2, 4), grads=[INPUT], target=lambda out: out[:, 1].sum())
    assert len(seen.targets) == 7 and seen.grad(INPUT).shape == (7, 2, 4)


def test_a_target_needs_values_that_the_meta_device_does_not_have():
    with pytest.raises(NotApplicable, match="no values"):
        see(nn.Linear(4, 3, device="meta"), torch.randn(2, 4, device="meta"), grads=[INPUT])


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.c, self.fc = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 3)

    def forward(self, x, deep=None):
        h = self.a(x).relu()
        if deep or (deep is None and x.mean() > 0):
            h = self.c(h).relu()
        return self.fc(h.mean((2, 3)))


@pytest.mark.parametrize("signs", [(1, -1, 1), (-1, 1, -1)])
@pytest.mark.parametrize("wants", [{"target": 0, "grads": ["last spatial"]}, {}])
def test_roles_follow_the_way_that_this_input_takes(signs, wants):
    lens, x = Looker(Branches().eval()), torch.rand(1, 1, 8, 8)
    see(lens, -x, keep=[OUTPUT])
    see(lens, x, keep=["last spatial", OUTPUT])
    for sign in signs:
        seen = see(lens, sign * x, keep=["last spatial"], **wants)
        assert [spot.address for spot in seen.at("last spatial")] == ["c" if sign > 0 else "a"]
        assert seen.at("last spatial")[0].layout is not None


def test_arguments_that_are_no_tensors_choose_the_trace_too():
    lens, x = Looker(Branches().eval()), torch.rand(1, 1, 8, 8)
    for deep in (False, True, False):
        seen = see(lens, {"x": x, "deep": deep}, keep=["last spatial"])
        assert seen.at("last spatial")[0].address == ("c" if deep else "a")


def test_a_network_that_goes_one_way_runs_once():
    lens, x = Looker(NET), X
    see(lens, x, keep=[OUTPUT])
    _, cost = ask(lens, Pass(read(x), keep=["every activation", OUTPUT]))
    assert cost.forwards == 1 and not lens.branches


@pytest.mark.parametrize("name", ["integrated_gradients", "smooth_grad", "occlusion", "rise", "score_cam", "deep_lift"])
def test_a_function_of_the_first_row_alone_is_refused_where_there_are_more(name: str):
    network = NETWORKS["article_net"]
    lens, x = pl.Lens(network.build()), network.x(1)
    (seen,) = lens.see(x, getattr(pl, name)(**getattr(pl, name).spec.quick), target=lambda out: out[0, 1])
    assert isinstance(seen, Failure) and "numbers for" in seen.reason
    (per_row,) = lens.see(x, pl.integrated_gradients(), target=lambda out: out[:, 1])
    (by_class,) = lens.see(x, pl.integrated_gradients(), target=1)
    np.testing.assert_allclose(per_row.values, by_class.values, rtol=1e-5, atol=1e-7)
    assert not isinstance(lens.see(x, pl.saliency(), target=lambda out: out[0, 1])[0], Failure)
