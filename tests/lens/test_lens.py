from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadInput, BadRequest, BadSetting, BadTarget, LayerNotFound, ModelFailed, UnknownMethod
from tests.contract import state
from tests.networks import NETWORKS

NETWORK = NETWORKS["article_net"]
X = NETWORK.x(2)
LABELS = [f"thing {i}" for i in range(10)]


def lens(**more):
    return pl.Lens(NETWORK.build(), **more)


@pytest.mark.parametrize(
    ("ask", "error", "words", "help_with"),
    [
        (
            lambda: lens().see(X, pl.grad_cam(layer="conv9")),
            LayerNotFound,
            "ArticleNet has no layer 'conv9'",
            "asked by  grad_cam(layer='conv9')",
        ),
        (
            lambda: lens().see(X, pl.grad_cam(layer="/relu.17")),
            LayerNotFound,
            "nothing in this forward is called '/relu.17'",
            "asked by  grad_cam(",
        ),
        (lambda: lens().see(X, pl.grad_cam(layer="conv1#")), LayerNotFound, "is not an address", "asked by"),
        (
            lambda: lens().see(X, pl.grad_cam(layer=nn.Linear(1, 1))),
            LayerNotFound,
            "this Linear is not part of ArticleNet",
            "try",
        ),
        (lambda: lens().see(X, "salience"), UnknownMethod, "no visualization is called 'salience'", "'saliency'"),
        (lambda: lens().see(X, pl.saliency), BadSetting, "saliency is a method, not a view", "pl.saliency()"),
        (lambda: lens().see(X, 3), BadSetting, "a view or the name of a method is needed, not int", ""),
        (
            lambda: lens().see(X, "saliency", target=10),
            BadTarget,
            "target 10 is out of range: the output has 10 classes, 0 to 9",
            "asked by  saliency()",
        ),
        (lambda: lens().see(X, "saliency", target=[1, 2, 3]), BadTarget, "3 targets for 2 examples", "one per example"),
        (
            lambda: lens(labels=LABELS).see(X, "saliency", target="thing4"),
            BadTarget,
            "no class is called 'thing4'",
            "'thing 4'",
        ),
        (lambda: lens().see(X, "saliency", target="cat"), BadTarget, "no class is called 'cat'", "Lens(labels=[...])"),
        (
            lambda: lens().see(torch.zeros(0, 3, 32, 32), "saliency"),
            BadInput,
            r"empty: its shape is \(0, 3, 32, 32\)",
            "at least one",
        ),
        (lambda: lens().see(X * float("nan"), "saliency"), BadInput, "NaN among", "no picture of them"),
        (lambda: lens().see(X / 0, "saliency"), BadInput, "infinite among", ""),
        (lambda: lens().see(None, "saliency"), BadInput, "saliency needs an input x", "lens.see(x, ...)"),
        (lambda: lens().see("cat.jpg", "saliency"), BadInput, r"no file .cat\.jpg", "current folder"),
        (lambda: lens().see(X, "saliency", target=lambda out: out.nothing), BadTarget, "raised AttributeError", ""),
        (lambda: lens(batch_size=0), BadSetting, "batch_size=0 is not at least 1", ""),
        (lambda: pl.Lens("model.pth"), BadRequest, "a Lens needs a torch.nn.Module, not str", "--weights"),
        (lambda: pl.Lens(nn.Linear), BadRequest, "not type", ""),
    ],
)
def test_what_the_caller_got_wrong_raises_with_help(ask, error, words, help_with):
    with pytest.raises(error, match=words) as caught:
        ask()
    assert help_with in str(caught.value) and isinstance(caught.value, ValueError)


@pytest.mark.parametrize("wrong", [{"target": 99}, {"target": [1]}])
def test_nothing_is_looked_at_after_a_wrong_request(wrong):
    model = NETWORK.build()
    before = state.of_everything(model, X)
    with pytest.raises(BadTarget):
        pl.Lens(model).see(X, "saliency", "weights", **wrong)
    assert not state.changed(before, state.of_everything(model, X))


def test_what_can_be_told_beforehand_is_told_before_any_pass():
    model, calls = NETWORK.build(), []
    model.register_forward_hook(lambda *_: calls.append(1))
    for wrong in (pl.grad_cam(layer="conv9"), "salience"):
        with pytest.raises(BadRequest):
            pl.Lens(model).see(X, "saliency", wrong)
    assert not calls


def test_a_wrong_shape_is_the_models_own_failure_with_the_graph_up_to_there():
    x = torch.randn(1, 3, 50, 50)
    with pytest.raises(ModelFailed) as caught:
        lens().see(x, "saliency", "grad_cam")
    assert isinstance(caught.value.__cause__, RuntimeError) and "the model raised RuntimeError in" in caught.value.what
    assert "after 'pool#1' (1 16 9 9)" in caught.value.what and caught.value.trace.addresses()[-1] == "pool#1"
    graph = lens().see(x, "flow_graph", "saliency")["flow_graph"]
    assert graph.failed == len(graph.nodes) - 1 and graph.nodes[graph.failed]["site"] == "/view.0"
    assert any("The model raised here" in note.en for note in graph.notes)
    with pytest.raises(ModelFailed):
        pl.saliency()(NETWORK.build(), x)


