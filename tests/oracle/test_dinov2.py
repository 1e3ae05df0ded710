"""Maps of DINOv2-small with its real weights: what makes a photograph alike to another picture of the same animal."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

import pellucid as pl
from pellucid.results.resample import resample
from pellucid.zoo.demo import PHOTOS
from tests.networks import dinov2

NAMES = ("bison", "german_shepherd", "hen", "ice_bear", "jaguar", "koala", "lemur", "macaw")
# Where Grad-CAM lies beside the animal: the mean gradient does not stand for the gradients of the tokens there. Each
# must fail, and the maps that weigh each token by its own gradient must not.
ASTRAY = {("hen", "nearer"), ("jaguar", "cut out")}


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return dinov2.dinov2()


def square(name: str) -> Image.Image:
    """The middle square of a photograph."""
    with Image.open(PHOTOS / f"{name}.jpg") as photo:
        side = min(photo.size)
        left, top = (photo.width - side) // 2, (photo.height - side) // 2
        return photo.convert("RGB").crop((left, top, left + side, top + side))


def nearer(photo: Image.Image, _: Tensor) -> Image.Image:
    """The same animal from the other side, and nearer."""
    low, high = round(0.06 * photo.width), round(0.92 * photo.width)
    return ImageOps.mirror(photo).crop((low, low, high, high))


def cut_out(photo: Image.Image, animal: Tensor) -> Image.Image:
    """The same animal from the other side, with white instead of its surroundings."""
    size = (dinov2.SIDE, dinov2.SIDE)
    alone = Image.new("RGB", size, "white")
    alone.paste(photo.resize(size), (0, 0), Image.fromarray(animal.byte().numpy() * 255))
    return ImageOps.mirror(alone)


@pytest.mark.parametrize("other", [nearer, cut_out])
@pytest.mark.parametrize("name", NAMES)
def test_without_arguments_the_maps_lie_on_the_animal(model: nn.Module, name: str, other: object) -> None:
    photo = square(name)
    x = dinov2.ready(photo)
    animal = dinov2.salient(model, x)[0] > 0.4
    reference = nearer(photo, animal) if other is nearer else cut_out(photo, animal)
    views = pl.Lens(model).see(x, "grad_cam", "hires_cam", "layer_cam", target=pl.similarity(dinov2.ready(reference)))
    assert not views.failures and views.cost.backwards == 1 and views[0].targets[0].score > 0.6
    shares = {}
    for result in views:
        assert result.layer == "blocks.11.norm1" and result.values.shape == (1, 16, 16)
        positive = np.maximum(result.heat[0], 0)
        shares[result.provenance.method] = positive[animal.numpy()].sum() / positive.sum()
    area = float(animal.float().mean())
    astray = (name, "nearer" if other is nearer else "cut out") in ASTRAY
    assert (shares["grad_cam"] > 0.9) != astray, shares
    for each in ("hires_cam", "layer_cam"):
        assert shares[each] > (1.5 * area if astray else 0.8), shares


def test_the_free_cosine_tells_what_differs(model: nn.Module) -> None:
    """Its gradient is orthogonal to the embedding, so it is nearly empty where two pictures are alike already."""
    photo = square("ice_bear")
    x = dinov2.ready(photo)
    animal = dinov2.salient(model, x)[0] > 0.4
    other = dinov2.ready(nearer(photo, animal))
    found = {}
    for measure in ("projection", "cosine"):
        result = pl.grad_cam()(model, x, target=pl.similarity(other, measure))
        positive = np.maximum(result.heat[0], 0)
        found[measure] = positive[animal.numpy()].sum() / positive.sum()
        assert any("no more than cells do on average" in note.en for note in result.notes) == (measure == "cosine")
    assert found["projection"] > 0.9 > 0.2 > found["cosine"]


def test_the_saliency_head_has_the_photographs_own_animals(model: nn.Module) -> None:
    found = dinov2.salient(model, torch.cat([dinov2.ready(square(name)) for name in NAMES]))
    assert found.shape == (len(NAMES), dinov2.SIDE, dinov2.SIDE)
    assert all(0.2 < float((one > 0.4).float().mean()) < 0.6 for one in found)


@pytest.fixture(scope="module")
def animals(model: nn.Module) -> tuple[Tensor, np.ndarray]:
    """All photographs, and where the animals are."""
    x = torch.cat([dinov2.ready(square(name)) for name in NAMES])
    return x, (dinov2.salient(model, x) > 0.4).numpy()


def test_the_class_token_of_the_last_layer_looks_at_the_animal(
    model: nn.Module, animals: tuple[Tensor, np.ndarray]
) -> None:
    x, masks = animals
    last = "blocks.11.attn/attention.0"
    mean, every = pl.Lens(model).see(
        x, *(pl.attention_weights(layer=last, query="first", heads=heads) for heads in ("mean", "all"))
    )
    assert mean.values.shape == (8, 16, 16) and every.values.shape == (8, 6, 257) and len(every.images) == 8 * 7
    np.testing.assert_allclose(mean.values.reshape(8, -1), every.values.mean(1)[:, 1:], rtol=1e-5)
    assert mean.facts["off the grid"] == pytest.approx(every.values[..., 0].mean(1), rel=1e-5)
    for i, mask in enumerate(masks):
        area = mask.mean()
        of_heads = [resample(row[1:].reshape(16, 16), mask.shape) for row in every.values[i]]
        shares = [float(one[mask].sum() / one.sum()) for one in of_heads]
        assert mean.heat[i][mask].sum() / mean.heat[i].sum() > max(0.7, 1.3 * area)
        assert max(shares) > 0.88 and shares[3] < area / 2, "five heads see the animal, head 3 what is around it"
        assert sum(share > max(0.7, area) for share in shares) == 5


def test_all_heads_of_all_layers_are_one_picture(model: nn.Module) -> None:
    result = pl.attention_weights()(model, dinov2.ready(square("jaguar")))
    assert result.values.shape == (1, 12, 6, 257, 257) and "averaged" not in " ".join(note.en for note in result.notes)
    assert [str(name) for name in result.down] == [f"blocks.{i}" for i in range(12)] and len(result.across) == 6
    assert result.scale.clipped == 99 and result.scale.high < 0.1
