"""One attention of a forward: its probabilities beside the model's own kernel, and their gradient, made when asked."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.sites import Place
from pellucid.core.text import Text
from pellucid.engine.attention.projecting import Projection, Route
from pellucid.engine.roles import Layout
from pellucid.engine.storage import writes_of
from pellucid.engine.taps import Capture

Kind = Literal["self", "cross", "windowed", "channel", "mixed"]
_CACHED = 2**22  # numbers


@dataclass(frozen=True, eq=False)
class Parts:
    """What a product of probabilities and values was made of, detached.

    Args:
        make: the probabilities `(row, head, query, key)` out of `held`.
        held: what `make` takes: query, key and mask of a fused kernel, or the probabilities themselves.
        values: `(row, head or group, key, feature)`.
        out: what the model's own kernel gave.
        arranged: `out`, or a gradient that arrived there, as `(row, head, query, feature)`.
        route: what happened to `out`, if that was asked for.
    """

    make: Callable[..., Tensor]
    held: tuple[Capture | None, ...]
    values: Capture
    out: Capture
    arranged: Callable[[Tensor], Tensor]
    route: Route | None = None


@dataclass(eq=False)
class Attention:
    """What happened at one attention; probabilities and gradient are made anew at each reading unless they are small or
    `held`.

    Args:
        place: `PATH/attention.N`: where the probabilities are multiplied with the values.
        shape: `(row, head, query, key)` of the probabilities; windows are rows of their own.
        kind: "self", "cross" (queries and keys come from different sequences), "windowed" (each row is one of several
            windows of an example), "channel" (over features, not tokens), "mixed" (heads are mixed after the softmax,
            so the rows are no distributions).
        examples: rows of the batch.
        query_from, key_from: names of the inputs that queries and keys come from, or of the parameters; empty where
            that is not known.
        learned: whether queries, and whether keys, are made of parameters alone, the same for every example.
        queries, keys: how they lie on the grid of the input; None where they do not.
        address: of the place.
    """

    place: Place
    shape: tuple[int, int, int, int]
    kind: Kind
    examples: int
    parts: Parts
    query_from: str = ""
    key_from: str = ""
    learned: tuple[bool, bool] = (False, False)
    queries: Layout | None = None
    keys: Layout | None = None
    address: str = ""
    arrived: Tensor | None = None
    _weights: Tensor | None = field(default=None, repr=False)

    @property
    def windows(self) -> int:
        """How many windows an example has; 1 where there are none."""
        return max(1, self.shape[0] // max(1, self.examples))

    @property
    def weights(self) -> Tensor:
        """The probabilities `(row, head, query, key)` in single precision or better; each row of keys sums to 1."""
        if self._weights is not None:
            return self._weights
        with torch.no_grad():
            made = self.parts.make(*(None if one is None else self._value(one) for one in self.parts.held))
        made = made.to(torch.promote_types(made.dtype, torch.float32))
        if made.numel() <= _CACHED:
            self._weights = made
        return made

    @contextmanager
    def held(self) -> Generator[None]:
        """Probabilities of any size are made once for all that reads them meanwhile."""
        self._weights = self.weights
        try:
            yield
        finally:
            self._weights = self._weights if self._weights.numel() <= _CACHED else None

    @property
    def values(self) -> Tensor:
        """What the probabilities weigh, `(row, head, key, feature)`; shared values are repeated for each head."""
        return repeated(self._value(self.parts.values), self.shape[1])

    @property
    def output(self) -> Tensor:
        """What the model's own kernel gave, `(row, head, query, feature)`."""
        return self.parts.arranged(self._value(self.parts.out))

    @property
    def gradient(self) -> Tensor:
        """Of the target with respect to the probabilities, `(row, head, query, key)`: dO·Vᵀ.

        Raises:
            NotApplicable: none was asked for, or none arrives.
        """
        if self.arrived is None:
            raise NotApplicable(
                Text(f"no gradient reaches '{self.address}' from the target", f"目标的梯度没有到达 '{self.address}'")
            )
        arrived = self.parts.arranged(self.arrived)
        values = self.values
        precise = torch.promote_types(arrived.dtype, torch.float32)
        return arrived.to(precise) @ values.to(precise).transpose(-1, -2)

    @property
    def projection(self) -> Projection | None:
        """The linear map behind it that joins the heads, with what the model gave there; None if `behind` is none.

        Raises:
            NotApplicable: it was not asked for, `Pass(projections=True)`.
        """
        return self._route.projection(self.parts.arranged)

    @property
    def behind(self) -> str:
        """The call that ends the way to a linear map: that map, something else, or "" where nothing follows."""
        route = self._route
        return route.stopped if route.join is None else route.join[1].op

    @property
    def _route(self) -> Route:
        if self.parts.route is None:
            raise NotApplicable(
                Text(f"what follows '{self.address}' was not asked for", f"没有请求 '{self.address}' 之后的内容")
            )
        return self.parts.route

    @property
    def groups(self) -> int:
        """How many different sets of values the heads use: fewer than there are heads where neighbours share them."""
        values = self._value(self.parts.values)
        if values.shape[1] != self.shape[1]:
            return values.shape[1]
        differs = (values[:, 1:] != values[:, :-1]).flatten(2).any(2).any(0)
        firsts = [0, *(i for i in range(1, self.shape[1]) if bool(differs[i - 1]))]
        even = firsts == list(range(0, self.shape[1], max(1, self.shape[1] // len(firsts))))
        return len(firsts) if even else self.shape[1]

    @property
    def causal(self) -> bool:
        """Whether no query looks at a later key."""
        queries, keys = self.shape[2:]
        if queries != keys or keys == 1:
            return False
        weights = self.weights
        return not bool(weights[:, :, 0, 1:].any()) and not bool(weights.amax((0, 1)).triu(1).any())

    @property
    def error(self) -> float:
        """How far probabilities times values are from what the model's own kernel gave, in shares of its largest."""
        with torch.no_grad():
            out, weights = self.output, self.weights
            made = weights @ self.values.to(weights.dtype)
            return float((made - out).abs().max() / out.abs().max().clamp(min=1e-30))

    def _value(self, capture: Capture) -> Tensor:
        if capture.spoiled or capture.value is None:
            raise NotApplicable(
                Text(
                    f"what '{self.address}' read was overwritten by code that cannot be seen",
                    f"'{self.address}' 所读取的值被无法看到的代码覆盖了",
                )
            )
        return capture.value


def probabilities(
    query: Tensor, key: Tensor, mask: Tensor | None, *, causal: bool = False, scale: float | None = None
) -> Tensor:
    """`softmax(q·kᵀ·scale + mask)` as fused kernels compute it; rows with every key masked are 0.

    Args:
        query, key: `(..., head, query or key, feature)`; keys shared by several heads are repeated.
        mask: True or 0 where a key may be looked at, broadcast to `(..., head, query, key)`.
        causal: only keys up to the query's own place.
        scale: of the scores; None: 1/√feature.
    """
    precise = torch.promote_types(query.dtype, torch.float32)
    query, key = query.to(precise), repeated(key, query.shape[-3] if query.ndim > 3 else 1).to(precise)
    scores = (query @ key.transpose(-1, -2)).mul_(query.shape[-1] ** -0.5 if scale is None else scale)
    if causal:
        allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores.masked_fill_(~allowed, float("-inf"))
    if mask is not None:
        scores = (
            scores.masked_fill_(~mask, float("-inf")) if mask.dtype == torch.bool else scores.add_(mask.to(precise))
        )
    empty = torch.isneginf(scores.amax(-1, keepdim=True))
    if not bool(empty.any()):
        return scores.softmax(-1)
    return scores.masked_fill_(empty, 0.0).softmax(-1).masked_fill_(empty, 0.0)


def repeated(shared: Tensor, heads: int) -> Tensor:
    """Keys or values `(..., group, key, feature)` for each of `heads`, neighbours sharing one."""
    groups = shared.shape[-3] if shared.ndim > 2 else heads
    return shared if groups == heads else shared.repeat_interleave(heads // groups, -3)


def shape_of(shape: tuple[int, ...], rows: int) -> tuple[int, int, int, int]:
    """The shape that `four` gives."""
    *lead, n, m = shape
    if len(lead) == 1:
        heads = lead[0] // rows if rows and lead[0] % rows == 0 else 1
        return (lead[0] // heads, heads, n, m)
    return (prod(lead[:-1]), lead[-1], n, m)


def four(value: Tensor, rows: int) -> Tensor:
    """`(row, head, ...)` of what has its heads in the batch axis, none, or an axis of windows.

    Args:
        value: `(row·head, n, m)`, `(row, head, n, m)` or `(row, window, head, n, m)`.
        rows: of the batch.
    """
    return value.reshape(shape_of(tuple(value.shape), rows))


def kept(place: Place, tensor: Tensor, hold: Callable[[Tensor, Capture], None]) -> Capture:
    """A tensor that is needed again, copied before anything overwrites it."""
    capture = Capture(place, "", tensor.detach(), None, writes_of(tensor), view=False)
    hold(tensor, capture)
    return capture


def fused(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `scaled_dot_product_attention` by name."""
    names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa")
    return {**dict(zip(names, args, strict=False)), **kwargs}
