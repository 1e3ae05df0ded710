from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import pellucid as pl
from pellucid.core.errors import BadInput
from tests.networks.writers import SIDE, clip, words

TEXTS = ["the cat", "the dog sat", "on"]


def picture(seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8))


def lens() -> pl.Lens:
    return pl.Lens(clip(), tokenizer=words(ends=True), preprocess=pl.Preprocess(size=SIDE))


def test_each_text_is_a_class_of_every_picture() -> None:
    eyes, pictures = lens(), [picture(0), picture(1)]
    result = pl.saliency()(eyes, {"input_ids": TEXTS, "pixel_values": pictures}, target="the dog sat")
    tokens = eyes.tokenizer(TEXTS, return_tensors="pt", padding=True)
    for i, one in enumerate(pictures):
        pixels = eyes.preprocess(one).requires_grad_()
        logits = eyes.model(**{key: tokens[key] for key in ("input_ids", "attention_mask")}, pixel_values=pixels)
        score = logits.logits_per_image[0, 1]
        assert result.targets[i].label == "the dog sat"
        assert result.targets[i].score == pytest.approx(float(score.detach()), abs=1e-5)
        assert abs(result.values[i] - torch.autograd.grad(score, pixels)[0][0].numpy()).max() < 1e-5


def test_texts_are_not_repeated_with_the_pictures() -> None:
    x: Any = {"input_ids": TEXTS, "pixel_values": picture()}
    views = ("integrated_gradients", "occlusion", "lime", "grad_cam", "smooth_grad")
    whole = lens().see(x, *views)
    assert not whole.failures
    clean, empty = (
        lens().model(pixel_values=pixels, **lens().tokenizer(TEXTS, return_tensors="pt", padding=True).data)
        for pixels in (lens().preprocess(picture()), torch.zeros(1, 3, SIDE, SIDE))
    )
    best = whole[0].targets[0].index[-1]
    gap = float((clean.logits_per_image - empty.logits_per_image)[0, best].detach())
    assert whole[0].values.sum() == pytest.approx(gap, rel=0.02)


def test_blocks_of_pictures_keep_all_texts() -> None:
    x: Any = {"input_ids": TEXTS, "pixel_values": [picture(i) for i in range(3)]}
    whole, blocks = (lens().see(x, "saliency", batch_size=size)[0] for size in (None, 1))
    assert abs(whole.values - blocks.values).max() < 1e-5 and len(blocks.values) == 3


def test_a_text_and_a_picture_in_one_list(tmp_path: Path) -> None:
    picture().save(tmp_path / "one.png")
    made = lens().read(["the cat", "on", tmp_path / "one.png"])
    named = lens().read({"input_ids": ["the cat", "on"], "pixel_values": str(tmp_path / "one.png")})
    assert made.same_bits(named) and made.size == 1 and made.labels == ("the cat", "on")
    assert made.kwargs["input_ids"].shape[0] == 2


@pytest.mark.parametrize(("x", "lacking"), [("the cat", "no picture"), (picture(), "no text")])
def test_one_side_alone_is_refused(x: Any, lacking: str) -> None:
    with pytest.raises(BadInput, match=lacking) as caught:
        lens().see(x, "saliency")
    assert "pixel_values" in caught.value.hint
