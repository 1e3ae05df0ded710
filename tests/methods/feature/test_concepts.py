"""Concepts: the one that decides is found, lies where it is, and weighs what the paper says."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from sklearn.decomposition import NMF
from torch import Tensor, nn

import pellucid as pl
from pellucid.methods.feature._concepts import bank as _concepts_bank
from pellucid.ops.sobol import masks_of
from pellucid.results import Gallery, Series, Table
from tests.methods.feature.painted import BLUE, GREEN, PARTS, RED, Counts, Painter, pictures
from tests.methods.feature.planted import swept

torch.set_num_threads(1)
SAMPLES, MASKS, CROPS = 4, 32, 9
CONCEPTS = 3


def view(**given: Any) -> Any:
    return pl.concepts(**({"layer": "pool", "concepts": CONCEPTS, "crop": 0.5, "masks": MASKS, "k": 3} | given))


def colours(gallery: Any) -> list[int]:
    """Which colour each concept is: the part that it points along."""
    units = PARTS / PARTS.norm(dim=1, keepdim=True)
    like = torch.tensor(gallery.values) @ units.T
    assert float(like.amax(1).min()) > 0.97, "each planted part is found"
    return like.argmax(1).tolist()


def test_the_concept_that_decides_comes_first_and_lies_where_it_is() -> None:
    data, which = pictures()
    gallery, bars, table, pieces = swept(Painter(), data, view())
    assert [type(one) for one in (gallery, bars, table, pieces)] == [Gallery, Series, Table, Table]
    order = colours(gallery)
    assert order == [RED, BLUE, GREEN] and gallery.axes == ("concept", "channel")
    total, drop = (np.array([row[key] for row in table.rows]) for key in ("total", "drop"))
    assert total[0] > 0.8 and total[1] > 0.001 and total[2] < 1e-6, "green has no say"
    assert drop[0] > drop[1] > 0 and abs(drop[2]) < 1e-4
    assert np.allclose(bars.curves["total"], total, atol=1e-6)
    for image, beneath, group in zip(gallery.images, gallery.beneath, gallery.groups, strict=True):
        colour = order[int(group.en.split()[1].rstrip(":"))]
        shown = image if beneath is None else beneath
        mine = shown.argmax(2) == colour
        if beneath is None:
            assert mine.mean() > 0.9, "crops that hold most of a concept are of its colour"
        else:
            assert image[mine].mean() > 0.95 * image[mine].max() * 0.9 and image[~mine].mean() < 0.1 * image.max()
    sizes = [float(row["value"]) for row in pieces.rows if row["channel"] == "0"]
    assert len(sizes) == 3 and sizes == sorted(sizes, reverse=True)
    assert {row["sample"] for row in pieces.rows} <= {f"row {i}" for i in range(0, 8, 2)}
    assert bool((which[1::2] != RED).all())


def crops_by_hand(sample: Tensor) -> Tensor:
    """Nine crops of half the side, enlarged."""
    cut = [sample[:, top : top + 16, left : left + 16] for top in (0, 8, 16) for left in (0, 8, 16)]
    return nn.functional.interpolate(torch.stack(cut), (32, 32), mode="bilinear", align_corners=False)


def test_a_naive_restatement_of_the_paper() -> None:
    data, _ = pictures()
    model, chosen = Painter(1.0, 0.3, 0.2, bias=0.35), (0, 2, 4, 6)
    gallery, bars, *_ = swept(model, data, view(seed=5))
    with torch.no_grad():
        layer = lambda x: model.pool(torch.relu(model.body(x)))
        crops = torch.cat([layer(crops_by_hand(data[i])).mean((2, 3)) for i in chosen]).double().numpy()
        made = NMF(CONCEPTS, init="nndsvda", random_state=5, max_iter=600).fit(crops)
        parts = made.components_ / np.linalg.norm(made.components_, axis=1, keepdims=True)
        found = []
        for i in chosen:
            places = layer(data[i : i + 1])[0].flatten(1).T.double().numpy()
            held = np.array([nnls(parts.T, one)[0] for one in places])
            blocks = []
            for block in masks_of(CONCEPTS, MASKS, 5 + i).numpy():
                copies = np.array([(held * mask) @ parts for mask in block])
                value = torch.from_numpy(copies).float().transpose(1, 2).reshape(MASKS, 6, 8, 8)
                blocks.append(model.head(value)[:, 0].double().numpy())
            variance = np.concatenate(blocks).var(ddof=1)
            found.append([((blocks[0] - one) ** 2).mean() / 2 / variance for one in blocks[2:]])
    total = np.mean(found, 0)
    order = np.argsort(-total)
    assert np.allclose(gallery.values, parts[order], atol=1e-5)
    assert np.allclose(bars.curves["total"], total[order], atol=1e-5)


def test_of_a_score_that_adds_up_the_indices_are_shares_of_its_variance() -> None:
    data, _ = pictures()
    *_, table, _ = swept(Painter(1.0, 0.5, 0.5, bias=0.1), data[:1], view(masks=512))
    drops = np.array([row["drop"] for row in table.rows])
    shares = drops**2 / (drops**2).sum()
    assert [row["total"] for row in table.rows] == pytest.approx(shares.tolist(), abs=0.01)
    assert [row["alone"] for row in table.rows] == pytest.approx(shares.tolist(), abs=0.02)
    assert table.facts["sum of the total indices"] == pytest.approx(1, abs=0.01)


def test_concepts_that_act_together_sum_to_more_than_one_and_it_is_told() -> None:
    data, _ = pictures()
    gallery, _, table, _ = swept(Painter(bias=0.01, together=True), data[:1], view(masks=512))
    variance = 1 / 9 - 1 / 16
    total = {colour: row["total"] for colour, row in zip(colours(gallery), table.rows, strict=True)}
    assert total[RED] == pytest.approx(1 / 36 / variance, abs=0.02) == total[GREEN] and total[BLUE] < 0.01
    assert any("comes of concepts that act together" in note.en for note in table.notes)


def test_what_lies_behind_the_layer_runs_as_often_as_masks_need_and_the_rest_hardly() -> None:
    data, _ = pictures()
    model = Painter()
    views = pl.Lens(model).sweep(data, view(), batch_size=8)
    rows = (CONCEPTS + 2) * MASKS + CONCEPTS + 2
    assert views[0][0].facts["rows behind the layer"] == SAMPLES * rows - absent(views[0][2]) * (MASKS + 1)
    compared, whole = 2, 1 + len(data) + SAMPLES + SAMPLES * CROPS  # one sample first, to know the network's ways
    assert sum(model.before.rows) == whole + SAMPLES + compared, "once for each sample, once more to compare"
    assert sum(model.after.rows) == 1 + len(data) + SAMPLES + views[0][0].facts["rows behind the layer"] + compared
    assert views.cost.backwards == 0


def absent(table: Any) -> int:
    """Over all samples, concepts that are nowhere in one."""
    return sum(SAMPLES - row["samples"] for row in table.rows)


def test_the_concepts_rebuild_the_layer_and_the_score() -> None:
    data, _ = pictures()
    gallery, *_ = swept(Painter(), data, view())
    assert gallery.facts["rebuilt of the samples"] > 0.99
    assert gallery.facts["score of what is rebuilt"] == pytest.approx(gallery.facts["score"], rel=0.02)
    assert any("the predicted class stays in 4 of 4 samples" in note.en for note in gallery.notes)


def test_a_class_is_asked_for_by_number_or_name() -> None:
    data, _ = pictures()
    (one, *_), (same, *_), (other, *_) = (
        swept(Painter(), data, view(of=of, crop=None, concepts=2), labels=["red", "none"]) for of in (0, "red", "none")
    )
    assert np.array_equal(one.values, same.values) and one.targets[0].label == "red"
    assert other.targets[0].label == "none" and not np.allclose(one.values, other.values)


def test_a_class_that_no_sample_is_of_is_told() -> None:
    data, _ = pictures()
    with pytest.raises(pl.NotApplicable, match="none of 4 samples is predicted to be class 0") as told:
        view(of=0)(pl.Lens(Painter()), data[1::2])
    assert "class 1 (4)" in str(told.value)
    with pytest.raises(pl.BadRequest, match="2 classes"):
        view(of=7)(pl.Lens(Painter()), data)


def test_without_crops_positions_are_factored() -> None:
    data, _ = pictures()
    gallery, _, _, pieces = swept(Painter(), data, view(crop=None))
    assert colours(gallery)[0] == RED and gallery.facts["pieces"] == SAMPLES * 64
    assert gallery.images[0].shape == (4, 4, 3) and pieces.rows[0]["place"] is not None


def test_negative_values_are_factored_beside_the_others() -> None:
    data, _ = pictures()
    model = Painter()
    with torch.no_grad():
        model.body.weight[3] *= -1
        model.back[3] *= -1
    signed = nn.Sequential(model.body, model.pool)
    signed.append(Rest(model)).eval()
    gallery, *_ = swept(signed, data, view(layer="1"))
    assert gallery.values.min() < -0.1 and gallery.facts["rebuilt of the samples"] > 0.99
    assert any("negative values" in note.en for note in gallery.notes)


class Rest(nn.Module):
    """The head of a painter."""

    def __init__(self, model: Painter) -> None:
        super().__init__()
        self.of = model

    def forward(self, found: Tensor) -> Tensor:
        return self.of.head(found)


def test_several_layers_have_results_each() -> None:
    data, _ = pictures()
    results = swept(Painter(), data, view(layer=("pool", "body"), k=1, maps=0))
    assert {one.layer for one in results} == {"pool", "body"} and len(results) == 8


def test_without_a_layer_the_last_on_the_grid_or_the_last_block() -> None:
    data, _ = pictures()
    assert swept(Painter(), data, view(layer=None))[0].layer in ("pool", "after")
    blocks = [nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4), nn.ReLU()) for _ in range(2)]
    model = nn.Sequential(*blocks, nn.Linear(4, 2)).eval()
    rows = torch.rand(30, 4, generator=torch.Generator().manual_seed(0))
    assert swept(model, rows, view(layer=None, concepts=2))[0].layer == "1"


def test_a_layer_that_the_score_does_not_read_is_told() -> None:
    data, _ = pictures()
    blind = nn.Sequential(Painter(), Counts(), Deaf()).eval()
    with pytest.raises(pl.NotApplicable, match="does not move"):
        view(layer="0.pool")(pl.Lens(blind), data)


class Deaf(nn.Module):
    """The same answer to everything."""

    def forward(self, x: Tensor) -> Tensor:
        return 0 * x + torch.tensor([1.0, 0.0])


def test_it_can_be_stopped_between_passes() -> None:
    data, _ = pictures()
    seen: list[Any] = []

    def stop(progress: Any) -> None:
        seen.append(progress)
        if len(seen) > 8:
            raise pl.Cancelled("enough")

    (failure,) = pl.Lens(Painter()).sweep(data, view(), progress=stop).failures
    assert isinstance(failure.error, pl.Cancelled) and {one.step for one in seen} >= {(0, SAMPLES), (3, SAMPLES)}


def test_the_same_seed_gives_the_same_bytes() -> None:
    data, _ = pictures()
    one, same, other = (swept(Painter(1.0, 0.3, 0.2, bias=0.35), data, view(seed=seed)) for seed in (1, 1, 2))
    assert all(a.digest == b.digest for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[1].values, other[1].values)


def test_without_scikit_learn_it_says_so_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_concepts_bank, "find_spec", lambda _: None)
    data, _ = pictures()
    model = Painter()
    with pytest.raises(pl.NotApplicable, match="scikit-learn"):
        view()(pl.Lens(model), data)
    assert not model.before.rows


def test_more_concepts_than_pieces_are_refused() -> None:
    data, _ = pictures()
    with pytest.raises(pl.NotApplicable, match="9 vectors"):
        view(concepts=10)(pl.Lens(Painter()), data[:1])


def test_crops_so_small_that_there_are_too_many_are_refused() -> None:
    with pytest.raises(pl.BadSetting, match="into 1,024 crops") as refused:
        view(crop=0.01)(pl.Lens(Painter()), torch.rand(2, 3, 32, 32))
    assert "crop=None" in refused.value.hint
