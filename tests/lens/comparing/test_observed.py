"""What one run of the data through a model gathers."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadInput, Cancelled
from pellucid.lens.comparing.observed import observed, observed_input, together
from tests.lens.comparing.kinds import Letters, Writer
from tests.lens.comparing.small import data, lens, net, rows

HOW: dict[str, Any] = {"samples": 512, "batch_size": 8, "seed": 0, "progress": None}


def test_vectors_are_means_over_positions_and_answers_those_of_the_model():
    found = observed(lens(), "first", data(), **HOW)
    model = net()
    ordinals, vectors = found.vectors["stem.conv"]
    assert np.allclose(vectors, model.stem.conv(rows()).mean((2, 3)).detach().numpy(), atol=1e-6)
    assert ordinals.tolist() == list(range(24)) and set(found.vectors) == {
        "",
        "stem.conv",
        "middle.conv",
        "last.conv",
        "head",
    }
    assert found.answers is not None and found.answers["answers"][:, 0].tolist() == model(rows()).argmax(1).tolist()
    assert found.answers["labels"].tolist() == [i % 4 for i in range(24)]


def test_the_data_go_through_once():
    model, calls = net(), []
    model.head.register_forward_hook(lambda _, args, out: calls.append(len(args[0])))
    observed(pl.Lens(model), "first", data(), **HOW)
    assert sum(calls) <= 24 + 2 * 8  # a batch or two tell the shapes


def test_without_data_there_are_layers_alone():
    found = observed(lens(), "first", None, **HOW)
    assert found.vectors == {} and found.answers is None and found.why is None and len(found.layers) == 7


def test_a_map_is_answered_at_every_place():
    found = observed(pl.Lens(nn.Sequential(nn.Conv2d(3, 2, 1)).eval()), "maps", data(), **HOW)
    assert found.answers is not None and found.answers["form"].kind == "grid" and "0" in found.vectors


def test_a_sample_is_the_same_for_both():
    how = {**HOW, "samples": 10}
    one, two = (observed(lens(), name, data(), **how) for name in ("a", "b"))
    first, second = together(one, two)
    assert len(first["head"]) == 10 and all(np.array_equal(first[path], second[path]) for path in first)
    assert together(one, observed(lens(), "c", None, **how)) == ({}, {})


def test_it_can_be_stopped():
    def stop(_: Any) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        observed(lens(), "first", data(), **{**HOW, "progress": stop})


def test_an_input_is_taken_apart_into_its_examples():
    found = observed_input(lens(), "first", rows(3), **HOW)
    assert np.allclose(found.vectors[""][1], net()(rows(3)).detach().numpy(), atol=1e-6)
    with pytest.raises(BadInput) as caught:
        observed_input(lens(), "first", torch.zeros(0, 3, 10, 10), **HOW)
    assert caught.value.asked_by.startswith("first: ")


def test_a_list_of_texts_is_taken_apart():
    found = observed_input(pl.Lens(Writer(), tokenizer=Letters()), "texts", ["bcd", "cb"], **HOW)
    assert found.answers is not None and found.answers["positions"].tolist() == [3, 2]


def test_what_has_no_row_for_each_sample_is_left_out():
    class Placed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.places, self.head = nn.Embedding(5, 4), nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head((x + self.places(torch.arange(5)[None])).mean(1))

    items = list(torch.randn(6, 5, 4))
    found = observed(pl.Lens(Placed()), "placed", items, **HOW)
    assert set(found.vectors) == {"", "head"} and found.answers is not None
