import pytest
import torch

from pellucid.core.errors import BadSetting, NotApplicable
from pellucid.engine.passes import INPUT, Pass
from pellucid.engine.targets.target import Target
from pellucid.inputs.read import read
from pellucid.methods.decision._cut import copies_of, cuts_of, entrance, starts_of
from tests.engine.asking import ask, plan
from tests.networks import NETWORKS


def seen(network: str, *layers: object) -> tuple[object, list[object]]:
    zoo = NETWORKS[network]
    x = read(zoo.x(2))
    (found,), _ = ask(zoo.build(), Pass(x, keep=[tuple(layers)]))
    return x, list(found.at(tuple(layers)))


def test_all_inputs_are_one_cut_and_every_place_is_one() -> None:
    x, spots = seen("two_inputs", INPUT, "conv", "fc:in")
    cuts = cuts_of(x, spots)
    assert [(len(cut.spots), cut.site and (cut.site.path, cut.site.side)) for cut in cuts] == [
        (2, None),
        (1, ("conv", "out")),
        (1, ("fc", "in")),
    ]
    assert list(cuts[0].ends) == ["0", "1"] and list(cuts[1].ends) == [""]


def test_a_place_without_an_axis_of_examples_is_refused() -> None:
    x, spots = seen("article_net", "fc1:weight")
    with pytest.raises(NotApplicable, match="no axis for the 2 examples"):
        cuts_of(x, spots)


def test_gradients_at_replaced_values_reach_the_place_even_if_none_reaches_the_input() -> None:
    zoo = NETWORKS["article_net"]
    model, target = zoo.build(), Target([1, 2])

    def method(x, _):
        clean = yield from Pass(x, keep=["fc2"], target=target)
        (cut,) = cuts_of(x, clean.at("fc2"))
        points = {"": torch.cat([cut.ends[""] * 0, cut.ends[""]])}
        return (yield from cut.gradients(points, 2, target))

    (task,), _ = plan(model, method, x=zoo.x(2))
    zero = torch.zeros(2, 84, requires_grad=True)
    score = model.fc3(torch.relu(zero))[[0, 1], [1, 2]].sum()
    assert task.result[""].shape == (4, 84)
    assert torch.equal(task.result[""][:2], torch.autograd.grad(score, zero)[0])


def test_the_word_input_is_the_input() -> None:
    assert (
        entrance("input") is INPUT and entrance("input#0") == "input#0" and entrance(("input", "a")) == ("input", "a")
    )


def test_rows_of_a_pass() -> None:
    small, large = read(torch.zeros(2, 3)), read(torch.zeros(2, 1 << 21))
    assert [copies_of(small, None), copies_of(large, None), copies_of(small, 5), copies_of(small, 1)] == [8, 1, 2, 1]


def test_a_baseline_for_each_input() -> None:
    ends = {"a": torch.ones(1, 2), "b": torch.ones(1, 3)}
    starts = starts_of(ends, (0.5, torch.zeros(3)), tokens=False)
    assert starts["a"].tolist() == [[0.5, 0.5]] and starts["b"].tolist() == [[0.0] * 3]
    with pytest.raises(BadSetting, match="1 baselines for 2"):
        starts_of(ends, (0.5,), tokens=False)
