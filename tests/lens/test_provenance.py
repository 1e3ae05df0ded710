import numpy as np
import pytest
import torch

import pellucid as pl
from tests.networks import NETWORKS

NETWORK = NETWORKS["article_net"]
LABELS = [f"name {i}" for i in range(10)]


def margin(output):
    return output[:, 0] - output[:, 1]


@pytest.mark.parametrize(
    "view",
    [
        pl.saliency(),
        pl.grad_cam(layer="conv2", relu=False),
        pl.integrated_gradients(n_steps=3),
        pl.activation_maps(layer="conv1"),
        pl.flow_graph(),
        pl.weights(),
        pl.gradient_maps(),
    ],
    ids=lambda one: one.name,
)
@pytest.mark.parametrize(
    "target",
    [None, 3, [1, 2], np.int64(2), np.array([1, 2]), torch.tensor([1, 2]), pl.contrast(1, 2)],
    ids=lambda one: type(one).__name__,
)
def test_the_line_of_code_makes_the_result_again(view, target):
    if isinstance(target, pl.contrast(0, 1).__class__) and view.name == "gradient_maps":
        return
    model, x = NETWORK.build(), NETWORK.x(2)
    given = pl.Lens(model).see(x, view, target=target)[0]
    for result in given if isinstance(given, tuple) else (given,):
        again = eval(result.code, {"pl": pl, "model": model, "x": x})
        assert result.digest in {one.digest for one in (again if isinstance(again, tuple) else (again,))}
        assert result.code.startswith(f"pl.{view.name}(")


def test_the_line_names_a_function():
    model, x = NETWORK.build(), NETWORK.x(2)
    result = pl.saliency()(model, x, target=margin)
    assert result.code == "pl.saliency()(model, x, target=margin)"
    assert eval(result.code, {"pl": pl, "model": model, "x": x, "margin": margin}).digest == result.digest


def test_where_a_result_comes_from():
    result = pl.Lens(NETWORK.build(), name="Net", labels=LABELS).see(
        NETWORK.x(2), pl.grad_cam(layer="conv2"), target="name 4", seed=7
    )[0]
    made = result.provenance
    assert (made.method, made.family, made.model, made.layer, made.seed) == (
        "grad_cam",
        "activation",
        "Net",
        "conv2",
        7,
    )
    assert made.settings == {"layer": "conv2", "relu": True} and made.targets[0].label == "name 4"
    assert made.words.title.en == "Grad-CAM" and {"pellucid", "torch", "numpy", "python"} <= set(made.versions)
    assert (made.trace.forwards, made.trace.backwards, made.trace.samples) == (1, 1, 2) and made.trace.date


def test_the_digest_of_the_weights_follows_the_weights():
    model = NETWORK.build()
    lens = pl.Lens(model)

    def weights():
        return lens.see(NETWORK.x(1), pl.weights())[0].provenance.weights

    first = weights()
    assert first == weights() == pl.Lens(NETWORK.build()).see(NETWORK.x(1), pl.weights())[0].provenance.weights
    assert len(first) == 16 and int(first, 16) >= 0
    with torch.no_grad():
        model.fc3.bias[0] += 1
    assert weights() != first


def test_how_a_run_went_is_no_part_of_the_digest():
    lens = pl.Lens(NETWORK.build())
    alone, beside = (
        lens.see(NETWORK.x(1), *views, target=1)[0]
        for views in ([pl.saliency()], [pl.saliency(), pl.integrated_gradients(n_steps=2)])
    )
    assert alone.provenance.trace != beside.provenance.trace and alone.digest == beside.digest and alone == beside


def test_the_notes_of_a_lens_are_in_every_result():
    lens = pl.Lens(NETWORK.build())
    lens.notes = (pl.Text("The weights are random.", "权重是随机的。"),)
    assert all(lens.notes[0] in result.notes for result in lens.see(NETWORK.x(1), pl.saliency(), pl.weights()).results)


def test_what_could_not_be_seen_is_said():
    network = NETWORKS["scripted"]
    result = pl.saliency()(network.build(), network.x(1))
    assert result.provenance.unseen == ("the whole model (scripted)",)
