from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import NotApplicable
from tests.networks.network import seeded

DENSE = torch.eye(4)[:, None].expand(4, 2, 4)
CLASSES = ("red", "green", "blue")


class Planted(nn.Module):
    """The colours of a picture, and three scores."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 6, 3, padding=1)
        self.head = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).mean((2, 3)))


@pytest.fixture(scope="module")
def colours() -> tuple[torch.Tensor, np.ndarray]:
    """Sixty noisy pictures of one colour each."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3
    x = 0.3 * torch.randn(60, 3, 6, 6, generator=generator)
    x[torch.arange(60), labels] += 2.0
    return x, labels.numpy()


def looked(colours: Any, *, classes: Any = CLASSES, model: Any = None, **settings: Any) -> Any:
    x, labels = colours
    data = pl.data(x, labels=labels, classes=list(classes) if classes else None, layout="NCHW")
    return pl.embedding(**settings)(model or seeded(Planted)(), data)


def vectors_of(x: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return seeded(Planted)().body(x).mean((2, 3)).double().numpy()


def test_pca_as_it_is_written(colours):
    result = looked(colours, layer="body")
    vectors = vectors_of(colours[0])
    centred = vectors - vectors.mean(0)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ directions[:2].T
    signs = np.sign((expected * result.values).sum(0))
    np.testing.assert_allclose(result.values, expected * signs, atol=1e-5)
    np.testing.assert_allclose(result.facts["explained variance"], (spread**2 / (spread**2).sum())[:2], atol=1e-6)
    assert result.labels[7] == "row 7" and len(result.labels) == 60 and result.layer == "body"
    assert [name.en for name in result.groups] == [CLASSES[label] for label in colours[1]]


def test_planted_clusters_are_neighbours_in_the_layer_and_in_the_plane(colours):
    found = looked(colours, layer="body").facts["same class nearest"]
    assert found["layer"] == found["plane"] == 1.0 and found["by chance"] == pytest.approx(19 / 59)
    assert looked(colours, layer="body").facts["silhouette"]["layer"] > 0.7


def test_what_the_plane_loses_is_said():
    """Four far groups on the corners of a tetrahedron: no plane holds them apart."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(160) % 4
    corners = torch.eye(4)[labels] * 4
    x = corners + torch.randn(160, 4, generator=generator)
    model = nn.Sequential(nn.Identity(), nn.Linear(4, 4))
    result = pl.embedding(layer="0")(model, pl.data(x, labels=labels.numpy()))
    found = result.facts["same class nearest"]
    assert found["layer"] > found["plane"] + 0.1
    assert "in the layer itself" in result.notes[0].en and result.notes[0].zh


def test_t_sne_keeps_planted_clusters_and_has_the_same_bytes_again(colours):
    one, again, other = (looked(colours, layer="body", projection="tsne", seed=seed) for seed in (0, 0, 1))
    assert one.values.tobytes() == again.values.tobytes() and one == again
    assert one.facts["same class nearest"]["plane"] == 1.0 and one.facts["perplexity"] == pytest.approx(59 / 3)
    assert other.facts["same class nearest"]["plane"] == 1.0
    assert any("distances between groups" in note.en for note in one.notes)


def test_by_prediction_and_by_error(colours):
    x, labels = colours
    with torch.no_grad():
        answers = seeded(Planted)()(x).argmax(1).numpy()
    assert 0 < (answers == labels).mean() < 1
    said = [name.en for name in looked(colours, layer="body", by="prediction").groups]
    assert said == [CLASSES[answer] for answer in answers]
    said = [name.zh for name in looked(colours, layer="body", by="error").groups]
    assert said == ["正确" if right else "错误" for right in answers == labels]


def test_fewer_samples_are_the_same_ones_at_every_layer_and_for_the_answers(colours):
    one, two = looked(colours, layer=("body", "head"), samples=20, by="prediction")
    assert one.layer == "body" and two.layer == "head" and one.labels == two.labels and one.groups == two.groups
    chosen = [int(name.split()[1]) for name in one.labels]
    assert len(set(chosen)) == 20 and chosen == sorted(chosen)
    whole = looked(colours, layer="body", by="prediction")
    assert one.groups == tuple(whole.groups[i] for i in chosen)
    assert any(note.aside and "20 of 60" in note.en for note in one.notes)


def test_thumbnails_are_the_samples_of_their_points(colours):
    result = looked(colours, layer="body", thumbnails=5)
    assert len(result.thumbnails) == 5
    for i, picture in result.thumbnails.items():
        row = colours[0][i].movedim(0, -1).numpy()
        assert picture.shape == row.shape and np.corrcoef(picture.ravel(), row.ravel())[0, 1] > 0.999
    assert not looked(colours, layer="body", thumbnails=0).thumbnails


def test_labels_that_are_known_when_read_are_known(colours):
    pairs = [(row, int(label)) for row, label in zip(*colours, strict=True)]
    result = pl.embedding(layer="body")(seeded(Planted)(), pairs)
    assert [name.en for name in result.groups] == [f"class {label}" for label in colours[1]]
    assert not pl.embedding(layer="body")(seeded(Planted)(), colours[0]).groups


def test_a_sample_that_is_not_finite_is_left_out_and_told_of(colours):
    class Breaks(Planted):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(torch.where(x[:, :1].amax((2, 3), keepdim=True) > 3, x / 0, x))

    broken = [i for i, row in enumerate(colours[0]) if row[0].max() > 3]
    result = looked(colours, layer="body", model=seeded(Breaks)())
    assert broken and len(result.values) == 60 - len(broken)
    assert any(f"{len(broken)} samples are left out" in note.en for note in result.notes)
    assert not {f"row {i}" for i in broken} & set(result.labels)


def test_a_class_token_in_the_mean_is_told_of():
    from tests.networks import NETWORKS

    network = NETWORKS["tiny_vit"]
    result = pl.embedding()(network.build(), network.x(4))
    assert any("class token" in note.en for note in result.notes)
    assert not any(
        "class token" in note.en for note in pl.embedding(layer="head:in")(network.build(), network.x(4)).notes
    )


@pytest.mark.parametrize(
    ("model", "rows", "settings", "why"),
    [
        pytest.param(nn.Linear(4, 2), torch.ones(5, 4), {}, "is the same for all 5", id="one vector"),
        pytest.param(nn.Linear(4, 2), torch.eye(4)[:2], {}, "2 finite vectors", id="two samples"),
        pytest.param(nn.Linear(4, 1), torch.eye(4), {"by": "prediction"}, "one number", id="regression"),
        pytest.param(nn.Linear(4, 2), torch.eye(4), {"by": "error"}, "no sample has one", id="no labels"),
        pytest.param(nn.Conv1d(2, 3, 1), DENSE, {"by": "prediction"}, "more than one answer", id="dense"),
    ],
)
def test_what_has_no_picture_is_refused(model, rows, settings, why):
    with pytest.raises(NotApplicable, match=why):
        pl.embedding(layer="output", **settings)(model, pl.data(rows, layout="N..."))
