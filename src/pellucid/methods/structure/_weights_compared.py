"""The same weights in another checkpoint."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pellucid.core.errors import BadSetting, BadWeights, NotApplicable, PellucidError, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.engine.looker import Looker, unwrapped
from pellucid.engine.passes import Layer
from pellucid.inputs.checkpoints.checkpoint import read_weights
from pellucid.methods.structure._weights_held import Held, held


def beside(found: list[Held], against: Any, layer: Layer) -> tuple[dict[str, Tensor], tuple[Text, ...]]:
    """What each weight is in the other checkpoint, by address, and what the reader must know of it.

    Args:
        against: a model, a lens, a state dict, or the path of a file of weights.
    Raises:
        BadSetting: it is none of these.
        BadWeights: the file is refused, or none of these weights is there in the same shape.
    """
    model = against if isinstance(against, nn.Module) else getattr(against, "model", None)
    notes: tuple[Text, ...] = ()
    if isinstance(model, nn.Module):
        others = _of_model(unwrapped(model), found, layer)
    else:
        named, notes = _named(against)
        others = {one.where: value for one in found if (value := _alike(named, one.key)) is not None}
    fitting = {
        one.where: others[one.where].detach()
        for one in found
        if one.where in others and others[one.where].shape == one.weight.shape and not others[one.where].is_meta
    }
    missing = [one.where for one in found if one.where not in fitting]
    if not fitting:
        raise BadWeights(
            Text(
                f"the other checkpoint has none of these weights in the same shape: {', '.join(missing[:3])}",
                f"另一份检查点中没有形状相同的这些权重：{'、'.join(missing[:3])}",
            ),
            nearest=quoted(nearest_names(found[0].key, others or _names(against))),
            hint=Text(
                "give a state dict of the same network, or a model of the same class",
                "请给出同一网络的 state dict，或同类的模型",
            ),
        )
    if missing:
        some = ", ".join(missing[:3]) + (f" (+{len(missing) - 3})" if len(missing) > 3 else "")
        notes += (
            Text(
                f"Not in the other checkpoint, or of another shape there: {some}.",
                f"另一检查点中没有，或形状不同：{some}。",
            ),
        )
    return fitting, notes


def _of_model(model: nn.Module, found: list[Held], layer: Layer) -> dict[str, Tensor]:
    try:
        weights, _ = held(Looker(model), layer if not isinstance(layer, nn.Module) else "every weight")
    except (NotApplicable, PellucidError):
        weights, _ = held(Looker(model), "every weight")
    wanted = {one.where for one in found}
    return {one.where: one.weight for one in weights if one.where in wanted}


def _named(against: Any) -> tuple[Mapping[str, Tensor], tuple[Text, ...]]:
    if isinstance(against, (str, Path)):
        named, told = read_weights(against)
        return named, tuple(Text(f"Of the other checkpoint: {one.en}", f"另一检查点：{one.zh}") for one in told)
    pairs = against.items() if isinstance(against, Mapping) else against
    try:
        named = {str(name): value for name, value in pairs if isinstance(value, Tensor)}
    except (TypeError, ValueError):
        named = {}
    if not named:
        raise BadSetting(
            f"against is no checkpoint: {type(against).__name__}"
            + (" without a tensor by name" if isinstance(against, Mapping | list | tuple) else ""),
            hint="a model, a state dict, or the path of a file of weights",
        )
    return named, ()


def _names(against: Any) -> list[str]:
    model = against if isinstance(against, nn.Module) else getattr(against, "model", None)
    return list(model.state_dict()) if isinstance(model, nn.Module) else list(_named(against)[0])


def _alike(named: Mapping[str, Tensor], key: str) -> Tensor | None:
    """The tensor of that name, or of the only one that has a prefix before it, as training wrappers leave."""
    if key in named:
        return named[key]
    plain = {name: name.replace("_orig_mod.", "") for name in named}
    chosen = [name for name, one in plain.items() if one == key] or [
        name for name, one in plain.items() if one.endswith(f".{key}")
    ]
    return named[chosen[0]] if len(chosen) == 1 else None
