from types import SimpleNamespace

import numpy as np
import torch

from pellucid.core.text import Text
from pellucid.methods.feature._embedding_notes import axes_of, facts_of, notes_of
from pellucid.methods.feature._grouped import Grouped
from pellucid.methods.feature._neighbours import neighbours
from pellucid.methods.feature._plane import Plane

RNG = np.random.default_rng(0)
VECTORS, CODES = RNG.normal(size=(60, 5)), np.arange(60) % 3
PLANE = Plane(VECTORS[:, :2], np.array([0.4, 0.2]))
SHOWN = Grouped((), CODES, Text("label", "标签"))
FOUND = neighbours(VECTORS, CODES), neighbours(PLANE.positions, CODES)


def gathered(seen: int, prefix: int = 0) -> SimpleNamespace:
    return SimpleNamespace(state={"seen": torch.tensor(seen)}, layout=SimpleNamespace(prefix=prefix))


def said(*given) -> str:
    notes = notes_of(*given)
    assert all(note.zh and note.zh != note.en for note in notes)
    return " ".join(note.en for note in notes)


def test_axes_say_how_much_of_the_variance_they_hold():
    assert [axis.en for axis in axes_of(PLANE)] == [
        "component 1 (40% of the variance)",
        "component 2 (20% of the variance)",
    ]
    assert [axis.en for axis in axes_of(Plane(PLANE.positions, np.array([1.0])))][1].startswith("component 2 (0%")
    assert [axis.en for axis in axes_of(Plane(PLANE.positions, np.ones(3) / 3, 30.0))] == ["t-SNE 1", "t-SNE 2"]


def test_numbers_are_those_of_the_layer_and_of_the_plane():
    facts = facts_of(PLANE, SHOWN, FOUND)
    assert facts["explained variance"] == (0.4, 0.2) and 0 < facts["nearest neighbours kept"] < 1
    assert facts["same class nearest"]["layer"] == FOUND[0].agreement
    assert facts["silhouette"]["plane"] == FOUND[1].silhouette
    mapped = facts_of(Plane(PLANE.positions, np.array([0.5, 0.25]), 7.0), SHOWN, FOUND)
    assert mapped["variance before t-SNE"] == 0.75 and mapped["perplexity"] == 7 and "explained variance" not in mapped


def test_notes_say_what_is_left_out_and_what_means_little():
    plain = said(gathered(60), PLANE, SHOWN, FOUND, 0)
    assert "in the layer itself" in plain and "keeps" in plain
    assert not any(words in plain for words in ("drawn at random", "left out", "class token", "t-SNE"))
    every = said(gathered(900, 1), Plane(PLANE.positions, np.ones(1), 7.0), SHOWN, FOUND, 4)
    assert "64 of 900 samples" in every and "4 samples are left out" in every
    assert "class token" in every and "perplexity 7" in every


def test_without_classes_only_neighbours_are_compared():
    alone = Grouped((), np.full(60, -1), Text("label", "标签"))
    found = neighbours(VECTORS, alone.codes), neighbours(PLANE.positions, alone.codes)
    assert "label" not in said(gathered(60), PLANE, alone, found, 0)
    assert "silhouette" not in facts_of(PLANE, alone, found)
