"""pellucid: make the inside of any PyTorch network visible.

    import pellucid as pl
    lens = pl.Lens(model, preprocess="imagenet")
    views = lens.see("cat.jpg", pl.grad_cam(), pl.saliency())
    views.save("report.html")

Names are loaded when they are used.
"""

from typing import Any

_PUBLIC = {
    "lens.lens": "Lens",
    "lens.views": "Views report",
    "lens.run": "Run",
    "lens.comparing.compare": "compare",
    "lens.comparing.comparison": "Comparison",
    "diagnose.findings": "Findings",
    "zoo.opening": "open",
    "inputs.preprocess": "Preprocess",
    "inputs.inputs": "Inputs",
    "inputs.by_word": "by_word",
    "inputs.data.open": "data",
    "inputs.data.data": "Data",
    "engine.targets.target": "Target targets contrast rival",
    "engine.targets.areas": "region box",
    "engine.targets.similarity": "similarity",
    "engine.targets.units": "unit",
    "engine.targets.tokens": "token continuation generated",
    "engine.passes": "INPUT OUTPUT Keep Layer Look Looking Pass Seen Spot together",
    "engine.rules": "Rule",
    "engine.edits": "Edit ablate edit mask patch",
    "engine.planner": "Cost Progress",
    "engine.sweeps.request": "Gathered Sweep Swept",
    "engine.sweeps.gather": "Source",
    "engine.sweeps.reducers": "ClassMeans Covariance Extremes Moments Reducer Sample Samples Top",
    "registry": "View method",
    "core.text": "Text",
    "core.errors": "PellucidError BadRequest UnknownMethod BadSetting LayerNotFound BadTarget BadInput BadWeights "
    "NotApplicable ModelFailed MethodFault Cancelled",
    "results": "Attribution Base Gallery Graph Matrix Points Result Series Table",
    "results.failure": "Failure",
    "results.encode": "decode encode",
}
_HOMES = {name: f"pellucid.{home}" for home, names in _PUBLIC.items() for name in names.split()}
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
