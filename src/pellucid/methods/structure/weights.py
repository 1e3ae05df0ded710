"""Weights: the filters and matrices that a network has learned, as pictures."""

from dataclasses import replace
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor, nn

from pellucid.core.errors import NotApplicable
from pellucid.core.messages import message
from pellucid.core.needs import WEIGHTS
from pellucid.core.text import Text
from pellucid.engine.looker import Looker, owner
from pellucid.engine.passes import Layer
from pellucid.ops.kernels import filters_first, is_transposed, near_copies
from pellucid.ops.precision import in_double
from pellucid.ops.tiles import kernel_tiles
from pellucid.registry import method
from pellucid.results import Gallery
from pellucid.results.array import as_array

NEAR_ZERO = 1e-3
_AXES = {
    2: ("out", "in"),
    3: ("filter", "channel", "time"),
    4: ("filter", "channel", "height", "width"),
    5: ("filter", "channel", "depth", "height", "width"),
}


@method(
    title=Text("Weights", "权重"),
    question=Text("What have these filters learned?", "这些滤波器学到了什么？"),
    shows=Text(
        "One tile per filter. Smooth, different tiles are learned; noise and copies are not.",
        "每个滤波器一格。平滑且彼此不同的格子是学到的；噪声与重复不是。",
    ),
    cannot=Text(
        "What a deeper filter answers to: its inputs are features, not pixels.",
        "较深的滤波器响应什么：它的输入是特征而非像素。",
    ),
    check=Text(
        "For deeper layers use activation_maps, or optimise an input for the filter.",
        "对较深的层，请用 activation_maps，或为滤波器优化输入。",
    ),
    needs=WEIGHTS,
    formula="W",
    paper="Krizhevsky et al. 2012, NeurIPS",
    steps=Text(
        "1. Take the weight of the layer as it acts. 2. Draw one tile per filter: three input channels in colour, otherwise the strongest input channel, named in the caption.",
        "1. 取该层实际起作用的权重。2. 每个滤波器一格：三通道输入用彩色，否则画最强的输入通道，并在标题中注明。",
    ),
    quick={"filters": 4},
    tour=65,
)
def weights(lens: Looker, layer: Layer = "first weight", filters: Annotated[int, Ge(1)] = 64) -> tuple[Gallery, ...]:
    """The weights of a layer; the network is not run.

    Args:
        layer: whose weights; "first" means in the order in which the layers were registered.
        filters: how many are drawn; `values` holds all.
    Returns:  Gallery, values of the weight's shape; `facts` hold the share of near-zero weights (a thousandth of the
        largest) and how many filters point the same way as another one.
    Raises:   NotApplicable if there is no such weight.
    """
    sites = lens.weights(layer)
    named = {
        f"{owner(name)}:{name.rpartition('.')[2]}" if "parametrizations." not in name else f"{owner(name)}:weight": (
            name,
            value,
        )
        for site in sites
        for name, value in lens.named(site)
        if value.ndim > 1
    }
    if sites[0].role.startswith("first"):
        named = dict(list(named.items())[:1])
    if not named:
        raise NotApplicable(
            f"no layer that '{layer}' denotes holds a weight matrix", hint="lens.layers() lists the layers"
        )
    return tuple(
        _gallery(where, _acting(lens, name, value), filters, lens.modules.get(owner(name)))
        for where, (name, value) in named.items()
    )


def _acting(lens: Looker, name: str, parameter: Tensor) -> Tensor:
    """The weight as it acts: for a parametrized one what its parametrization makes of the parameter."""
    if "parametrizations." not in name:
        return parameter
    with torch.no_grad():
        return getattr(lens.modules[owner(name)], name.split("parametrizations.")[1].split(".", maxsplit=1)[0])


def _gallery(where: str, weight: Tensor, filters: int, module: nn.Module | None) -> Gallery:
    value = weight.detach()
    ordered = filters_first(value, module)
    tiles, captions, colour = kernel_tiles(ordered, filters)
    copies = near_copies(ordered)
    axes = _AXES.get(value.ndim, ("filter", *(f"axis {i}" for i in range(1, value.ndim))))
    limit = float(value.abs().max())
    notes = (replace(message("gallery.colour_tiles"), aside=True),) if colour else ()
    return Gallery(
        values=as_array(value),
        axes=(axes[1], axes[0], *axes[2:]) if is_transposed(module) else axes,
        images=tuple(tiles),
        captions=tuple(captions),
        signed=True,
        layer=where,
        notes=notes,
        unit=Text("weight", "权重值"),
        facts={
            "norm": float(in_double(value).norm()),
            "near zero": float(in_double(value.abs() <= NEAR_ZERO * limit).mean()),
            "filters": ordered.shape[0],
            **({} if copies is None else {"nearly copies": copies}),
        },
    )
