"""Every setting of every method changes something that can be seen; nothing is only for show."""

from collections.abc import Iterator
from inspect import Parameter
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
import torch
from torch.nn import functional as F

import pellucid as pl
from pellucid import registry
from pellucid.engine.passes import Layer
from tests.contract import looks
from tests.contract.looks import METHODS
from tests.networks import NETWORKS

WHERE = ("article_net", "residual", "tiny_vit", "causal_lm", "segmentation", "two_attentions")
SPECIMENS: dict[str, tuple[Any, ...]] = {
    "baselines": (0.25, torch.full((1, 3, 1, 1), 0.5)),
    "batch_size": (4,),
    "tolerance": (0.01, 100.0),
    "loss": (lambda output, label: F.cross_entropy(output, label, label_smoothing=0.3, reduction="none"),),
    "layer": ("first conv", "conv1", "0", "every conv", "/add.1", "second/attention.0"),
    "tokens": ((0, 1),),
    "of": ("input_x_gradient", ("saliency", "integrated_gradients"), 3),
    "channel": (1, (0, 2)),
    "size": (18,),
    "most": (2,),
    "against": ({"conv1.weight": torch.zeros(6, 3, 5, 5)},),
    "rules": (("conv1=epsilon",), ("*=z_plus",)),
    "labelled": ((torch.linspace(-1, 1, 6 * 3 * 32 * 32).reshape(6, 3, 32, 32), (0, 1, 0, 1, 0, 1)),),
}
BESIDE: dict[str, dict[str, Any]] = {
    "activation_maximization": {"layer": "first weight", "channels": 2, "n_images": 2},
}
"""Settings without which others of the same method have nothing to act on."""
OVER_DATA = {("activation_maximization", "k")}
"""Settings that only act on a data set; the contract of methods over data has them."""
SETTINGS = [
    (method, name) for method in METHODS for name in registry.find(method).settings if (method, name) not in OVER_DATA
]


def others(parameter: Parameter, current: Any) -> Iterator[Any]:
    """Values that the setting could have instead."""
    yield from SPECIMENS.get(parameter.name, ())
    yield from (value for value in _typed(parameter.annotation, current) if value != current)


def _typed(annotation: Any, current: Any) -> Iterator[Any]:
    origin, parts = get_origin(annotation), get_args(annotation)
    if annotation is Layer:
        yield from SPECIMENS["layer"]
    elif origin is Annotated:
        yield from _typed(parts[0], current)
    elif origin is Literal:
        yield from parts
    elif annotation is bool:
        yield not current
    elif annotation is int:
        yield from (current + 1, max(1, current // 2)) if type(current) is int else (1, 2)
    elif annotation is float:
        yield from (current * 0.5 + 0.1, current * 2 + 0.1) if isinstance(current, (int, float)) else (0.3,)
    elif origin is not None:
        for part in parts:
            yield from _typed(part, current)


def shown(method: str, network: str, **settings: Any) -> Any:
    """All that a view gives and costs; None if it refuses."""
    spec = registry.find(method)
    views = pl.Lens(NETWORKS[network].build()).see(NETWORKS[network].x(2), spec(**{**spec.quick, **settings}), target=1)
    if views.failures:
        return None
    answer = views[0]
    parts = answer if isinstance(answer, tuple) else (answer,)
    return [looks.content(part) for part in parts], views.cost.forwards, views.cost.samples


@pytest.mark.parametrize(("method", "name"), SETTINGS)
def test_setting_changes_something(method: str, name: str) -> None:
    spec = registry.find(method)
    beside = BESIDE.get(method, {})
    current = {**spec().settings, **spec.quick, **beside}[name]
    tried = []
    for network in WHERE:
        plain = shown(method, network, **beside)
        for value in others(spec.settings[name], current):
            try:
                changed = shown(method, network, **{**beside, name: value})
            except pl.BadRequest as refusal:
                tried.append((network, value, str(refusal).splitlines()[0]))
                continue
            if plain is not None and changed is not None and changed != plain:
                return
            tried.append((network, value, "nothing changed" if changed is not None else "refused"))
    pytest.fail(f"{method}({name}=...) changes nothing: {tried}")


@pytest.mark.parametrize("method", METHODS)
def test_unknown_setting_names_the_nearest(method: str) -> None:
    with pytest.raises(pl.BadSetting, match=method):
        registry.find(method)(no_such_setting=1)
