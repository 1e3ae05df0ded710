"""An input through several models."""

import numpy as np
import pytest
import torch
from PIL import Image

import pellucid as pl
from pellucid.core.errors import Cancelled, PellucidError
from pellucid.lens.comparing.observed import Observed, observed_input
from pellucid.lens.comparing.seen import Seeing
from pellucid.lens.comparing.words import Signed
from tests.lens.comparing.small import CLASSES, lens, net, rows, tuned

NAMES = ["a", "b"]
SIGN = Signed(NAMES)


def seeing(*lenses: pl.Lens, x: object = None) -> Seeing:
    given = rows(2) if x is None else x
    held = zip(lenses or (lens(), lens(tuned())), NAMES, strict=True)
    return Seeing([observed_input(one, name, given, samples=4) for one, name in held], given, 0, None)


def test_all_are_asked_for_the_answer_of_the_first():
    found = seeing()
    first = net()(rows(2)).argmax(1).tolist()
    assert found.targets(None) == [first, first] and found.targets(3) == [3, 3]
    turned = pl.Lens(tuned(), labels=CLASSES[::-1])
    assert seeing(lens(), turned).targets(None) == [first, [3 - one for one in first]]
    other = pl.Lens(net(2, classes=3), labels=("x", "y", "z"))
    assert seeing(lens(), other).targets(None) == [first, None]
    assert seeing(pl.Lens(net()), pl.Lens(net(2, classes=3))).targets(None) == [first, None]


def test_pictures_stand_side_by_side():
    made = seeing().pictures(["saliency"], None, SIGN)
    shown, apart = made["saliency"]
    alone = [one.see(rows(2), "saliency", target=seeing().targets(None)[0])[0].heat for one in (lens(), lens(tuned()))]
    assert np.array_equal(shown.values, np.stack(alone, 1)) and np.allclose(apart.values[:, 0], alone[1] - alone[0])
    assert apart.provenance.words.title.en == "Saliency: differences"
    assert shown.provenance.words.title.en == "Saliency" and apart.provenance.method == "compare_saliency_difference"


def test_without_a_choice_there_are_some_and_what_does_not_apply_is_a_failure():
    assert set(seeing().pictures(None, None, SIGN)) >= {"grad_cam", "saliency"}
    flat = [pl.Lens(torch.nn.Linear(3, 2)), pl.Lens(torch.nn.Linear(3, 2))]
    made = seeing(*flat, x=torch.randn(2, 3)).pictures(None, None, SIGN)
    assert [one.method for one in made["grad_cam"]] == ["grad_cam"] and len(made["saliency"]) == 2
    failed = seeing(*flat, x=torch.randn(2, 3)).pictures(["grad_cam"], None, SIGN)["grad_cam"]
    assert failed[0].method == "grad_cam"


def test_costs_are_of_one_example():
    costs = seeing().costs()
    one = lens().see(rows(1), pl.flow_graph(real=False))[0].facts["flops"]
    assert costs["a"]["flops"] == one and costs["b"]["seconds"] > 0


def test_each_reads_a_picture_in_its_own_way():
    picture = Image.fromarray((np.random.default_rng(0).uniform(size=(40, 40, 3)) * 255).astype(np.uint8))
    large, small = (
        pl.Lens(net(), preprocess=pl.Preprocess(size=side, mean=(0.5,) * 3, std=(0.5,) * 3)) for side in (32, 16)
    )
    shown, *_ = seeing(large, small, x=picture).pictures(["saliency"], None, SIGN)["saliency"]
    assert [image.shape for image in shown.images] == [(32, 32), (16, 16)]


def test_an_error_says_whose_it_is():
    wrong = Seeing([Observed(lens(), "a", []), Observed(pl.Lens(torch.nn.Linear(7, 2)), "b", [])], rows(2), 0, None)
    with pytest.raises(PellucidError) as caught:
        wrong.costs()
    assert caught.value.asked_by.startswith("b")

    def stop(_: object) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        Seeing([Observed(lens(), "a", [])], rows(2), 0, stop).costs()
