import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.core.errors import BadTarget
from pellucid.engine.targets.areas import box
from pellucid.engine.targets.detections import is_detections, overlaps
from pellucid.engine.targets.target import Target


class Detector(nn.Module):
    """Two fixed boxes for each picture, scored by the mean brightness inside, in the order of their scores."""

    boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [4.0, 2.0, 8.0, 8.0]])

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> list[dict[str, Tensor]]:
        found = []
        for image in images:
            parts = torch.stack([image[:, 0:4, 0:4].mean(), image[:, 2:8, 4:8].mean()]) * self.scale
            kept = (parts > 0).nonzero()[:, 0]
            order = kept[parts[kept].argsort(descending=True)]
            found.append({"boxes": self.boxes[order], "labels": order + 1, "scores": parts[order].sigmoid()})
        return found


def pictures() -> Tensor:
    x = torch.full((2, 3, 8, 8), 0.2)
    x[0, :, 2:8, 4:8] = 0.5
    x[1, :, 0:4, 0:4] = 0.9
    return x


def raw() -> list[dict[str, Tensor]]:
    return Detector()(pictures())


def test_what_detections_are() -> None:
    assert is_detections(raw()) and is_detections(tuple(raw()))
    assert not is_detections([]) and not is_detections(torch.zeros(2, 3)) and not is_detections([{"boxes": 1}])


def test_overlaps() -> None:
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [1.0, 1.0, 3.0, 3.0], [5.0, 5.0, 6.0, 6.0]])
    assert overlaps(boxes, (0, 0, 2, 2)).tolist() == pytest.approx([1.0, 1 / 7, 0.0])


def test_the_detection_that_overlaps_best_is_explained() -> None:
    results = {}
    for asked in (pl.box(3, 2, 8, 8), pl.box(0, 0, 5, 5, 1)):
        result = pl.saliency()(Detector(), pictures(), target=asked)
        leaf = pictures().requires_grad_()
        score = leaf[:, :, 2:8, 4:8] if asked.target is None else leaf[:, :, 0:4, 0:4]
        (expected,) = torch.autograd.grad(score.flatten(1).mean(1).sigmoid().sum(), leaf)
        np.testing.assert_allclose(result.values, expected.numpy(), rtol=1e-5)
        results[asked] = result
    words = [one.targets[0].words for one in results.values()]
    assert words[0].en == "class 2, detected (IoU 0.80 with the box)" and "IoU 为 0.80" in words[0].zh
    assert [one.targets[0].chosen for one in results.values()] == ["predicted", "asked"]
    assert results[pl.box(3, 2, 8, 8)].targets[0].score == pytest.approx(torch.tensor(0.5).sigmoid().item())


def test_the_class_stays_and_a_lost_detection_scores_zero() -> None:
    found = Target(box(3, 2, 8, 8)).resolve(None, raw(), 2)
    changed = Detector()(-pictures())
    assert found.pick(raw()).shape == (2,) and found.pick(changed).tolist() == [0.0, 0.0]
    only_first = pictures()
    only_first[:, :, 2:8, 4:8] = -1.0
    assert found.pick(Detector()(only_first)).tolist() == [0.0, 0.0], "another class in the box is not it"


def test_every_variant_of_an_example_is_scored_for_the_class_of_that_example():
    found = Target(box(0, 0, 8, 8, [2, 1])).resolve(None, raw(), 2)
    second = [raw()[1], raw()[0]]
    expected = [float(one["scores"].detach()[one["labels"] == 1]) for one in second]
    assert found.scores(second, 1, variants=True).tolist() == pytest.approx(expected)


def test_names_and_examples_without_one() -> None:
    labels = ("nothing", "cat", "dog")
    found = Target(box(4, 2, 8, 8, "dog"), labels).resolve(None, [raw()[0], {k: v[:0] for k, v in raw()[1].items()}], 2)
    assert found.infos[0].label.startswith("dog, detected") and found.infos[1].label == "dog, not detected in the box"
    assert found.infos[1].zh == "dog，方框内未检测到" and found.pick(raw()).shape == (2,)


def test_nothing_in_the_box_names_what_there_is() -> None:
    with pytest.raises(BadTarget, match="nothing that was asked for is detected") as caught:
        Target(box(4, 2, 8, 8, 1)).resolve(None, [{k: v[:1] for k, v in raw()[0].items()}], 1)
    assert "class 2 0.62 at (4, 2, 8, 8)" in caught.value.nearest


def test_perturbations_and_paths_see_detections_too() -> None:
    views = pl.Lens(Detector()).see(
        pictures(), pl.integrated_gradients(n_steps=8), pl.saliency(), target=pl.box(3, 2, 8, 8), batch_size=1
    )
    assert not views.failures
    assert views[0].values[:, :, 2:8, 4:8].any() and not views[0].values[:, :, :2].any()


def test_a_class_of_a_detector_is_refused_with_the_way_out() -> None:
    with pytest.raises(pl.NotApplicable):
        pl.saliency()(Detector(), torch.ones(1, 3, 8, 8), target=1)


def test_pictures_of_different_size_are_refused() -> None:
    with pytest.raises(pl.BadInput, match="takes 1"):
        pl.Lens(Detector()).see([torch.ones(3, 8, 8), torch.ones(3, 9, 8)], pl.saliency(), target=pl.box(0, 0, 4, 4))


def test_a_detector_of_torchvision() -> None:
    from torchvision.models.detection import ssdlite320_mobilenet_v3_large

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = ssdlite320_mobilenet_v3_large(
            weights=None, weights_backbone=None, num_classes=4, score_thresh=0.01, detections_per_img=5
        ).eval()
    x = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        (found,) = model(x)
    corners = found["boxes"][0].tolist()
    result = pl.saliency()(model, x, target=pl.box(*corners))
    assert result.values.shape == (1, 3, 64, 96) and result.values.any()
    assert result.targets[0].score == pytest.approx(float(found["scores"][0]), rel=1e-4)
