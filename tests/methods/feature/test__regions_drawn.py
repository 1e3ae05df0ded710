"""Regions as tiles: what stands above, below and before them, and what is said of their size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from pellucid.core.sites import Place
from pellucid.core.text import Text
from pellucid.engine.sweeps.request import Gathered
from pellucid.methods.feature._regions import Region
from pellucid.methods.feature._regions_drawn import about, about_channels, framed, palette, short, tiles
from pellucid.ops.ranking import keys

NAME = Text("channel", "通道")


@dataclass
class Named:
    """Samples that have names, and labels if there are any."""

    names: tuple[str, ...] = ("a/cat.one.png", "b/dog", "row 2")
    labels: tuple[int, ...] = ()
    classes: tuple[str, ...] = ("cat", "dog")

    def name(self, ordinal: int) -> str:
        return self.names[ordinal]

    def label(self, ordinal: int) -> int | None:
        return self.labels[ordinal] if self.labels else None


def regions(values: Sequence[float] = (0.0, 0.5, 1.0), **given: object) -> list[Region]:
    common = {"box": ((0, 4), (0, 4)), "why": "part"} | given
    return [
        Region(7, i, 3.0 - i, (0, 0), picture=np.full((4, 4, 3), value, np.float32), **common)  # type: ignore[arg-type]
        for i, value in enumerate(values)
    ]


def test_the_mean_stands_first_and_the_medoid_is_named() -> None:
    made = tiles(Named(), regions(), NAME)  # type: ignore[arg-type]
    assert [one.en for one in made.captions] == ["mean", "3, cat.one", "medoid, 2, dog", "1, row 2"]
    assert [one.say("zh") for one in made.captions] == ["平均", "3，cat.one", "中心样例，2，dog", "1，row 2"]
    assert np.allclose(made.images[0], 0.5) and {one.en for one in made.groups} == {"channel 7"}
    assert made.spreads["7"] == pytest.approx(np.std([0, 0.5, 1]))


def test_labels_are_counted_in_the_heading() -> None:
    made = tiles(Named(labels=(1, 0, 1)), regions(), NAME)  # type: ignore[arg-type]
    assert made.groups[0].en == "channel 7: 2 of 3 are dog" and made.captions[1].en == "3, dog"


def test_a_label_without_a_name_is_called_a_class() -> None:
    made = tiles(Named(labels=(4, 7, 4), classes=()), regions(), NAME)  # type: ignore[arg-type]
    assert made.groups[0].en == "channel 7: 2 of 3 are class 4" and made.captions[1].en == "3, class 4"
    assert made.groups[0].zh == "通道 7：3 个中有 2 个为 类别 4" and made.captions[1].zh == "3，类别 4"


def test_lit_pictures_have_no_mean() -> None:
    made = tiles(Named(), regions(box=None, why="whole", lit=True), NAME)  # type: ignore[arg-type]
    assert len(made.images) == 3 and not made.spreads and "medoid" not in str(made.captions)


def test_regions_without_pictures_have_no_tiles() -> None:
    assert tiles(Named(), [Region(0, 0, 1.0, (), words="a «b»")], NAME).images == ()  # type: ignore[arg-type]


def test_what_overhangs_is_gray() -> None:
    one, other = regions((1.0, 1.0))
    assert one.picture is not None
    one.picture[:2] = np.nan
    assert np.allclose(tiles(Named(), [one, other], NAME).images[1][:2], 0.5)  # type: ignore[arg-type]


def test_deconvolutions_stand_below_with_zero_gray() -> None:
    beneath = [scale * np.array([[[-2.0] * 3, [0.0] * 3]], np.float32) for scale in (1.0, 5.0, 0.0)]
    made = tiles(Named(), regions(), NAME, beneath)  # type: ignore[arg-type]
    assert [one.en for one in made.groups] == ["channel 7"] * 4 + ["deconvolution of channel 7"] * 4
    for image in made.images[4:7]:
        assert image[0, :, 0].tolist() == [0.0, 0.5]
    assert np.allclose(made.images[7], 0.5), "nothing came back"


def test_a_frame_lies_around_the_picture() -> None:
    made = framed(np.full((10, 20, 3), 0.25, np.float32), np.array([1.0, 0.0, 0.0]), 0.1)
    assert made.shape == (14, 24, 3) and np.allclose(made[2:-2, 2:-2], 0.25) and np.allclose(made[:2], [1, 0, 0])


def test_colours_of_codes_are_told_apart() -> None:
    colours = palette(24)
    apart = np.abs(colours[:, None] - colours[None]).max(2) + np.eye(24)
    assert apart.min() > 0.05 and colours.min() >= 0 and colours.max() <= 1
    assert np.array_equal(palette(5), colours[:5]), "a code keeps its colour when there are more"


@pytest.mark.parametrize(("name", "expected"), [("a/b.c.png", "b.c"), ("row 3", "row 3"), (".hidden", ".hidden")])
def test_names_without_folder_and_ending(name: str, expected: str) -> None:
    assert short(name) == expected


def said(some: Sequence[Region], **given: object) -> str:
    return " ".join(note.en for note in about(some, **given))  # type: ignore[arg-type]


def test_what_is_said_is_true_of_the_regions() -> None:
    whole = regions()
    assert said(whole) == "A unit sees 4 × 4 of the input."
    assert "means or attention" in said(regions(local=True)) and "local paths" in said(regions(local=True))
    other = Region(7, 3, 1.0, (0, 0), box=((0, 2), (0, 6)), why="part")
    assert said([*whole, other]) == "A unit sees up to 4 × 6 of the input."
    assert whole[0].picture is not None
    whole[0].picture[0] = np.nan
    assert "gray" in said(whole) and "gray" not in said(whole, lit=None)
    assert "larger than the input" in said(regions(box=None, why="larger"))
    assert "sees the whole input" in said(regions(box=None, why="whole"))
    mixed = said([*regions(), *regions(box=None, why="whole")])
    assert "A unit sees 4 × 4" in mixed and "class token" in mixed and "Each unit" not in mixed
    assert said(regions(box=None, why="")) == "", "what is not known is not said"
    assert "bright" in said(regions(box=None, why="whole", lit=True))
    assert "bright" not in said(regions(box=None, why="whole", lit=True), lit=None)
    assert said([Region(0, 0, 1.0, (), why="whole", words="a «b»")]).startswith("The token at which")
    assert "deconvolution" in said(regions(), projected=True)


def test_channels_that_say_nothing_are_counted() -> None:
    values = torch.tensor([[0.0, 0.0], [6.0, 6.0], [2.0, 1.0], [torch.nan, torch.nan]])
    state = {"keys": keys(values, torch.arange(2)), "nan": torch.tensor([0, 0, 0, 2])}
    notes = [one.en for one in about_channels(Gathered(Place("x"), "x", state, (1, 4, 2)), 2)]
    assert notes == [
        "1 of 4 channels is zero on all 2 samples.",
        "1 of 4 channels has the same value in all samples kept, which are only the first of those that reach it.",
        "1 of 4 channels holds NaN in some samples, which are left out there.",
    ]
