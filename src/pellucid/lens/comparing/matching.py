"""Which layer of one model answers to which of another: by name, else by likeness along the depth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.lens.comparing.held import Layer, change
from pellucid.ops.alignment import FEWEST, alignments
from pellucid.ops.monotone import monotone

BY_NAME = 0.5  # share of the layers of the smaller model that must have the name and shape of one in the other,
FITTING = 0.8  # and share of the layers of equal names that must have equal shapes
LEAST = 0.3  # likeness below which layers stay alone
EXTRA = 0.25  # what an equal shape counts beside the likeness of what is computed, and what equal weights do


@dataclass(frozen=True)
class Pair:
    """Two layers.

    Args:
        one, two: their numbers among the layers of each model.
        named: whether by their name.
        same_shape: whether their tensors have the same shape.
        cosine: of their weights, NaN where there is none.
        alignment: CKA of what they compute, NaN where it is not known.
        score: likeness, 0 to 1: CKA where it is known, else whether the shapes are equal, with a quarter each for equal
            shapes and for the cosine of the weights, over the most that this can be.
    """

    one: int
    two: int
    named: bool
    same_shape: bool
    cosine: float
    alignment: float
    score: float


@dataclass(frozen=True, eq=False)
class Matching:
    """Pairs in the order of the first model, and the CKA that they rest on.

    Args:
        pairs: rising in the first model.
        alone: numbers of the layers of each that have no partner.
        rows, columns: names of the layers that CKA compares.
        alignment: `(row, column)`; None where nothing is known of what layers compute.
        samples: that it is made of.
    """

    pairs: tuple[Pair, ...]
    alone: tuple[tuple[int, ...], tuple[int, ...]]
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    alignment: np.ndarray | None = None
    samples: int = 0


def matching(
    ones: Sequence[Layer],
    twos: Sequence[Layer],
    first: Mapping[str, np.ndarray],
    second: Mapping[str, np.ndarray],
) -> Matching:
    """The layers of two models in pairs.

    Args:
        ones, twos: in the order in which they run.
        first, second: vectors of the same samples by path, empty if there are none.
    """
    rows = [one for one in ones if one.path in first]
    columns = [one for one in twos if one.path in second]
    count = len(next(iter(first.values()), ()))
    aligned = None
    if count >= FEWEST and rows and columns:
        aligned = alignments([first[one.path] for one in rows], [second[one.path] for one in columns], unbiased=True)
    likeness = _Likeness(ones, twos, rows, columns, aligned)
    pairs = _named(ones, twos, likeness)
    left = [i for i in range(len(ones)) if i not in {one for one, _, _ in pairs}]
    right = [j for j in range(len(twos)) if j not in {two for _, two, _ in pairs}]
    gain = np.array([[likeness.score(i, j) - LEAST for j in right] for i in left]).reshape(len(left), len(right))
    pairs += [(left[i], right[j], False) for i, j in monotone(gain)]
    made = tuple(likeness.pair(*pair) for pair in sorted(pairs))
    alone = (
        tuple(i for i in left if i not in {one.one for one in made}),
        tuple(j for j in right if j not in {one.two for one in made}),
    )
    down, across = (tuple(one.called for one in each) for each in (rows, columns))
    return Matching(made, alone, down, across, aligned, count if aligned is not None else 0)


def _named(ones: Sequence[Layer], twos: Sequence[Layer], likeness: "_Likeness") -> list[tuple[int, int, bool]]:
    """Pairs of one name; none where names differ and too few of those that do not have the same shape, too."""
    places = {two.path: j for j, two in enumerate(twos)}
    pairs = [
        (i, places[one.path], True)
        for i, one in enumerate(ones)
        if one.path in places and len(one.shape) == len(twos[places[one.path]].shape)
    ]
    same = sum(likeness.same_shape(i, j) for i, j, _ in pairs)
    enough = same >= BY_NAME * min(len(ones), len(twos)) and same >= FITTING * len(pairs)
    return pairs if pairs and (enough or len(pairs) == len(ones) == len(twos)) else []


class _Likeness:
    """How alike two layers are, in what is known of them."""

    def __init__(
        self,
        ones: Sequence[Layer],
        twos: Sequence[Layer],
        rows: Sequence[Layer],
        columns: Sequence[Layer],
        aligned: np.ndarray | None,
    ) -> None:
        self.ones, self.twos, self.aligned = ones, twos, aligned
        self.row = {one.path: i for i, one in enumerate(rows)}
        self.column = {one.path: j for j, one in enumerate(columns)}
        self._cosines: dict[tuple[int, int], float] = {}

    def same_shape(self, i: int, j: int) -> bool:
        one, two = self.ones[i], self.twos[j]
        return _shapes(one) == _shapes(two)

    def cosine(self, i: int, j: int) -> float:
        if (i, j) not in self._cosines:
            same = self.same_shape(i, j)
            self._cosines[i, j] = change(self.ones[i], self.twos[j]).cosine if same else float("nan")
        return self._cosines[i, j]

    def alignment(self, i: int, j: int) -> float:
        row, column = self.row.get(self.ones[i].path), self.column.get(self.twos[j].path)
        if self.aligned is None or row is None or column is None:
            return float("nan")
        return float(self.aligned[row, column])

    def score(self, i: int, j: int) -> float:
        same, known, cosine = self.same_shape(i, j), self.alignment(i, j), self.cosine(i, j)
        if np.isnan(known) and len(self.ones[i].shape) != len(self.twos[j].shape):
            return 0.0
        likeness = float(same) if np.isnan(known) else max(0.0, known)
        return float((likeness + EXTRA * same + EXTRA * max(0.0, np.nan_to_num(cosine))) / (1 + 2 * EXTRA))

    def pair(self, i: int, j: int, named: bool) -> Pair:
        return Pair(i, j, named, self.same_shape(i, j), self.cosine(i, j), self.alignment(i, j), self.score(i, j))


def _shapes(layer: Layer) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(one.shape) for one in (*layer.weights.values(), *layer.statistics.values()))