def test_a_model_that_raises_in_the_middle_shows_how_far_it_came():
    class Middle(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

        def forward(self, x):
            self.conv(x).relu()
            raise KeyError("lost")

    views = pl.Lens(Middle()).see(torch.randn(1, 3, 8, 8), "flow_graph", "saliency", "weights")
    assert [card.method for card in views.failures] == ["saliency"] and "raised KeyError" in views["saliency"].reason
    graph = views["flow_graph"]
    assert [node["site"] for node in graph.nodes][-2:] == ["/relu.0", "/raise.0"]
    assert graph.failed == len(graph.nodes) - 1


def test_an_output_without_gradient_is_a_card_and_raises_in_one_line():
    network = NETWORKS["no_gradient"]
    views = pl.Lens(network.build()).see(network.x(1), "saliency", "activation_maps")
    assert [card.method for card in views.failures] == ["saliency"] and "carries no gradient" in views[0].reason
    with pytest.raises(pl.NotApplicable, match="carries no gradient"):
        pl.saliency()(network.build(), network.x(1))


def test_predicted_targets_are_named_with_their_probability():
    model = NETWORK.build()
    info = pl.Lens(model, labels=LABELS).see(X, "saliency")[0].targets[1]
    best = int(model(X).argmax(1)[1])
    assert (info.label, info.index, info.chosen) == (LABELS[best], (best,), "predicted")
    assert info.probability == pytest.approx(model(X).double().softmax(1)[1, best].item(), rel=1e-5)


def test_methods_by_name_equal_their_views():
    by_name, by_view = (lens().see(X, one, target=1)[0] for one in ("saliency", pl.saliency()))
    assert by_name == by_view


@pytest.mark.parametrize(("output", "key"), [(None, "logits"), ("aux", "aux"), (lambda out: out["aux"], "aux")])
def test_which_output_is_explained(output, key):
    network = NETWORKS["dict_output"]
    model, x = network.build(), network.x(2)
    result = pl.Lens(model, output=output).see(x, "saliency", target=1)[0]
    assert result.targets[0].score == pytest.approx(model(x)[key][0, 1].item(), rel=1e-5)


def test_an_output_that_does_not_exist():
    network = NETWORKS["dict_output"]
    with pytest.raises(BadSetting, match="the output has no tensor 'logit'") as caught:
        pl.Lens(network.build(), output="logit").see(network.x(1), "saliency")
    assert "'logits'" in caught.value.nearest


def test_the_device_and_the_type_of_the_model():
    model = NETWORK.build()
    assert pl.Lens(model).device == torch.device("cpu") and pl.Lens(model).dtype == torch.float32
    assert pl.Lens(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).double())).dtype is None
    assert pl.Lens(nn.ReLU()).device == torch.device("cpu") and pl.Lens(nn.ReLU()).dtype is None
    assert pl.Lens(model, device="cpu").model is model
    copied = pl.Lens(model, device="meta").model
    assert copied is not model and next(copied.parameters()).is_meta and not next(model.parameters()).is_meta


def test_names():
    model = NETWORK.build()
    assert repr(pl.Lens(model)) == "Lens(ArticleNet, 62,006 parameters)"
    assert (
        pl.Lens(torch.compile(nn.Linear(2, 1), backend="eager")).name == "Linear"
        and pl.Lens(model, name="mine").name == "mine"
    )


def test_another_seed_is_another_dropout():
    network = NETWORKS["always_drops"]
    seen = [pl.Lens(network.build()).see(network.x(1), "saliency", target=0, seed=seed)[0].values for seed in (0, 0, 1)]
    assert np.array_equal(seen[0], seen[1]) and not np.array_equal(seen[0], seen[2])


def test_progress_is_told():
    told = []
    lens().see(X, pl.integrated_gradients(n_steps=3), target=0, progress=told.append)
    assert [one.step for one in told if one.step] and told[0].forwards == 0 and told[-1].round >= 3


def test_interrupts_propagate():
    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lens().see(X, "saliency", progress=interrupt)


@dataclass
class Answer:
    loss: torch.Tensor
    logits: torch.Tensor


def test_a_dataclass_output_is_read_by_its_logits():
    class Net(nn.Linear):
        def forward(self, x):
            return Answer(super().forward(x).sum(), super().forward(x) * 2)

    model, x = Net(4, 3), torch.randn(2, 4)
    assert np.allclose(pl.saliency()(model, x, target=1).values, 2 * model.weight[1].detach().expand(2, 4), atol=1e-6)


def test_a_model_whose_shapes_are_not_known_yet_is_refused_and_left_alone():
    model = nn.Sequential(nn.LazyLinear(3), nn.ReLU())
    with pytest.raises(BadRequest, match=r"'0\.weight' is not known yet"):
        pl.Lens(model)
    model(torch.randn(2, 4))
    assert pl.Lens(model).see(torch.randn(2, 4), "saliency")[0].values.shape == (2, 4)


def test_a_model_on_the_meta_device_gives_its_graph_and_is_left_alone():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).to("meta")
    views = pl.Lens(model).see(torch.empty(2, 3, 8, 8, device="meta"), "flow_graph", "saliency")
    assert len(views[0].nodes) == 5 and "no values" in views[1].reason


def test_a_complex_input_is_refused_by_name():
    views = pl.Lens(nn.Linear(4, 3, dtype=torch.complex64)).see(torch.ones(2, 4, dtype=torch.complex64), "saliency")
    assert "complex" in views[0].reason
