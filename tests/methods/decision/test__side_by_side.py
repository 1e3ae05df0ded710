"""Tiles and their words: headings, captions, pictures beneath."""

import numpy as np

import pellucid as pl
from tests.networks import NETWORKS

OF = ("grad_cam", "input_x_gradient")


def test_a_heading_for_each_answer_of_each_example() -> None:
    tiles, _ = pl.agreement(of=OF, examples=2)(NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2))
    told = list(dict.fromkeys(group.en for group in tiles.groups))
    assert (
        len(told) == 4
        and told[0].startswith("Example 1. The answer: ")
        and told[3].startswith("Example 2. Its rival: ")
    )
    assert len(tiles.images) == len(tiles.captions) == len(tiles.beneath) == 8


def test_captions_tell_the_share_against() -> None:
    tiles, _ = pl.agreement(of=OF)(NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1))
    assert tiles.captions[0].en == "Grad-CAM"
    against = -np.minimum(tiles.values[0, 0, 1], 0).sum()
    assert tiles.captions[1].en == f"Input × gradient: {against:.0%} against"


def test_what_a_method_says_of_its_map_is_passed_on() -> None:
    steep = pl.integrated_gradients(n_steps=1)
    tiles, _ = pl.agreement(of=(steep, "saliency"))(NETWORKS["smooth"].build(), NETWORKS["smooth"].x(1) * 30)
    assert any(note.en.startswith("Integrated gradients: With 1 points") for note in tiles.notes)


def test_tiles_are_in_percent_on_the_picture() -> None:
    tiles, _ = pl.agreement(of=OF, cells=32)(NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1))
    np.testing.assert_allclose(tiles.images[1], tiles.values[0, 0, 1] * 100, rtol=1e-5)
    assert tiles.beneath[0].shape == (32, 32, 3) and tiles.scale.clipped == 99.0


def test_a_series_and_a_volume_are_drawn_without_a_picture() -> None:
    of = ("saliency", "input_x_gradient")
    series, _ = pl.agreement(of=of)(NETWORKS["series"].build(), NETWORKS["series"].x(1))
    assert series.images[0].shape == (1, 14) and not series.beneath
    volume, _ = pl.agreement(of=of, cells=4)(NETWORKS["volume"].build(), NETWORKS["volume"].x(1))
    assert volume.images[0].ndim == 2 and volume.values.ndim == 6
