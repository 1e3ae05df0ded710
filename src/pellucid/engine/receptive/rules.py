"""What each cell that a call gives reads of what went in: cells, moves, windows, and what goes over whole axes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils._pytree import tree_iter

from pellucid.engine.cones.operations import CELLWISE, trains
from pellucid.engine.cones.tape import Ref, Step
from pellucid.engine.receptive.moves import MOVES, moved, seen_through
from pellucid.engine.receptive.notes import ALIASED
from pellucid.engine.receptive.spans import Line, Spans, nothing, union
from pellucid.engine.receptive.windows import by_group, covers, windowed

_CELLS = CELLWISE | {
    *("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_not", "logical_xor", "and", "or"),
    *("invert", "xor", "where", "masked_fill", "fill", "copy", "prelu", "remainder", "fmod", "floordiv", "mod"),
    *("floor_divide", "floor", "ceil", "round", "trunc", "frac", "log2", "log10", "exp2", "atan", "atan2", "tan"),
    *("asin", "acos", "sinh", "cosh", "asinh", "acosh", "atanh", "erfc", "erfinv", "sinc", "nan_to_num", "isnan"),
    *("isinf", "isfinite", "type_as", "type", "half", "bfloat16", "int", "long", "bool", "short", "cpu", "cuda"),
    *("addcmul", "addcdiv", "absolute", "negative", "positive", "pos", "sgn", "real", "imag", "data", "hypot"),
    *("float_power", "xlogy", "logit", "sigmoid_focal", "alias", "view_as_real", "requires_grad", "log_sigmoid"),
    *("celu", "squeeze_copy", "deg2rad", "fmax", "fmin", "rdiv", "rpow"),
}
_OVER = frozenset(
    {
        *("mean", "sum", "amax", "amin", "max", "min", "std", "var", "std_mean", "var_mean", "prod", "median"),
        *("logsumexp", "argmax", "argmin", "any", "all", "norm", "vector_norm", "linalg_norm", "nansum", "nanmean"),
        *("linalg_vector_norm", "aminmax", "count_nonzero", "mode"),
    }
)
_ALONG = frozenset({"softmax", "log_softmax", "softmin", "normalize", "sort", "argsort", "topk", "kthvalue", "glu"})
_PLACE = {
    **dict.fromkeys(("norm", "normalize", "vector_norm", "linalg_norm", "linalg_vector_norm", "topk", "kthvalue"), 2)
}
_ASSUMED = {"normalize": 1, "sort": -1, "argsort": -1, "topk": -1, "kthvalue": -1, "glu": -1}
_RUNNING = frozenset({"cumsum", "cumprod", "logcumsumexp", "cummax", "cummin"})
_NORMS = frozenset({"layer_norm", "rms_norm", "group_norm", "instance_norm", "batch_norm", "local_response_norm"})
_FRESH = frozenset(
    {
        *("zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like", "new_zeros", "new_ones"),
        *("new_full", "new_empty", "new_tensor"),
    }
)
"""They read no more than shapes."""


class Unknown(Exception):
    """What a call reads is not known."""


@dataclass
class Setting:
    """A forward that is being followed.

    Args:
        shapes: of the values by number.
        device: on which calls that move cells are run.
        local: whether what goes over a whole axis of the input counts as reading nothing.
        mixed: names of calls that go over a whole axis of the input.
    """

    shapes: Sequence[tuple[int, ...]]
    device: Any
    local: bool
    mixed: set[str] = field(default_factory=set)


def given_by(step: Step, spans: dict[int, Spans], setting: Setting) -> dict[int, Spans]:
    """What every value that a call gives reads, by number.

    Raises:
        Unknown: that is not known.
    """
    shapes = setting.shapes
    if step.name == ALIASED:
        _, _, *refs = step.args
        sources = [(spans[ref.value], shapes[ref.value]) for ref in refs]
        return {number: seen_through(step.args[:2], sources) for number in step.outputs}  # type: ignore[arg-type]
    if step.name in MOVES:
        try:
            return moved(step, spans, shapes, setting.device)
        except (LookupError, TypeError, ValueError, RuntimeError) as error:
            raise Unknown(step.name) from error
    if step.name in _FRESH:
        return {number: nothing(len(shapes[number]), next(iter(spans.values())).rank) for number in step.outputs}
    found = _found(step, [spans[number] for number in step.inputs], setting)
    return {number: found.of_rank(len(shapes[number])) for number in step.outputs}


def _found(step: Step, read: list[Spans], setting: Setting) -> Spans:
    if step.name in _NORMS or (step.name in _OVER | _ALONG | _RUNNING and not _two(step)):
        return _over_axes(step, union(read), setting)
    if step.name in _CELLS or _two(step):
        return union(read)
    if step.name == "embedding" and isinstance(step.args[0], Ref) and len(read) == 1:
        return _in_front(read[0])
    if step.name in ("linear", "matmul", "addmm", "baddbmm", "scaled_dot_product_attention", "einsum"):
        return _product(step, read, setting)
    shape, out = setting.shapes[step.inputs[0]], setting.shapes[step.outputs[0]]
    if len(step.inputs) > 1 or not (step.args and isinstance(step.args[0], Ref)):
        raise Unknown(step.name)
    found = windowed(step, read[0], shape, out)
    if found is None:
        raise Unknown(step.name)
    return _judged(step, read, found.mapped(np.copy), setting) if covers(step, shape, out) else found


def _two(step: Step) -> bool:
    """Whether this is `max` or `min` of two tensors."""
    return step.name in ("max", "min") and any(isinstance(one, (Ref, Tensor)) for one in step.args[1:2])


def _judged(step: Step, before: list[Spans], after: Spans, setting: Setting, own: Spans | None = None) -> Spans:
    """`after`, or what is left of it on local paths where a call goes over a whole axis of the input.

    Args:
        own: what each cell reads of its own place, where that goes on beside the rest.
    """
    goes = any(not after.places(axis) and any(one.places(axis) for one in before) for axis in range(after.rank))
    if goes:
        setting.mixed.add(step.name)
    if goes and setting.local:
        return own if own is not None else nothing(after.lows[0].ndim, after.rank)
    return after if own is None else union([own, after])


def _over_axes(step: Step, read: Spans, setting: Setting) -> Spans:
    ndim = len(setting.shapes[step.inputs[0]])
    read = read.of_rank(ndim)
    if step.name in _NORMS:
        if step.name in ("batch_norm", "instance_norm") and not _measures(step):
            return read
        return _judged(step, [read], _normalized(step, read, ndim), setting, read)
    dims = _dims(step, ndim)
    if step.name in _RUNNING:
        return read.mapped(lambda low: np.minimum.accumulate(low, axis=dims[0])).compact()
    keep = step.name in _ALONG or len(setting.shapes[step.outputs[0]]) == ndim
    own = read if step.name in ("softmax", "log_softmax", "softmin", "normalize") else None
    return _judged(step, [read], read.over(dims, keep).compact(), setting, own)


def _measures(step: Step) -> bool:
    if step.name == "batch_norm":
        return trains(step.name, step.args, step.kwargs)
    return bool(step.kwargs.get("use_input_stats", step.args[5] if len(step.args) > 5 else True))


def _normalized(step: Step, read: Spans, ndim: int) -> Spans:
    """What a normalisation measures for each cell."""
    behind = range(2, ndim)
    if step.name in ("layer_norm", "rms_norm"):
        shape: Any = step.args[1] if len(step.args) > 1 else step.kwargs["normalized_shape"]
        return read.over(range(ndim - len(shape), ndim)).compact()
    if step.name == "local_response_norm":
        return read.over([1]).compact()
    if step.name == "batch_norm":
        return read.over([0, *behind]).compact()
    read = read.over(behind).compact() if ndim > 2 else read
    if step.name == "instance_norm":
        return read
    groups = int(step.args[1] if len(step.args) > 1 else step.kwargs["num_groups"])
    channels = max(low.shape[1] for low in read.lows)
    return by_group(read, 1, groups, channels)


def _dims(step: Step, ndim: int) -> list[int]:
    place = _PLACE.get(step.name, 1)
    rest = step.args[place] if len(step.args) > place else _ASSUMED.get(step.name)
    asked: Any = step.kwargs.get("dim", step.kwargs.get("axis", rest))
    if isinstance(asked, int) and not isinstance(asked, bool):
        return [asked % ndim]
    if isinstance(asked, (tuple, list)) and asked:
        return [int(one) % ndim for one in asked]
    return list(range(ndim))


def _in_front(read: Spans) -> Spans:
    """With an axis of features behind."""
    longer = read.mapped(lambda low: low.reshape(*low.shape, 1), read.lines)
    lines = tuple(None if one is None else type(one)(one.dim - 1, one.jump, one.offset, one.size) for one in read.lines)
    return Spans(longer.lows, lines)


def _product(step: Step, read: list[Spans], setting: Setting) -> Spans:
    """Products of matrices: each cell reads a row of one and a column of the other."""
    spans = dict(zip(step.inputs, read, strict=True))
    if step.name == "einsum":
        return _judged(step, read, union(_summed_by_name(step, spans)).compact(), setting)
    parts: list[Spans] = []
    before: list[Spans] = []
    for one, gone in _summed(step, setting.shapes):
        before.append(spans[one.value])
        parts.append(spans[one.value].over(gone) if gone else spans[one.value])
    if len(parts) < len(step.inputs):
        raise Unknown(step.name)
    return _judged(step, before, union(parts).compact(), setting)


def _summed(step: Step, shapes: Sequence[tuple[int, ...]]) -> Iterable[tuple[Ref, list[int]]]:
    """Each operand that depends on the input, and the axes that it loses."""
    gone: Sequence[list[int]]
    if step.name == "linear":
        operands, gone = step.args[:1], ([-1],)
    elif step.name == "matmul":
        operands, gone = step.args[:2], ([-1], [-2])
    elif step.name == "scaled_dot_product_attention":
        operands, gone = step.args[:3], ([-1], [-1, -2], [-2])
    else:
        operands, gone = step.args[:3], ([], [-1], [-2])
    for one, axes in zip(operands, gone, strict=False):
        if isinstance(one, Ref):
            if len(shapes[one.value]) < len(axes) or (step.name == "matmul" and len(shapes[one.value]) < 2):
                raise Unknown(step.name)
            yield one, axes
    if step.name == "scaled_dot_product_attention" and any(
        isinstance(one, Ref) for one in tree_iter((step.args[3:], step.kwargs))
    ):
        raise Unknown(step.name)


def _summed_by_name(step: Step, spans: dict[int, Spans]) -> list[Spans]:
    """The operands of an `einsum`, with the axes of what it gives."""
    operands = step.args[1] if isinstance(step.args[1], (tuple, list)) else step.args[1:]
    equation = str(step.args[0]).replace(" ", "")
    sides, arrow, made = equation.partition("->")
    if not arrow or "." in equation:
        raise Unknown(step.name)
    found: list[Spans] = []
    for names, one in zip(sides.split(","), operands, strict=True):
        if len(set(names)) < len(names):
            raise Unknown(step.name)
        if isinstance(one, Ref):
            found.append(_renamed(spans[one.value], names, made))
    return found


def _renamed(read: Spans, names: str, made: str) -> Spans:
    left = read.over([i for i, name in enumerate(names) if name not in made]) if set(names) - set(made) else read
    order = [names.index(name) for name in made if name in names]

    def laid(low: np.ndarray) -> np.ndarray:
        moved = low.transpose(*order, *(i for i in range(low.ndim) if i not in order))
        sizes = iter(moved.shape)
        return moved.reshape([next(sizes) if name in names else 1 for name in made])

    lines = (
        None if line is None else Line(made.index(names[line.dim]) - len(made), line.jump, line.offset, line.size)
        for line in left.lines
    )
    return left.mapped(laid, tuple(lines))
