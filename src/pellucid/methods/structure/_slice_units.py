"""The units of a layer: what each contributes, and all others taken away."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.sites import Site
from pellucid.core.text import Text
from pellucid.engine.edits import Edit, edit
from pellucid.engine.passes import Spot
from pellucid.ops.precision import in_double

Fill = Literal["zero", "mean"]


@dataclass(frozen=True, eq=False)
class Units:
    """One layer of the slice.

    Args:
        spot: the layer as it was seen.
        axis: where its units are.
        contributions: `(batch, unit)`, activation · gradient summed over positions.
    """

    spot: Spot
    axis: int
    contributions: Tensor

    @property
    def count(self) -> int:
        """How many units there are."""
        return self.contributions.shape[1]

    def only(self, kept: Tensor, fill: Fill) -> Edit:
        """The edit that leaves `kept` `(batch, unit)` and takes the others away."""
        place, axis = self.spot.place, self.axis

        def change(value: Tensor) -> Tensor:
            shape = [len(value) if i == 0 else -1 if i == axis else 1 for i in range(value.ndim)]
            rest = value.mean(tuple(range(1, value.ndim)), keepdim=True) if fill == "mean" else value.new_zeros(())
            return torch.where(kept.to(value.device).reshape(shape), value, rest)

        return edit(Site(place.path, place.call, place.op, place.n, side=place.side), change)


def units_of(spot: Spot, size: int) -> Units | None:
    """The units of a place; None where there are none for each example.

    Raises:
        NotApplicable: its contributions are not finite.
    """
    value = spot.value
    if not isinstance(value, Tensor) or value.ndim < 2 or len(value) != size or not value.is_floating_point():
        return None
    axis = _axis(spot, value.ndim)
    with torch.no_grad():
        product = in_double(value) * in_double(spot.gradient)
        found = product.movedim(axis, 1).flatten(2).sum(2) if value.ndim > 2 else product
    if not bool(torch.isfinite(found).all()):
        raise NotApplicable(
            Text(f"the contributions of '{spot.address}' are not finite", f"'{spot.address}' 的贡献不是有限数"),
            hint=Text("lens.diagnose(x) says where numbers broke", "lens.diagnose(x) 会说明数值在何处出错"),
        )
    return Units(spot, axis, found)


def _axis(spot: Spot, rank: int) -> int:
    if spot.layout is not None:
        return 1 if spot.layout.kind == "channels_first" else rank - 1
    return 2 if rank == 3 else 1
