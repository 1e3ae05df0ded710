"""Models out of torchvision and timm, built where they are installed; their own weights only where they are named."""

import importlib
import inspect
from difflib import get_close_matches
from typing import Any

import torch
from torch import nn

from pellucid.core.errors import BadSetting, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.inputs.preprocess import Preprocess, preprocess_of
from pellucid.zoo.hub import checkpoint_at, unreachable
from pellucid.zoo.opened import OpenedModel, StatedInput

_LISTS = {"torchvision": "torchvision.models.list_models()", "timm": "timm.list_models()"}
DEFAULT = ("DEFAULT", "pretrained")
_RANDOM = Text(
    "No weights were given: the network has random weights (seed 0), so its pictures show its structure, not a skill.",
    "未提供权重：网络使用随机权重（种子 0），图中展示的只是结构，而非学到的能力。",
)
_OF_LIBRARY = Text(
    "Preprocessing and class names are those that the library states for its own weights.",
    "预处理方式与类别名称取自该库为其自带权重所声明的内容。",
)
_PICTURES = ("ImageClassification", "SemanticSegmentation", "ObjectDetection")  # others take films or pairs
_INCEPTION = ("googlenet", "inception_v3")


def open_torchvision(name: str, *, trained: bool, own: str = "") -> OpenedModel:
    """A model of torchvision; preprocessing and labels are those of the weights named, else of its default weights.

    Args:
        name: what torchvision calls the model.
        trained: whether weights will follow; if so they are taken to be for the library's own classes.
        own: which of the library's own weights to fetch: "DEFAULT", "IMAGENET1K_V1", ...; none for "".
    """
    models = _library("torchvision.models", "torchvision")
    if name not in models.list_models():
        raise _unknown(name, "torchvision", models.list_models())
    known = models.get_model_weights(name)
    if own:
        stated = _named(known, own, name)
        checkpoint_at(stated.url, "torchvision")
        model = _seeded(lambda: models.get_model(name, weights=stated, progress=False))
        return _opened(model, name, *_stated(stated), _fetched(f"{stated}", "torchvision"))
    takes = inspect.signature(models.get_model_builder(name)).parameters
    settings: dict[str, Any] = {"weights_backbone": None} if "weights_backbone" in takes else {}
    if name in _INCEPTION:
        settings["init_weights"] = False
        if trained:
            settings["transform_input"] = True  # its weights expect that, and its preprocessing counts on it
    model = _seeded(lambda: models.get_model(name, weights=None, **settings))
    if not len(known):
        return _opened(model, name, None, (), _OF_LIBRARY if trained else _RANDOM)
    return _opened(model, name, *_stated(known.DEFAULT), _OF_LIBRARY if trained else _RANDOM)


def open_timm(name: str, *, trained: bool, own: str = "") -> OpenedModel:
    """A model of timm; preprocessing and labels are those of its configuration.

    Args:
        name: what timm calls the model, with or without the tag of its weights.
        trained: see `open_torchvision`.
        own: "pretrained" or a tag as "a1_in1k": timm's own weights are fetched; none for "".
    """
    timm = _library("timm", "timm")
    base = name.partition(".")[0]
    if not timm.is_model(base):
        raise _unknown(name, "timm", timm.list_models())
    full = f"{name}.{own}" if own and own not in DEFAULT else name
    try:
        model = _seeded(lambda: timm.create_model(full, pretrained=bool(own)))
    except RuntimeError as error:
        tags = list(timm.list_pretrained(f"{base}.*")) if "." in full else [base]
        near = nearest_names(full, tags) or tags[:3]
        raise BadSetting(
            Text(f"timm cannot build '{full}': {error}", f"timm 无法建立 '{full}'：{error}"),
            nearest=quoted(f"timm:{one}" for one in near),
        ) from error
    except Exception as error:  # the network, two hubs and their libraries fail in many classes
        if not own:
            raise
        hint = f"fetch the file of '{full}' on a machine with a network, then weights='model.safetensors'"
        raise unreachable(f"timm's '{full}'", error, hint) from error
    config = timm.data.resolve_data_config({}, model=model)
    note = _fetched(full, "timm") if own else _OF_LIBRARY if trained else _RANDOM
    return _opened(model, name, preprocess_of(config), _timm_labels(timm, model), note)


def own_weights(name: str, weights: Any) -> tuple[str, str]:
    """Name of the model, and which of the library's own weights were asked for: `resnet18:DEFAULT`, or by `weights`.

    Raises:
        BadSetting: they were asked for twice.
    """
    base, colon, own = name.partition(":")
    word = str(weights) if weights in DEFAULT else ""
    if colon and weights is not None:
        raise BadSetting(
            Text(
                f"'{name}' names weights of the library, and weights='{weights}' others.",
                f"'{name}' 已指定库中的权重，weights='{weights}' 又指定了别的。",
            ),
            hint=Text("give one", "请只给一个"),
        )
    return base, own or word


def _named(known: Any, own: str, name: str) -> Any:
    if own in DEFAULT and len(known):
        return known.DEFAULT
    if own not in known.__members__:
        near = quoted(f"torchvision:{name}:{one}" for one in known.__members__)
        raise BadSetting(
            Text(f"torchvision has no weights '{own}' for '{name}'.", f"torchvision 没有 '{name}' 的权重 '{own}'。"),
            nearest=near,
        )
    return known[own]


def _stated(weights: Any) -> tuple[Preprocess | None, tuple[str, ...]]:
    way = weights.transforms()
    preprocess = preprocess_of(way) if type(way).__name__ in _PICTURES else None
    return preprocess, tuple(weights.meta.get("categories", ()))


def _fetched(which: str, library: str) -> Text:
    return Text(f"Weights of {library}: {which}.", f"{library} 自带权重：{which}。", aside=True)


def _timm_labels(timm: Any, model: nn.Module) -> tuple[str, ...]:
    subset = timm.data.infer_imagenet_subset(model)
    if not subset:
        return ()
    names = timm.data.ImageNetInfo(subset)
    return tuple(names.index_to_description(index) for index in range(names.num_classes()))


def _opened(
    model: nn.Module, name: str, preprocess: Preprocess | None, labels: tuple[str, ...], note: Text
) -> OpenedModel:
    return OpenedModel(
        model, name, preprocess, None if note is _RANDOM else labels or None, (note,), inputs=_inputs(preprocess)
    )


def _inputs(preprocess: Preprocess | None) -> tuple[StatedInput, ...]:
    size = preprocess.size if preprocess is not None else None
    if preprocess is None or size is None:
        return ()
    sides = (size, size) if isinstance(size, int) else size
    return (StatedInput("x", (None, preprocess.channels, *sides)),)


def _seeded(build: Any) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build()


def _library(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise BadSetting(
            Text(f"{package} is not installed.", f"没有安装 {package}。"), hint=f"pip install {package}"
        ) from error


def _unknown(name: str, library: str, names: list[str]) -> BadSetting:
    alike = get_close_matches(name, names, cutoff=0.4) or [one for one in names if name.lower() in one][:3]
    return BadSetting(
        Text(f"{library} has no model '{name}'.", f"{library} 没有模型 '{name}'。"),
        nearest=quoted(f"{library}:{one}" for one in alike),
        hint=Text("")
        if alike
        else Text(f"{_LISTS[library]} lists all {len(names):,}", f"{_LISTS[library]} 列出全部 {len(names):,} 个"),
    )
