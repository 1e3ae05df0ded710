"""pellucid: make the inside of any PyTorch network visible.

    import pellucid as pl
    lens = pl.Lens(model, preprocess="imagenet")
    views = lens.see("cat.jpg", pl.grad_cam(), pl.saliency())
    views.save("report.html")

Names are loaded when they are used.
"""

from typing import Any

_HOMES = {
    "Lens": "pellucid.lens.lens",
    "open": "pellucid.zoo.opening",
    "Views": "pellucid.lens.views",
    "Preprocess": "pellucid.inputs.preprocess",
    "targets": "pellucid.engine.targets",
    "contrast": "pellucid.engine.targets",
    "unit": "pellucid.engine.units",
    "method": "pellucid.registry",
    "View": "pellucid.registry",
    "Text": "pellucid.core.text",
    "Pass": "pellucid.engine.passes",
    "Seen": "pellucid.engine.passes",
    "Spot": "pellucid.engine.passes",
    "Keep": "pellucid.engine.passes",
    "INPUT": "pellucid.engine.passes",
    "OUTPUT": "pellucid.engine.passes",
    "Look": "pellucid.engine.passes",
    "together": "pellucid.engine.passes",
    "Layer": "pellucid.engine.passes",
    "Looking": "pellucid.engine.passes",
    "Target": "pellucid.engine.targets",
    "Inputs": "pellucid.inputs.inputs",
    "Rule": "pellucid.engine.rules",
    "Edit": "pellucid.engine.edits",
    "ablate": "pellucid.engine.edits",
    "patch": "pellucid.engine.edits",
    "mask": "pellucid.engine.edits",
    "edit": "pellucid.engine.edits",
    **dict.fromkeys(
        ("Attribution", "Gallery", "Graph", "Matrix", "Points", "Result", "Series", "Table", "Base"), "pellucid.results"
    ),
    "Failure": "pellucid.results.failure",
    "encode": "pellucid.results.encode",
    "decode": "pellucid.results.encode",
    **dict.fromkeys(
        (
            "PellucidError",
            "BadRequest",
            "UnknownMethod",
            "BadSetting",
            "LayerNotFound",
            "BadTarget",
            "BadInput",
            "BadWeights",
            "NotApplicable",
            "ModelFailed",
            "MethodFault",
            "Cancelled",
        ),
        "pellucid.core.errors",
    ),
}
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    elif name.startswith("_"):
        raise AttributeError(name)
    else:
        registry = import_module("pellucid.registry")
        if name not in registry.places():
            near = import_module("pellucid.core.errors").nearest_names(name, [*registry.places(), *_HOMES])
            raise AttributeError(f"pellucid has no '{name}'; nearest: {', '.join(near)}")
        value = registry.factory(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    from importlib import import_module

    return sorted({*globals(), *_HOMES, *import_module("pellucid.registry").places()})
