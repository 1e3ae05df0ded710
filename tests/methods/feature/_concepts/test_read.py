"""Samples read again."""

import pytest
import torch

from pellucid.core.errors import LayerNotFound
from pellucid.core.sites import Place
from pellucid.engine.passes import Pass, Spot
from pellucid.engine.roles import Layout
from pellucid.methods.feature._concepts.read import layer_of, samples_read, site_of, vectors_at
from tests.engine.sweeps.feeding import Fed

FED = Fed(torch.rand(6, 3))


def test_vectors_at_the_places_of_a_layer() -> None:
    value = torch.rand(1, 14, 5)
    tokens = Spot(Place("layer"), "layer", value, layout=Layout("tokens", (3, 4), 2))
    assert torch.equal(vectors_at(tokens), value[0, 2:])
    grid = Spot(Place("layer"), "layer", value.reshape(1, 14, 5, 1), layout=Layout("channels_first", (5, 1)))
    assert torch.equal(vectors_at(grid), value[0].T)
    assert torch.equal(vectors_at(Spot(Place("layer"), "layer", value[:, 0])), value[:, 0])


def test_the_site_of_a_spot_is_that_very_call() -> None:
    assert str(site_of(Spot(Place("relu", 1), "relu#1"))) == "relu#1"


def test_a_layer_that_was_asked_for_is_not_looked_for() -> None:
    run = layer_of(FED, 0, "body")
    with pytest.raises(StopIteration) as stop:
        next(run)
    assert stop.value.value == "body"


def test_where_nothing_lies_on_a_grid_the_last_block() -> None:
    run = layer_of(FED, 0, None)
    asked = next(run)
    assert isinstance(asked, Pass) and asked.keep == ["last spatial"]
    with pytest.raises(StopIteration) as stop:
        run.throw(LayerNotFound("no grid"))
    assert stop.value.value == "last block"


def test_every_sample_has_a_target_of_its_own() -> None:
    run, asked = samples_read(FED, (4, 1), "body", 2, ("a", "b", "c")), []

    class Shown:
        targets = ("info",)

        def at(self, layer: str) -> tuple[str]:
            return (layer,)

    try:
        answer = None
        while True:
            asked.append(run.send(answer))
            answer = Shown()
    except StopIteration as stop:
        read = stop.value
    assert [one.ordinal for one in read] == [4, 1] and [one.step for one in asked] == [(0, 2), (1, 2)]
    assert torch.equal(asked[0].x.tensors["input"], FED.rows[4:5]) and asked[0].target is not asked[1].target
    assert asked[0].target.asked == 2 and asked[0].target.labels == ("a", "b", "c")
