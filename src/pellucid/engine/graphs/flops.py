"""How many multiplications and additions a call takes: matrix products, convolutions, attention, recurrent cells."""

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from torch import Tensor

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def flops(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    """A multiplication and an addition count two, as is usual; everything but products counts nothing.

    Args:
        name: of the call, as in addresses.
        out: what it gave.
    """
    count = _COUNTS.get(name)
    first = out if isinstance(out, Tensor) else next(iter(_tensors(out)), None)
    if count is None or first is None:
        return 0
    return count(args, kwargs, first)


def _linear(args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> int:
    return 2 * out.numel() * _given(args, kwargs, 0, "input").shape[-1]


def _product(args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> int:
    first = _given(args, kwargs, 0, "input", "self")
    return 2 * out.numel() * first.shape[-1]


def _added_product(args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> int:
    first = _given(args, kwargs, 1, "mat1", "batch1", "mat", "vec1")
    return 2 * out.numel() * first.shape[-1]


def _summed_product(args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> int:
    first = _given(args, kwargs, 1, "batch1")
    return 2 * out.numel() * first.shape[0] * first.shape[-1]


def _bilinear(args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> int:
    weight = _given(args, kwargs, 2, "weight")
    rows = out.numel() // weight.shape[0]
    return 2 * rows * weight.numel() + 2 * out.numel() * weight.shape[2]


def _convolution(args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> int:
    weight = _given(args, kwargs, 1, "weight")
    transposed = args[6] if len(args) > 8 else kwargs.get("transposed", False)
    if transposed:
        return _transposed(args, kwargs, out)
    return 2 * out.numel() * prod(weight.shape[1:])


def _transposed(args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> int:
    return 2 * _given(args, kwargs, 0, "input").numel() * prod(_given(args, kwargs, 1, "weight").shape[1:])


def _attention(args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> int:
    query, key = _given(args, kwargs, 0, "query"), _given(args, kwargs, 1, "key")
    return 2 * prod(out.shape[:-1]) * key.shape[-2] * (query.shape[-1] + out.shape[-1])


def _recurrent(args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> int:
    """Every weight meets every step once."""
    x = args[0]
    matrices = [one for one in _tensors([one for one in args[1:] if isinstance(one, (tuple, list))]) if one.ndim == 2]
    return 2 * prod(x.shape[:-1]) * sum(one.numel() for one in matrices)


def _cell(args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> int:
    return 2 * prod(args[0].shape[:-1]) * sum(one.numel() for one in args[2:4])


def _einsum(args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> int:
    """Two operands at a time from the left; what only one of them has is summed before."""
    if not args or not isinstance(args[0], str):
        return 0
    operands = list(_tensors(args[1:]))
    left, _, kept = args[0].replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands) or len(terms) < 2:
        return 0
    named = [_axes(term, one) for term, one in zip(terms, operands, strict=True)]
    if "->" not in args[0]:
        letters = left.replace(",", "").replace(".", "")
        kept = "..." + "".join(sorted(one for one in set(letters) if letters.count(one) == 1))
    wanted = set(kept.replace(".", "")) | {name for axes in named for name in axes if name.isdigit()}
    total, (gathered, *rest) = 0, named
    for i, other in enumerate(rest):
        later = wanted.union(*rest[i + 1 :])
        mine, theirs = (
            {k: n for k, n in one.items() if k in later or k in two}
            for one, two in ((gathered, other), (other, gathered))
        )
        sizes = {k: max(mine.get(k, 1), theirs.get(k, 1)) for k in (*mine, *theirs)}
        gathered = {k: n for k, n in sizes.items() if k in later}
        if len(gathered) < len(sizes):
            total += 2 * prod(sizes.values())
    return total


def _axes(term: str, operand: Tensor) -> dict[str, int]:
    """Length of each named axis; those of an ellipsis are numbered from the right."""
    head, dots, tail = term.partition("...")
    hidden = operand.ndim - len(head) - len(tail) if dots else 0
    names = [*head, *(str(hidden - i) for i in range(hidden)), *tail]
    return dict(zip(names, operand.shape, strict=True))


def _given(args: tuple[Any, ...], kwargs: dict[str, Any], at: int, *names: str) -> Tensor:
    """An argument; of the packed weight of a quantised call, the weight in it."""
    one = args[at] if len(args) > at else next(kwargs[name] for name in names if name in kwargs)
    return one.unpack()[0] if hasattr(one, "unpack") else one


def _tensors(nest: Any) -> Iterator[Tensor]:
    for one in nest if isinstance(nest, (tuple, list)) else ():
        if isinstance(one, Tensor):
            yield one
        else:
            yield from _tensors(one)


_COUNTS: dict[str, Callable[[tuple[Any, ...], dict[str, Any], Tensor], int]] = {
    "linear": _linear,
    **dict.fromkeys(("matmul", "mv", "dot", "vdot", "inner", "grouped_mm", "_grouped_mm"), _product),
    **dict.fromkeys(("addmm", "addmv", "baddbmm"), _added_product),
    "addbmm": _summed_product,
    "bilinear": _bilinear,
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "convolution"), _convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _transposed),
    "scaled_dot_product_attention": _attention,
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrent),
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), _cell),
    "einsum": _einsum,
}
