"""Models out of torchvision and timm, built where they are installed; nothing is fetched."""

import importlib
import inspect
from typing import Any

import torch
from torch import nn

from pellucid.core.errors import BadSetting, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.inputs.preprocess import Preprocess, preprocess_of
from pellucid.zoo.opened import OpenedModel

_RANDOM = Text(
    "No weights were given: the network has random weights (seed 0), so its pictures show its structure, not a skill.",
    "未提供权重：网络使用随机权重（种子 0），图中展示的只是结构，而非学到的能力。",
)
_PICTURES = ("ImageClassification", "SemanticSegmentation", "ObjectDetection")  # others take films or pairs


def open_torchvision(name: str, *, trained: bool) -> OpenedModel:
    """A model of torchvision; preprocessing and labels are those of its default weights.

    Args:
        trained: whether weights will follow; if so they are taken to be for the library's own classes.
    """
    models = _library("torchvision.models", "torchvision")
    if name not in models.list_models():
        raise _unknown(name, "torchvision", models.list_models())
    takes = inspect.signature(models.get_model_builder(name)).parameters
    settings: dict[str, Any] = {"weights_backbone": None} if "weights_backbone" in takes else {}
    if name in ("googlenet", "inception_v3"):
        settings["init_weights"] = False
    model = _seeded(lambda: models.get_model(name, weights=None, **settings))
    known = models.get_model_weights(name)
    if not len(known):
        return _opened(model, name, None, (), trained)
    stated = known.DEFAULT
    way = stated.transforms()
    preprocess = preprocess_of(way) if type(way).__name__ in _PICTURES else None
    return _opened(model, name, preprocess, tuple(stated.meta.get("categories", ())), trained)


def open_timm(name: str, *, trained: bool) -> OpenedModel:
    """A model of timm; preprocessing and labels are those of its configuration.

    Args:
        trained: see `open_torchvision`.
    """
    timm = _library("timm", "timm")
    base = name.partition(".")[0]
    if not timm.is_model(base):
        raise _unknown(name, "timm", timm.list_models())
    try:
        model = _seeded(lambda: timm.create_model(name, pretrained=False))
    except RuntimeError as error:
        raise BadSetting(f"timm cannot build '{name}': {error}", nearest=quoted([base])) from error
    config = timm.data.resolve_data_config({}, model=model)
    return _opened(model, name, preprocess_of(config), _timm_labels(timm, model), trained)


def _timm_labels(timm: Any, model: nn.Module) -> tuple[str, ...]:
    subset = timm.data.infer_imagenet_subset(model)
    if not subset:
        return ()
    names = timm.data.ImageNetInfo(subset)
    return tuple(names.index_to_description(index) for index in range(names.num_classes()))


def _opened(
    model: nn.Module, name: str, preprocess: Preprocess | None, labels: tuple[str, ...], trained: bool
) -> OpenedModel:
    if not trained:
        return OpenedModel(model, name, preprocess, None, (_RANDOM,))
    note = Text(
        "Preprocessing and class names are those that the library states for its own weights.",
        "预处理方式与类别名称取自该库为其自带权重所声明的内容。",
    )
    return OpenedModel(model, name, preprocess, labels or None, (note,))


def _seeded(build: Any) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build()


def _library(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise BadSetting(f"{package} is not installed.", hint=f"pip install {package}") from error


def _unknown(name: str, library: str, names: list[str]) -> BadSetting:
    return BadSetting(
        f"{library} has no model '{name}'.", nearest=quoted(f"{library}:{near}" for near in nearest_names(name, names))
    )
