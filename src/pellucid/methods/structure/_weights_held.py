"""The weights that a layer setting denotes, as they act: parametrised, quantised, pruned and adapted ones included."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.core.errors import LayerNotFound, NotApplicable
from pellucid.core.sites import Place, Site
from pellucid.core.text import Text
from pellucid.engine.looker import Looker, owner
from pellucid.engine.packed import is_packed, weight_of
from pellucid.engine.passes import Layer

_LORA = ("lora_A", "lora_B")
_REASONS = {
    "meta": Text("it has a shape but no numbers (meta device)", "只有形状而没有数值（meta 设备）"),
    "packed": Text("it holds bare integers, whose scale is not known here", "只含整数，此处不知其缩放比例"),
    "empty": Text("it is empty", "为空"),
}
_TRY = {
    "meta": Text("load the weights first", "请先载入权重"),
    "packed": Text("dequantise it first, or look at a layer of floating numbers", "请先反量化，或查看浮点数的层"),
    "empty": Text("look at another layer", "请查看其他层"),
}


@dataclass(frozen=True, eq=False)
class Held:
    """One weight.

    Args:
        where: its address.
        key: its name in a state dict; of what is computed, that of the parameter behind it.
        weight: as it acts, detached, floating or complex.
        module: whose weight it is; None if unknown.
        made: how it came from what is stored, where that is not the same; None if it is.
    """

    where: str
    key: str
    weight: Tensor
    module: nn.Module | None
    made: Text | None = None


def held(lens: Looker, layer: Layer) -> tuple[list[Held], tuple[Text, ...]]:
    """Every weight of two or more axes that `layer` denotes, in the order in which the layers were registered.

    Returns:
        the weights; what was left out and why.
    Raises:
        LayerNotFound: a named module has no weight of its own.
        NotApplicable: there is none, or none of them has numbers.
    """
    sites = [lens.site(one) for one in (layer if isinstance(layer, tuple) else (layer,))]
    made = {path: one for path, module in lens.modules.items() for one in _computed(path, module)}
    found: dict[str, Held] = {}
    for site in sites:
        found.update((one.where, one) for one in _at(lens, site, made))
    order = {path: number for number, path in enumerate(lens.modules)}
    # stable: parameters of one module stay as they were registered
    weights = sorted(found.values(), key=lambda one: order.get(one.where.rpartition(":")[0], -1))
    if any(site.role.startswith("first") for site in sites) and len(sites) == 1:
        weights = weights[:1]
    if not weights:
        raise NotApplicable(
            Text(f"no layer that '{layer}' denotes holds a weight matrix", f"'{layer}' 所指的层都没有权重矩阵"),
            hint=Text("lens.layers() lists the layers", "lens.layers() 列出各层"),
        )
    return _with_numbers(weights)


def _at(lens: Looker, site: Site, made: dict[str, Held]) -> Iterator[Held]:
    every = bool(site.role or site.is_glob)
    here = [path for path in made if site.role or site.matches(Place(path))]
    if site.side.startswith(":"):
        here = []
    seen = {made[path].where for path in here}
    yield from (made[path] for path in here)
    if here and not every:
        return
    try:
        (parameters,) = lens.weights(site)
    except LayerNotFound:
        if here:
            return
        raise
    computed = {one.where for one in made.values()}
    for name, value in lens.named(parameters):
        one = _parameter(lens, name, value)
        wide = value.ndim > 1 or (value.ndim == 1 and not every and site.side.startswith(":"))
        if wide and one.where not in seen and not (every and _behind(name, computed)):
            yield one


def _behind(name: str, computed: set[str]) -> bool:
    """Whether a parameter only stands behind a weight that is computed from it and others."""
    path, _, last = name.rpartition(".")
    return last.endswith(("_g", "_v", "_orig")) and f"{path}:{last.rpartition('_')[0]}" in computed


def _parameter(lens: Looker, name: str, value: Tensor) -> Held:
    path, module = owner(name), lens.modules.get(owner(name))
    if "parametrizations." not in name:
        return Held(f"{path}:{name.rpartition('.')[2]}", name, value.detach(), module)
    own = name.split("parametrizations.")[1].split(".", maxsplit=1)[0]
    with torch.no_grad():
        acting = getattr(module, own)
    told = Text("the weight as its parametrization makes it", "权重取其参数化的计算结果", aside=True)
    return Held(f"{path}:{own}", f"{path}.{own}".lstrip("."), acting.detach(), module, told)


def _computed(path: str, module: nn.Module) -> Iterator[Held]:
    """A weight that no parameter holds as it acts."""
    key = f"{path}.weight".lstrip(".")
    with torch.no_grad():
        if is_packed(module):
            value = weight_of(module)
            if value is not None:
                told = Text("quantised, the numbers that its integers stand for", "量化权重，取整数所代表的数值")
                yield Held(f"{path}:weight", key, value, module, told)
            return
        base = getattr(module, "base_layer", None)
        adapted = getattr(base if isinstance(base, nn.Module) else module, "weight", None)
        change = _adapter(module) if isinstance(adapted, Tensor) else None
        if isinstance(adapted, Tensor) and change is not None and change.shape == adapted.shape:
            told = Text("with its low-rank adapter, W + BA", "含低秩适配器，W + BA")
            stored = key if base is None else f"{path}.base_layer.weight".lstrip(".")
            yield Held(f"{path}:weight", stored, (adapted + change.to(adapted)).detach(), module, told)
            return
        for hook in vars(module).get("_forward_pre_hooks", {}).values():
            value = _hooked(hook, module)
            if value is not None:
                name, told = (
                    value[0],
                    Text("the weight as its hook computes it", "权重取其钩子的计算结果", aside=True),
                )
                yield Held(f"{path}:{name}", f"{path}.{name}".lstrip("."), value[1].detach(), module, told)


def _hooked(hook: Any, module: nn.Module) -> tuple[str, Tensor] | None:
    """What the older weight_norm, spectral_norm and pruning of torch compute before each call."""
    name = getattr(hook, "name", None) or getattr(hook, "_tensor_name", None)
    if not isinstance(name, str):
        return None
    if hasattr(hook, "apply_mask") and hasattr(module, f"{name}_mask"):
        return name, hook.apply_mask(module)
    if hasattr(hook, "compute_weight"):
        power = {"do_power_iteration": False} if hasattr(hook, "n_power_iterations") else {}
        return name, hook.compute_weight(module, **power)
    return None


def _adapter(module: nn.Module) -> Tensor | None:
    """What a low-rank adapter adds to the weight, unless it has been merged into it; None where there is none."""
    low, high = (getattr(module, name, None) for name in _LORA)
    if low is None or high is None or getattr(module, "merged", False) or getattr(module, "disable_adapters", False):
        return None
    scaling = getattr(module, "scaling", 1.0)
    if isinstance(low, Tensor):
        return float(scaling) * (high @ low)
    active: Sequence[str] = getattr(module, "active_adapters", None) or list(low)
    total: Tensor | None = None
    for name in active:
        if name in low:
            scale = float(scaling[name]) if isinstance(scaling, dict) else float(scaling)
            change = scale * (high[name].weight.flatten(1) @ low[name].weight.flatten(1))
            total = change if total is None else total + change
    return total


def _with_numbers(weights: list[Held]) -> tuple[list[Held], tuple[Text, ...]]:
    """Those that have numbers, in a type that can be reckoned with."""
    left: dict[str, list[str]] = {}
    kept: list[Held] = []
    for one in weights:
        reason = _unreadable(one.weight)
        if reason:
            left.setdefault(reason, []).append(one.where)
            continue
        value = one.weight.dequantize() if one.weight.is_quantized else one.weight
        narrow = value.is_floating_point() and value.element_size() < 2
        kept.append(Held(one.where, one.key, value.float() if narrow else value, one.module, one.made))
    if not kept:
        reason, names = next(iter(left.items()))
        raise NotApplicable(
            Text(f"'{names[0]}' cannot be shown: {_REASONS[reason]}", f"无法显示 '{names[0]}'：{_REASONS[reason].zh}"),
            hint=_TRY[reason],
        )
    made: dict[Text, list[str]] = {}
    for one in kept:
        if one.made is not None:
            made.setdefault(one.made, []).append(one.where)
    told = [_told(names, how) for how, names in made.items()]
    return kept, (*told, *(_told(names, _REASONS[reason], left=True) for reason, names in left.items()))


def _unreadable(weight: Tensor) -> str:
    if weight.is_meta:
        return "meta"
    if not weight.numel():
        return "empty"
    numbers = weight.is_floating_point() or weight.is_complex() or weight.is_quantized
    return "" if numbers else "packed"


def _told(names: list[str], what: Text, *, left: bool = False) -> Text:
    some, more = ", ".join(names[:3]), len(names) - 3
    english, chinese = ("Left out: ", "未列出：") if left else ("", "")
    return Text(
        f"{english}{some}{f' and {more} more' if more > 0 else ''}: {what.en}.",
        f"{chinese}{some}{f' 等 {len(names)} 个' if more > 0 else ''}：{what.zh}。",
        aside=what.aside,
    )
