"""Several methods for two answers: shares on one scale, rank correlations, overlaps, what does not apply."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

import pellucid as pl
from tests.networks import NETWORKS

OF = ("grad_cam", "saliency", "input_x_gradient")


class TwoObjects(nn.Module):
    """Class 0 reads the red of the left half, class 1 the blue of the right half, class 2 nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1, bias=False)
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.weight[0, 0], self.conv.weight[1, 2] = 1.0, 1.0
        left = torch.zeros(1, 1, 16, 16)
        left[..., :8] = 1
        self.register_buffer("left", left)

    def forward(self, x: Tensor) -> Tensor:
        red, blue = self.conv(x).relu().split(1, 1)
        found = torch.cat([(red * self.left).sum((2, 3)), 0.9 * (blue * (1 - self.left)).sum((2, 3))], 1)
        return torch.cat([found, torch.zeros(len(x), 1)], 1)


def test_values_are_shares_of_each_map() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2)
    tiles, _ = pl.agreement(of=OF, cells=8)(model, x, target=[1, 2])
    assert tiles.values.shape == (2, 2, 3, 8, 8) and tiles.axes == ("batch", "answer", "method", "row", "column")
    np.testing.assert_allclose(np.abs(tiles.values).sum((3, 4)), 1.0, rtol=1e-5)
    heat = pl.grad_cam()(model, x, target=[1, 2]).heat
    plain = heat.reshape(2, 8, 4, 8, 4).mean((2, 4))
    np.testing.assert_allclose(tiles.values[:, 0, 0], plain / plain.sum((1, 2), keepdims=True), rtol=1e-4, atol=1e-7)


def test_the_second_row_is_the_rival() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1)
    first, second = model(x).topk(2).indices[0].tolist()
    tiles, _ = pl.agreement(of=OF)(model, x)
    same, _ = pl.agreement(of=OF)(model, x, target=second)
    np.testing.assert_allclose(tiles.values[:, 0], same.values[:, 1], atol=1e-6)
    np.testing.assert_allclose(tiles.values[:, 1], same.values[:, 0], atol=1e-6)
    assert f"The answer: class {first}" in tiles.groups[0].en and f"Its rival: class {second}" in tiles.groups[3].en


def test_two_objects_do_not_overlap() -> None:
    x = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    tiles, _ = pl.agreement(of=("input_x_gradient", "integrated_gradients", "occlusion"))(TwoObjects(), x, target=0)
    assert max(tiles.facts["overlap"][0]) < 0.05 and tiles.facts["overlap"][0][:2] == (0.0, 0.0)
    assert not any("same evidence" in note.en for note in tiles.notes)
    assert not tiles.values[0, 0, :2, :, 7:].any() and not tiles.values[0, 1, :2, :, :7].any()


def test_a_method_without_a_class_is_told() -> None:
    """EigenCAM knows no class: its maps of both answers are one."""
    tiles, _ = pl.agreement(of=("eigen_cam", "input_x_gradient"))(
        NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1)
    )
    assert tiles.facts["overlap"][0][0] > 0.999
    assert "EigenCAM (100%)" in tiles.notes[0].en and "EigenCAM" in tiles.notes[0].zh


def test_correlations_are_spearman_s() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2)
    tiles, matrix = pl.agreement(of=OF, cells=8)(model, x, target=[1, 2])
    assert matrix.values.shape == (2, 2, 3, 3) and matrix.rows == OF and len(matrix.panels) == 4
    for i in range(2):
        for k in range(2):
            expected = spearmanr(tiles.values[i, k].reshape(3, -1), axis=1).statistic
            np.testing.assert_allclose(matrix.values[i, k], expected, atol=1e-5)
    mean = matrix.values[0, 0][~np.eye(3, dtype=bool)].mean()
    np.testing.assert_allclose(matrix.facts["agreement"][0], mean, atol=1e-6)


def test_methods_without_a_class_alone_are_refused() -> None:
    with pytest.raises(pl.NotApplicable, match="none of them explains an answer"):
        pl.agreement(of=("eigen_cam", pl.eigen_cam(layer="conv1")))(
            NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1)
        )


def test_what_does_not_apply_is_left_out_and_named() -> None:
    tiles, matrix = pl.agreement(of=OF)(NETWORKS["rows"].build(), NETWORKS["rows"].x(2))
    assert tiles.values.shape == (2, 2, 2, 6) and matrix.rows == ("saliency", "input_x_gradient")
    assert tiles.notes[-1].en.startswith("grad_cam is left out:") and "convolution" in tiles.notes[-1].en
    with pytest.raises(pl.NotApplicable, match=r"1 of 2 methods apply: grad_cam: .*convolution"):
        pl.agreement(of=("grad_cam", "saliency"))(NETWORKS["rows"].build(), NETWORKS["rows"].x(2))


def test_one_number_has_no_rival() -> None:
    tiles, matrix = pl.agreement(of=OF[1:])(NETWORKS["regression"].build(), NETWORKS["regression"].x(1))
    assert tiles.values.shape[1] == 1 and matrix.values.shape[1] == 1 and tiles.facts["overlap"] == ((),)


def test_looks_are_shared_with_the_tour() -> None:
    lens, x = pl.Lens(NETWORKS["article_net"].build()), NETWORKS["article_net"].x(1)
    cost = lens.see(x, pl.agreement(of=OF), "grad_cam", "saliency").cost
    assert (cost.forwards, cost.backwards) == (1, 2)


def test_the_default_is_one_method_of_each_family() -> None:
    tiles, _ = pl.agreement()(NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1))
    names = [one.partition("(")[0] for one in tiles.facts["methods"]]
    assert names == ["grad_cam", "integrated_gradients", "lrp", "occlusion"]
    assert len(tiles.images) == 8 and len(tiles.beneath) == 8 and tiles.images[0].shape == (32, 32)
