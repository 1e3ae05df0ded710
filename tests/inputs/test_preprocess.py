import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms
from torchvision.models import EfficientNet_B0_Weights, ResNet18_Weights

from pellucid.core.errors import BadInput, BadSetting
from pellucid.inputs.preprocess import PRESETS, Preprocess, misfit


def picture(height: int = 61, width: int = 83, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("name", PRESETS)
def test_inverse_gives_the_seen_picture(name: str) -> None:
    preprocess = Preprocess.of(name)
    x = preprocess(picture())
    seen = np.asarray(preprocess.fitted(picture()), np.float64) / 255
    back = preprocess.inverse(x)
    assert x.shape == (1, 3, *seen.shape[:2]) and x.dtype == torch.float32 and back.dtype == np.float32
    assert np.abs(back[0] - seen).max() <= 1e-6


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    size=st.sampled_from([1, 7, 32, (5, 11)]),
    extra=st.integers(0, 9),
    crop=st.sampled_from(["center", "squash"]),
    channels=st.sampled_from([1, 3]),
)
def test_every_picture_is_brought_to_size(height, width, size, extra, crop, channels) -> None:
    short = size if isinstance(size, int) else min(size)
    preprocess = Preprocess((0.3,), (0.2,), size=size, resize=short + extra, crop=crop, channels=channels)
    x = preprocess(picture(height, width))
    assert x.shape == (1, channels, *((size, size) if isinstance(size, int) else size))
    least, most = preprocess.limits
    assert x.min() >= least[0] - 1e-5 and x.max() <= most[0] + 1e-5
    seen = np.asarray(preprocess.fitted(picture(height, width)), np.float64).reshape(*x.shape[2:], channels) / 255
    assert np.abs(preprocess.inverse(x)[0] - seen).max() <= 1e-6


@pytest.mark.parametrize("weights", [ResNet18_Weights.DEFAULT, EfficientNet_B0_Weights.DEFAULT])
@pytest.mark.parametrize("shape", [(301, 417), (417, 301), (90, 90)])
def test_torchvision_presets_bit_for_bit(weights, shape) -> None:
    expected = weights.transforms()(picture(*shape))[None]
    for given_ in (weights, weights.transforms()):
        assert torch.equal(Preprocess.of(given_)(picture(*shape)), expected)


def test_timm_configs() -> None:
    from timm.data import create_transform

    for mode in ("center", "squash"):
        config = {
            "input_size": (3, 48, 48),
            "interpolation": "bicubic",
            "mean": (0.4, 0.5, 0.6),
            "std": (0.2, 0.3, 0.4),
            "crop_pct": 0.875,
            "crop_mode": mode,
        }
        expected = create_transform(**config)(picture())[None]
        assert torch.allclose(Preprocess.of(config)(picture()), expected, atol=1e-6)


def test_efficientnet_lite_formula() -> None:
    x = Preprocess.of("efficientnet_lite")(Image.new("RGB", (300, 300), (0, 127, 255)))
    np.testing.assert_allclose(x[0, :, 0, 0], [-127 / 128, 0, 1], atol=1e-6)


def test_compose_with_normalize_keeps_the_way_back() -> None:
    steps = transforms.Compose(
        [
            transforms.Resize(40),
            transforms.CenterCrop(32),
            transforms.ToTensor(),
            transforms.Normalize((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)),
        ]
    )
    preprocess = Preprocess.of(steps)
    x = preprocess(picture())
    assert torch.equal(x[0], steps(picture())) and preprocess.invertible
    seen = np.asarray(steps.transforms[1](steps.transforms[0](picture()))) / 255
    assert np.abs(preprocess.inverse(x)[0] - seen).max() <= 1e-6
    assert Preprocess.of(transforms.ToTensor()).invertible


def test_any_callable_is_taken_without_a_way_back() -> None:
    preprocess = Preprocess.of(lambda one: torch.zeros(3, one.height, one.width) - 7)
    assert preprocess(picture()).shape == (1, 3, 61, 83) and not preprocess.invertible
    with pytest.raises(BadInput, match="not a tensor"):
        Preprocess.of(lambda one: one)(picture())
    with pytest.raises(BadInput, match="shape"):
        Preprocess.of(lambda one: torch.zeros(4))(picture())


@pytest.mark.parametrize(
    ("settings_", "words"),
    [
        ({"channels": 4}, "channels=1 or 3"),
        ({"mean": (1, 2)}, "as mean"),
        ({"std": (0,)}, "std=0"),
        ({"range": (1, 0)}, "black < white"),
        ({"crop": "corner"}, "crop="),
        ({"interpolation": "magic"}, "interpolation"),
        ({"size": 32, "resize": 16}, "cannot cut"),
        ({"size": 0}, "cannot cut"),
        ({"mean": (float("nan"),)}, "finite"),
    ],
)
def test_bad_settings(settings_, words) -> None:
    with pytest.raises(BadSetting, match=words):
        Preprocess(**settings_)


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ("imagnet", "no preprocessing named"),
        (3, "not a way"),
        ({"mean": (1,)}, "lacks 'std', 'input_size'"),
        ({"mean": (0,), "std": (1,), "input_size": (3, 8, 8), "crop_mode": "odd"}, "crop_mode 'odd'"),
    ],
)
def test_bad_preprocess(given_, words) -> None:
    with pytest.raises(BadSetting, match=words) as caught:
        Preprocess.of(given_)
    assert given_ != "imagnet" or "'imagenet'" in caught.value.nearest


def test_misfit_tells_unnormalised_pixels() -> None:
    imagenet, lite = Preprocess.of("imagenet"), Preprocess.of("efficientnet_lite")
    raw = torch.from_numpy(np.array(picture(32, 32))).permute(2, 0, 1)[None].float()
    assert "0..255" in str(misfit(raw, imagenet)) and "0..255" in str(misfit(raw, lite))
    assert "0..1" in str(misfit(raw / 255, imagenet)) and "0..1" in str(misfit((raw // 8) / 255, imagenet))
    assert "only -0.992..1" in str(misfit(imagenet(picture()), lite))
    assert "only" in str(misfit(torch.full((1, 3, 4, 4), 9.0), imagenet))


@pytest.mark.parametrize("name", PRESETS)
def test_misfit_is_silent_on_what_fits(name: str) -> None:
    preprocess = Preprocess.of(name)
    for one in (
        picture(),
        Image.new("RGB", (40, 40), "white"),
        Image.new("RGB", (40, 40), "black"),
        Image.new("RGB", (40, 40), (200, 170, 160)),
    ):
        assert misfit(preprocess(one), preprocess) is None
    assert misfit(torch.zeros(2, 5), preprocess) is None


def test_presets_are_values() -> None:
    assert Preprocess.of("imagenet") == Preprocess(
        (0.485, 0.456, 0.406), [0.229, 0.224, 0.225], 224, 256, interpolation="bilinear"
    )
    assert len({Preprocess.of("imagenet"), Preprocess.of("imagenet")}) == 1
