import pellucid as pl
from pellucid.lens.tour import tour
from pellucid.registry import find, names
from tests.networks import NETWORKS


def test_the_tour_is_every_method_that_says_so_in_its_order():
    stops = tour()
    assert [one.spec.tour for one in stops] == sorted(one.spec.tour for one in stops)
    assert {one.name for one in stops} == {name for name in names() if find(name).tour is not None}
    assert all(not one.changed for one in stops)


def test_what_a_network_cannot_give_is_left_out_of_the_tour():
    network = NETWORKS["rows"]
    views = pl.Lens(network.build()).see(network.x(2))
    shown = [one.name for one in views.asked]
    assert "grad_cam" not in shown and "saliency" in shown and not views.failures and len(views) == len(shown)


def test_the_tour_without_an_input_says_that_it_needs_one():
    import pytest

    with pytest.raises(pl.BadRequest, match="needs an input x"):
        pl.Lens(NETWORKS["rows"].build()).see()


def test_the_tour_of_a_text_has_its_words_and_what_the_layers_would_say() -> None:
    from tests.lens.test_generating import PROMPT, lens

    views = lens().see(PROMPT)
    shown = [one.name for one in views.asked]
    assert {"saliency", "attention_weights", "logit_lens"} <= set(shown) and "weights" not in shown
    words = next(one for one in tour(text=True) if one.name == "occlusion")
    assert words.settings["groups"] == "words" and "occlusion" in shown and not views.failures
