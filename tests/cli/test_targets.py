import numpy as np
import pytest
from PIL import Image

import pellucid as pl
from pellucid.cli.targets import target_of
from pellucid.engine.targets.areas import Box, Region
from pellucid.engine.targets.similarity import Similarity
from pellucid.engine.targets.target import Contrast, Rival, Targets


def test_classes():
    labels = ("tabby", "drake, male", "7")
    assert target_of([], labels) is None
    assert target_of(["3"], labels) == 3 and target_of(["-1"]) == -1
    assert target_of(["Tabby"], labels) == "Tabby"
    assert target_of(["drake, male"], labels) == "drake, male"
    assert target_of(["7"], labels) == "7"
    assert target_of(["2, 5"], labels) == (2, 5)
    assert target_of(["1>tabby"], labels) == Contrast(1, "tabby")
    assert target_of(["1", "tabby"], labels) == Targets((1, "tabby"))
    assert target_of(["no such"], labels) == "no such"
    with pytest.raises(pl.BadRequest, match="empty"):
        target_of([" "])


def test_rivals_boxes_units_and_references(tmp_path):
    (tmp_path / "cat.jpg").write_bytes(b"x")
    labels = ("tabby", "like:this")
    assert target_of(["rival"]) == Rival() and target_of(["tabby>rival"], labels) == Contrast("tabby", Rival())
    assert target_of(["rival"], ("rival", "other")) == "rival" and target_of(["like:this"], labels) == "like:this"
    assert target_of(["box:1,2,3.5,4"]) == Box((1, 2, 3.5, 4))
    assert target_of(["box:1,2,3,4=tabby"], labels) == Box((1, 2, 3, 4), "tabby")
    assert target_of(["unit:layer4.1,17"]) == pl.unit("layer4.1", 17)
    found = target_of([f"like:{tmp_path}/cat.jpg"])
    assert isinstance(found, Similarity) and found.reference == tmp_path / "cat.jpg"
    assert target_of(["dog:big"]) == "dog:big", "a colon in a name that no label has is left to the library to refuse"


def test_masks_are_pictures_or_arrays(tmp_path):
    mask = np.zeros((4, 6), bool)
    mask[1:3, 2:] = True
    Image.fromarray(mask).save(tmp_path / "mask.png")
    np.save(tmp_path / "mask.npy", mask)
    np.save(tmp_path / "a=1.npy", mask)
    for words, target in (("mask.png", None), ("mask.npy=3", 3), ("a=1.npy", None)):
        found = target_of([f"mask:{tmp_path}/{words}"])
        assert isinstance(found, Region) and np.array_equal(found.mask, mask) and found.target == target


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("box:1,2,3", "is not a box"),
        ("box:1,2,3,x", "is not a box"),
        ("box:4,2,3,4", "has no area"),
        ("unit:layer4", "is not a unit"),
        ("unit:layer4,x", "is not a unit"),
        ("like:nowhere.jpg", "There is no file"),
        ("mask:nowhere.png", "There is no file"),
        ("mask:nowhere.png=3", "There is no file"),
    ],
)
def test_what_means_nothing(words, says):
    with pytest.raises(pl.BadRequest, match=says):
        target_of([words])


def test_an_array_that_is_none(tmp_path):
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    with pytest.raises(pl.BadInput, match="is not an array"):
        target_of([f"mask:{tmp_path}/bad.npy"])


def test_tokens_of_a_text():
    def of(words):
        return target_of([words], text=True)

    assert of(" Paris") == " Paris" and of(" Mary> John") == Contrast(" Mary", " John") and of(" 7 ") == 7
    assert of("token: Paris") == pl.token(" Paris") and of("token: Paris@3") == pl.token(" Paris", 3)
    assert of("token:@-1") == pl.token(position=-1) and of("token:a@b") == pl.token("a@b") and of(">") == ">"
    assert of("continuation: New York") == pl.continuation(" New York")
    assert (of("generated:5"), of("generated: New York")) == (pl.generated(5), pl.generated(" New York"))
    assert of("like:a warm day").reference == "a warm day"
    assert target_of([" Paris"]) == "Paris" and target_of(["token:x"]) == "token:x"
    with pytest.raises(pl.BadRequest, match="empty"):
        of("continuation: ")
