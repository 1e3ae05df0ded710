"""What the factors of a product are to each other, read off the autograd graph.

A product can be a gate or attention, where both factors say something; or a function of one tensor written out:
`x * sigmoid(x)`, `x * rsqrt(mean(x ** 2))`. There one factor only scales the other.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Edge = tuple[Any, int]
MOST_STEPS = 256
PRODUCT, QUOTIENT = "mul", "div"
_SAME = frozenset({"ToCopy", "Clone", "Alias", "ToDtype"})
_VIEWS = frozenset(
    {"View", "UnsafeView", "ReshapeAlias", "Unsqueeze", "Squeeze", "Expand", "Transpose", "Permute", "T"}
)
_SUMS = frozenset({"Mean", "Sum"})
_NORMS = frozenset({"Norm", "LinalgVectorNorm", "Std", "StdMean"})
_SPREADS = frozenset({"Var", "VarMean"})
_FLOORS = frozenset({"Clamp", "ClampMin", "Maximum", "Abs", "Neg"})
_ROOTS = {"Sqrt": 0.5, "Rsqrt": -0.5, "Reciprocal": -1.0}
_EACH = frozenset(
    {
        "Mul",
        "Div",
        "Add",
        "Sub",
        "Rsub",
        "Neg",
        "Pow",
        "Abs",
        "Sqrt",
        "Rsqrt",
        "Reciprocal",
        "Exp",
        "Expm1",
        "Log",
        "Erf",
    }
    | {
        "Log1P",
        "Tanh",
        "Sigmoid",
        "Softplus",
        "LogSigmoid",
        "Relu",
        "LeakyRelu",
        "Elu",
        "Gelu",
        "Silu",
        "Mish",
        "Where",
    }
    | {"Hardtanh", "Hardsigmoid", "Hardswish", "Threshold", "Clamp", "ClampMin", "ClampMax", "Sin", "Cos"}
    | _SAME
)
_LINEAR = (
    _VIEWS
    | _SAME
    | {"Mul", "Div", "Add", "Sub", "NativeDropout", "MaskedFill", "Mm", "Bmm"}
    | {"Addmm", "Convolution", "Slice", "Select", "Index"}
)


class Scale(NamedTuple):
    """Which of two factors only scales the other.

    Args:
        which: 0 or 1; None if neither does.
        unclear: one of them has the form of a scale, of some other tensor.
    """

    which: int | None = None
    unclear: bool = False


class Factors:
    """Answers for one forward.

    Args:
        descends: whether what an autograd node made depends on an explained input.
    """

    def __init__(self, descends: Callable[[Any], bool]) -> None:
        self.descends = descends

    def scale(self, name: str, edges: tuple[Any, ...]) -> Scale:
        """Of a product or quotient of two tensors.

        A factor is a scale if it is an element-wise function of the tensor that the other is a multiple of (a
        written-out activation), or if it is made of a root and sums of powers of it such that the product does not
        change when that tensor is multiplied by a number (a written-out normalisation, apart from its epsilon).
        """
        pairs = [tuple(edge[:2]) for edge in edges]
        unclear = False
        for which in (1,) if name == QUOTIENT else (1, 0):
            scale, other = pairs[which], pairs[1 - which]
            if any(self._each(scale, base) for base in self._multiples(other)):
                return Scale(which)
            wanted = 1.0 if name == QUOTIENT else -1.0
            if any(_Degree(self, base).of(scale) == (wanted, True) for base in self._centred(other)):
                return Scale(which)
            unclear = unclear or self._rooted(scale)
        return Scale(None, unclear)

    def weights(self, edges: tuple[Any, ...]) -> int | None:
        """The only one of some factors that a softmax made, at most moved, mixed by constants or cast since."""
        made = [which for which, edge in enumerate(edges) if self._softmax(tuple(edge[:2]))]
        return made[0] if len(made) == 1 else None

    def below(self, node: Any) -> list[Edge]:
        """What a node read that depends on the input."""
        return [(one, number) for one, number in node.next_functions if one is not None and self.descends(one)]

    def inverts(self, node: Any) -> bool:
        """Whether it is the quotient of a constant by what varies."""
        over = node.next_functions[0][0]
        return made_by(node) == "Div" and (over is None or not self.descends(over))

    def _multiples(self, edge: Edge) -> Iterator[Edge]:
        """The tensor, and what it is a multiple of by numbers that do not depend on the input."""
        for _ in range(MOST_STEPS):
            yield edge
            below = self.below(edge[0])
            if len(below) != 1 or made_by(edge[0]) not in _SAME | {"Mul", "Div", "Neg"} or self.inverts(edge[0]):
                return
            edge = below[0]

    def _centred(self, edge: Edge) -> Iterator[Edge]:
        """As `_multiples`, also through views and through taking off a mean of the same tensor."""
        for _ in range(MOST_STEPS):
            yield edge
            below, name = self.below(edge[0]), made_by(edge[0])
            if (len(below) == 2 and name == "Sub" and _Degree(self, below[0]).of(below[1])[0] == 1.0) or (
                len(below) == 1 and name in _SAME | _VIEWS | {"Mul", "Div", "Neg"} and not self.inverts(edge[0])
            ):
                edge = below[0]
            else:
                return

    def _each(self, edge: Edge, base: Edge) -> bool:
        """Whether a tensor is an element-wise function of another one and of nothing else that varies."""
        seen, waiting = {edge}, [edge]
        while waiting:
            top = waiting.pop()
            if top == base:
                continue
            below = self.below(top[0])
            if not below or made_by(top[0]) not in _EACH or len(seen) > MOST_STEPS:
                return False
            fresh = [one for one in below if one not in seen]
            seen.update(fresh)
            waiting += fresh
        return True

    def _rooted(self, edge: Edge) -> bool:
        for _ in range(MOST_STEPS):
            name, below = made_by(edge[0]), self.below(edge[0])
            if name in _NORMS or name in ("Sqrt", "Rsqrt") or (name == "Pow" and abs(_exponent(edge[0])) == 0.5):
                return True
            if len(below) != 1 or name not in _VIEWS | _SAME | _FLOORS | _ROOTS.keys() | {"Mul", "Div", "Add", "Sub"}:
                return False
            edge = below[0]
        return False

    def _softmax(self, edge: Edge) -> bool:
        for _ in range(MOST_STEPS):
            name, below = made_by(edge[0]), self.below(edge[0])
            if name in ("Softmax", "SafeSoftmax"):
                return True
            if len(below) != 1 or name not in _LINEAR:
                return False
            edge = below[0]
        return False


class _Degree:
    """By which power of a number a tensor grows when `base` is multiplied by it, and whether a root was taken."""

    def __init__(self, factors: Factors, base: Edge) -> None:
        self.factors, self.base = factors, base
        self._found: dict[Edge, tuple[float | None, bool]] = {}

    def of(self, edge: Edge) -> tuple[float | None, bool]:
        """None where it does not grow by a power."""
        if edge == self.base:
            return 1.0, False
        if edge not in self._found:
            self._found[edge] = (None, False)
            if len(self._found) < MOST_STEPS:
                self._found[edge] = self._made(edge)
        return self._found[edge]

    def _made(self, edge: Edge) -> tuple[float | None, bool]:
        node, number = edge
        name, parts = made_by(node), [self.of(one) for one in self.factors.below(node)]
        degrees = [one for one, _ in parts]
        if not degrees or None in degrees or (len(degrees) > 1 and name not in ("Mul", "Div", "Add", "Sub")):
            return None, False
        first, rooted = degrees[0] or 0.0, any(root for _, root in parts)
        if name == "Mul":
            return sum(one or 0.0 for one in degrees), rooted
        if name == "Div":
            second = degrees[1] or 0.0 if len(degrees) == 2 else 0.0
            return (-first if self.factors.inverts(node) else first - second), rooted
        if name == "Pow":
            power = _exponent(node)
            return (first * power if power else None), rooted or abs(power) == 0.5
        if name in _ROOTS:
            return first * _ROOTS[name], rooted or name != "Reciprocal"
        if name in _SPREADS:
            return first * (2.0 if number == 0 else 1.0), rooted
        if name in _NORMS:
            return first, True
        same = name in _SUMS | _FLOORS | _SAME | _VIEWS or (name in ("Add", "Sub", "Rsub") and len({*degrees}) == 1)
        return (first if same else None), rooted


def made_by(node: Any) -> str:
    """The name of the operation whose node this is."""
    return node.name().rstrip("0123456789").removesuffix("Backward")


def _exponent(node: Any) -> float:
    """That of a power, where it is a number; otherwise zero."""
    power = getattr(node, "_saved_exponent", None)
    return float(power) if isinstance(power, (int, float)) else 0.0
