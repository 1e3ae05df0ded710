import pytest
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadRequest, Cancelled, ModelFailed, NotApplicable
from pellucid.lens import look
from tests.networks import NETWORKS

NETWORK = NETWORKS["article_net"]
X = NETWORK.x(2)


def test_one_line_on_a_model_or_on_a_lens():
    model = NETWORK.build()
    assert (
        pl.saliency()(model, X, target=1)
        == pl.saliency()(pl.Lens(model), X, target=1)
        == pl.Lens(model).see(X, "saliency", target=1)[0]
    )


def test_several_places_or_targets_give_a_tuple():
    model = NETWORK.build()
    assert [one.layer for one in pl.activation_maps(layer="pool")(model, X)] == ["pool#0", "pool#1"]
    assert len(pl.saliency()(model, X, target=pl.targets(1, 2))) == 2


@pytest.mark.parametrize("model", ["resnet18", None, nn.Linear])
def test_what_is_no_model(model):
    with pytest.raises(BadRequest, match="a model or a Lens is needed") as caught:
        look(pl.saliency(), model, X)
    assert "saliency()" in caught.value.asked_by


def test_what_the_network_cannot_give_raises():
    with pytest.raises(NotApplicable, match="does not lie on the input's grid"):
        pl.grad_cam(layer="fc1")(NETWORK.build(), X)


def test_a_model_that_raises_is_the_cause():
    class Fails(nn.Linear):
        def forward(self, x):
            raise OSError("disk")

    with pytest.raises(ModelFailed) as caught:
        pl.saliency()(Fails(2, 2), X[:, 0, 0, :2])
    assert isinstance(caught.value.__cause__, OSError)


def test_a_card_without_an_error_was_cancelled(monkeypatch):
    card = pl.Failure("saliency", "stopped")
    monkeypatch.setattr(pl.Lens, "see", lambda *_, **__: [card])
    with pytest.raises(Cancelled, match="stopped"):
        pl.saliency()(NETWORK.build(), X)
