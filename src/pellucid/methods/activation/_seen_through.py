"""The input seen through channels of a layer: each enlarged to the input and stretched to 0..1 is a mask."""

from torch import Tensor
from torch.nn.functional import interpolate

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.trace import Trace
from pellucid.inputs.inputs import Inputs

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
_TURNS = frozenset({"permute", "transpose", "movedim", "moveaxis", "swapaxes", "swapdims", "mT"})


class Window:
    """Makes masks of channels for every input that lies on their grid.

    Args:
        x: the input.
        trace: tells whether an input has its channels last, hence is turned before the first convolution.
        rank: spatial axes of the layer.
        where: address of the layer.

    Raises:
        NotApplicable: no explained input has as many spatial axes.
    """

    def __init__(self, x: Inputs, trace: Trace, rank: int, where: str) -> None:
        shapes = {name: tuple(x.tensors[name].shape) for name in x.explained if not x.is_discrete}
        self.last = {name: _turned(trace, shape) for name, shape in shapes.items() if len(shape) == rank + 2}
        if not self.last:
            raise NotApplicable(
                Text(
                    f"no input lies on the grid of '{where}', so none can be masked by its channels",
                    f"没有输入位于 '{where}' 的网格上，因此无法用它的通道遮住输入",
                ),
                hint=Text("ablation_cam changes the layer instead of the input", "ablation_cam 改变的是层而不是输入"),
            )

    def seen_through(self, alone: Inputs, cells: Tensor) -> Inputs:
        """One example once for each mask, multiplied by it.

        Args:
            alone: the example.
            cells: `(mask, *grid)` of the layer, none of them constant.
        """
        many = alone.repeated(len(cells))
        values = {name: many.tensors[name] for name in self.last}
        return many.replaced({name: value * self._mask(name, value, cells) for name, value in values.items()})

    def _mask(self, name: str, value: Tensor, cells: Tensor) -> Tensor:
        last = self.last[name]
        mask = stretched(cells, tuple(value.shape[1:-1] if last else value.shape[2:])).to(value)
        return mask.movedim(1, -1) if last else mask


def stretched(cells: Tensor, grid: tuple[int, ...]) -> Tensor:
    """`(mask, *cells)` enlarged to `(mask, 1, *grid)`, each mask brought to 0..1."""
    large = interpolate(cells[:, None], grid, mode=_LINEAR[len(grid)], align_corners=False)
    axes = tuple(range(2, large.ndim))
    low = large.amin(axes, keepdim=True)
    return (large - low) / (large.amax(axes, keepdim=True) - low).clamp(min=1e-30)


def _turned(trace: Trace, shape: tuple[int, ...]) -> bool:
    """Whether an input of this shape has its last axis brought forward before the first convolution or pooling."""
    turned = (shape[-1], *shape[1:-1])
    for event in trace.events:
        if event.op.startswith(("conv", "max_pool", "avg_pool")):
            return False
        if event.op in _TURNS and event.shape[1:] == turned:
            return True
    return False
