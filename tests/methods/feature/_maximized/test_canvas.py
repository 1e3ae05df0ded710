from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import pellucid as pl
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.preprocess import PRESETS
from pellucid.inputs.read import read
from pellucid.methods.feature._maximized.canvas import Canvas, canvases
from pellucid.ops.colour import IMAGENET


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def box(shape: tuple[int, ...], prior: Any = "fourier", **more: Any) -> Canvas:
    one = torch.ones((1, shape[1], *[1] * (len(shape) - 2)))
    return Canvas("input", torch.zeros(shape), prior, shape[2:], 0 * one, one, **more)


def lucent(z: Tensor, height: int, width: int) -> Tensor:
    """The image function of torch-lucent 0.1.8 (param.image), restated: Fourier, decorrelated colour, sigmoid.

    It keeps one column more than needed of an odd width; `irfftn` drops it.
    """
    fx = np.fft.fftfreq(width)[: width // 2 + (2 if width % 2 else 1)]
    frequency = np.sqrt(np.fft.fftfreq(height)[:, None] ** 2 + fx**2)
    scale = torch.tensor(1 / np.maximum(frequency, 1 / max(height, width))).float()[..., None]
    image = torch.fft.irfftn(torch.view_as_complex(z * scale), s=(height, width), norm="ortho") / 4
    colours = np.array(IMAGENET, np.float32)
    mixing = torch.tensor(colours / np.max(np.linalg.norm(colours, axis=0)))
    return torch.sigmoid((image.permute(0, 2, 3, 1) @ mixing.T).permute(0, 3, 1, 2))


@pytest.mark.parametrize(("height", "width"), [(16, 16), (13, 17), (20, 15), (15, 20), (128, 128)])
def test_image_function_is_that_of_lucent(height: int, width: int) -> None:
    z = normal(2, 3, height, width // 2 + (2 if width % 2 else 1), 2)
    mine = box((1, 3, height, width)).values(z[:, :, :, : width // 2 + 1])
    assert float((mine - lucent(z, height, width)).abs().max()) < 1e-5


@pytest.mark.parametrize("prior", ["fourier", "pixels", "maco"])
@pytest.mark.parametrize("shape", [(1, 3, 9, 12), (1, 1, 8, 8), (1, 5, 7, 7), (1, 2, 11), (1, 1, 4, 5, 6), (1, 6)])
def test_every_prior_on_every_kind_of_input(prior: str, shape: tuple[int, ...]) -> None:
    canvas = box(shape, prior)
    parameters = canvas.drawn(4, seed=3, spread=1.0)
    made = canvas.values(parameters)
    assert made.shape == (4, *shape[1:]) and float(made.min()) >= 0 and float(made.max()) <= 1
    assert float(made.std()) > 0.02 and not torch.equal(made[0], made[1])


def test_parameters_of_an_example_do_not_depend_on_the_batch() -> None:
    both = canvases(Inputs((normal(2, 3, 8, 8),)), "fourier", size=None, steps_first=False)[0]
    alone = canvases(Inputs((normal(2, 3, 8, 8)[:1],)), "fourier", size=None, steps_first=False)[0]
    assert torch.equal(both.drawn(6, 1)[::2], alone.drawn(3, 1))
    assert torch.equal(both.drawn(6, 1), both.drawn(6, 1)) and not torch.equal(both.drawn(6, 1), both.drawn(6, 2))
    assert not torch.equal(both.drawn(6, 1, 1), both.drawn(6, 1, 2))


def test_the_box_is_black_to_white_where_preprocessing_is_known() -> None:
    photo = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    from PIL import Image

    x = read(Image.fromarray(photo), preprocess=PRESETS["imagenet"])
    (canvas,) = canvases(x, "fourier", size=None, steps_first=False)
    low, high = PRESETS["imagenet"].limits
    assert canvas.known and canvas.grid == (224, 224)
    assert canvas.low.flatten().tolist() == pytest.approx(low, abs=1e-4)
    assert canvas.high.flatten().tolist() == pytest.approx(high, abs=1e-4)


def test_else_it_is_the_range_of_each_channel_of_the_example() -> None:
    value = normal(2, 3, 6, 6)
    value[1, 2] = 5.0
    (canvas,) = canvases(Inputs((value,)), "pixels", size=None, steps_first=False)
    made = canvas.values(canvas.drawn(4, 0, spread=50.0))
    assert not canvas.known
    assert torch.allclose(made[0].amax((1, 2)), value[0].amax((1, 2)), atol=1e-4)
    assert torch.allclose(made[3, 0].amin(), value[1, 0].amin(), atol=1e-4)
    assert (canvas.low[1, 2].item(), canvas.high[1, 2].item()) == (4.0, 6.0)
    assert torch.allclose(canvas.shares_of(made).amax((2, 3)), torch.ones(4, 3), atol=1e-4)


def test_rows_of_a_table_stay_within_each_column() -> None:
    rows = normal(20, 3) * torch.tensor([1.0, 100.0, 0.0])
    one = Inputs((rows[:1],))
    (canvas,) = canvases(one, "pixels", size=None, steps_first=False, bounds=Inputs((rows,)))
    assert canvas.read == 20 and canvas.low.shape == (1, 3)
    assert torch.equal(canvas.low[0, :2], rows.amin(0)[:2]) and torch.equal(canvas.high[0, :2], rows.amax(0)[:2])
    assert (canvas.low[0, 2].item(), canvas.high[0, 2].item()) == (-1.0, 1.0)
    (alone,) = canvases(one, "pixels", size=None, steps_first=False)
    assert alone.read == 0 and alone.low.shape == (1, 1)


def test_steps_before_features_and_another_size() -> None:
    x = Inputs((normal(1, 9, 4),))
    (canvas,) = canvases(x, "fourier", size=12, steps_first=True)
    assert canvas.grid == (12,) and canvas.like.shape == (1, 4, 9)
    made = canvas.values(canvas.drawn(2, 0))
    assert canvas.entered(made).shape == (2, 12, 4) and torch.equal(canvas.back(canvas.entered(made)), made)
    with pytest.raises(pl.BadSetting, match="no grid"):
        canvases(Inputs((normal(1, 9),)), "fourier", size=12, steps_first=False)


def test_half_and_double_precision() -> None:
    for kind, inside in ((torch.bfloat16, torch.float32), (torch.float64, torch.float64)):
        (canvas,) = canvases(Inputs((normal(1, 3, 6, 6).to(kind),)), "fourier", size=None, steps_first=False)
        parameters = canvas.drawn(1, 0)
        assert parameters.dtype == inside and canvas.entered(canvas.values(parameters)).dtype == kind


def test_phases_with_the_magnitudes_of_the_example() -> None:
    value = torch.sigmoid(normal(2, 3, 10, 9))
    (canvas,) = canvases(Inputs((value,)), "maco_of_x", size=None, steps_first=False)
    assert canvas.spectrum is not None and canvas.spectrum.shape == (3, 10, 5)
    free = torch.logit(canvas.shares(canvas.drawn(1, 0)).double())
    from pellucid.ops.colour import mixed, mixing

    spectrum = torch.fft.rfft2(mixed(free, torch.linalg.inv(mixing(3).double()))).abs()[0]
    ratio = (spectrum / canvas.spectrum)[:, 1:-1, 1:].flatten(1)
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio), rtol=1e-3)
    with pytest.raises(pl.BadSetting, match="size="):
        canvases(Inputs((value,)), "maco_of_x", size=12, steps_first=False)


def test_a_generator_makes_inputs_of_the_network() -> None:
    def generator(z: Tensor) -> Tensor:
        return z[:, :, None, None].expand(-1, -1, 4, 4) * 7

    x = Inputs((normal(1, 3, 4, 4),))
    (canvas,) = canvases(x, (generator, (3,)), size=None, steps_first=False)
    parameters = canvas.drawn(2, 0)
    assert parameters.shape == (2, 3) and torch.equal(canvas.values(parameters), generator(parameters))
    (plain,) = canvases(x, torch.tanh, size=None, steps_first=False)
    assert plain.drawn(2, 0).shape == plain.values(plain.drawn(2, 0)).shape == (2, 3, 4, 4)
    (other,) = canvases(x, (lambda z: z, (5,)), size=None, steps_first=False)
    with pytest.raises(pl.BadSetting, match="shape"):
        other.values(other.drawn(2, 0))


@pytest.mark.parametrize("grid", [(12, 16), (9, 11), (8, 15)])
@pytest.mark.parametrize("measured", [False, True])
def test_only_phases_are_free_and_every_column_keeps_its_magnitude(grid: tuple[int, int], measured: bool) -> None:
    """Before it is standardised each picture has exactly the magnitudes of the template, and they scale with it."""
    from pellucid.ops.spectrum import falling, from_phases, magnitudes_of

    canvas = box((1, 3, *grid), "maco")
    magnitudes = magnitudes_of(normal(4, 3, *grid), 2) if measured else falling(grid).expand(3, *falling(grid).shape)
    phases = canvas.drawn(2, 1) * 7
    made = from_phases(phases, grid, magnitudes)
    spectrum = torch.fft.rfft2(made, norm="ortho").abs()
    assert float((spectrum - magnitudes).abs().max()) < 2e-5 * float(magnitudes.max())
    assert torch.allclose(from_phases(phases, grid, 3 * magnitudes), 3 * made, atol=1e-4)
