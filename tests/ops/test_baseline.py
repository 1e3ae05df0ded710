import pytest
import torch

from pellucid.core.errors import BadSetting
from pellucid.ops.baseline import baseline_like

IMAGE = torch.randn(2, 3, 12, 20)


def test_a_number_and_a_tensor():
    assert torch.equal(baseline_like(IMAGE, 0.5), torch.full_like(IMAGE, 0.5))
    channel = torch.randn(3, 1, 1, dtype=torch.float64)
    made = baseline_like(IMAGE, channel)
    assert made.dtype == IMAGE.dtype and torch.equal(made, channel.float().expand_as(IMAGE))


def test_the_given_tensor_is_never_shared():
    given = torch.zeros(2, 3, 12, 20)
    baseline_like(IMAGE, given).fill_(1)
    assert not given.any()


@pytest.mark.parametrize(("shape", "axes"), [((2, 3, 4, 5), (2, 3)), ((2, 3, 7), (2,)), ((2, 1, 3, 4, 5), (2, 3, 4))])
def test_mean_is_of_each_channel_of_each_example(shape, axes):
    x = torch.randn(shape)
    assert torch.equal(baseline_like(x, "mean"), x.mean(axes, keepdim=True).expand_as(x))


def test_mean_and_blur_of_tokens_run_over_the_tokens():
    x = torch.randn(2, 9, 4)
    assert torch.equal(baseline_like(x, "mean", tokens=True), x.mean(1, keepdim=True).expand_as(x))
    along = baseline_like(x.transpose(1, 2), "blur").transpose(1, 2)
    assert torch.equal(baseline_like(x, "blur", tokens=True), along)
    assert torch.equal(baseline_like(x, 0.5, tokens=True), torch.full_like(x, 0.5))


def test_blur_keeps_what_is_flat_and_flattens_what_is_not():
    flat = torch.full((1, 2, 9, 9), 3.0)
    assert torch.allclose(baseline_like(flat, "blur"), flat, atol=1e-6)
    blurred = baseline_like(IMAGE, "blur")
    assert blurred.shape == IMAGE.shape and blurred.var() < 0.2 * IMAGE.var()


def test_blur_is_a_gaussian_a_tenth_of_the_longer_side_wide():
    point = torch.zeros(1, 1, 41, 41, dtype=torch.float64)
    point[0, 0, 20, 20] = 1
    blurred = baseline_like(point, "blur")[0, 0]
    distance = torch.arange(41, dtype=torch.float64) - 20
    assert (blurred.sum(0) * distance**2).sum().sqrt().item() == pytest.approx(4.1, rel=0.02)
    assert torch.allclose(blurred, blurred.T) and torch.allclose(blurred, blurred.flip(0))


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (torch.zeros(2, 6), "blur", "no grid to blur"),
        (torch.zeros(2, 6), "mean", "no grid to average over"),
        (IMAGE, "grey", "no baseline is called 'grey'"),
        (IMAGE, torch.zeros(4, 1, 1), r"shape \(4, 1, 1\) does not fit the input \(2, 3, 12, 20\)"),
    ],
)
def test_what_cannot_be(value, kind, words):
    with pytest.raises(BadSetting, match=words):
        baseline_like(value, kind)
