"""Which calls of a forward may let the rows of a batch know of one another."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from pellucid.engine.cones.operations import trains

READS = frozenset({"item", "tolist", "numpy", "__bool__", "__int__", "__float__", "__index__", "__array__"})
"""What reads values into Python, where a branch may depend on all rows."""
_OVER_AXES = frozenset(
    {
        *("mean", "sum", "std", "var", "std_mean", "var_mean", "amax", "amin", "max", "min", "median", "prod"),
        *("norm", "vector_norm", "linalg_norm", "linalg_vector_norm", "normalize", "logsumexp"),
        *("softmax", "log_softmax", "cumsum", "sort", "argsort", "topk", "roll"),
    }
)


def may_mix(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Tensor) -> bool:
    """Whether a call may let rows know of one another: it goes over the first axis, or everything."""
    if name == "batch_norm":
        return trains(name, args, kwargs)
    if not args or not isinstance(args[0], Tensor):
        return False
    if out.ndim == 0 or name not in _OVER_AXES:
        return out.ndim == 0
    axes = [kwargs[key] for key in ("dim", "axis") if key in kwargs] or args[1:]
    flat = [each for one in axes for each in (one if isinstance(one, (tuple, list)) else (one,))]
    return any(isinstance(one, int) and not isinstance(one, bool) and one in (0, -args[0].ndim) for one in flat)
