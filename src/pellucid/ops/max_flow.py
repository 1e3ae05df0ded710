"""The maximum flow through layers of pipes, found in a thin part of them and proved on all."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

ONE = 2**24
KEPT, THROUGH = 8, 0.6
Edges = tuple[np.ndarray, np.ndarray, np.ndarray]


class Pipes:
    """Capacities, in units of 2⁻²⁴, from one source through the tokens after each layer to those of the input.

    A flow is first looked for among the widest pipes of each token. Its narrowest cut is then measured with all pipes:
    if none that was left out crosses it, no flow is larger; else the widest of those are added, and it is looked for
    again. So every flow is the exact maximum. What was added for one token of the input stays for the next.

    Args:
        top: how much each token after the last layer is read.
        layers: `Ã`, the last one first; at least one.
    """

    def __init__(self, top: Float[np.ndarray, "token"], layers: Iterable[Float[np.ndarray, "query key"]]) -> None:
        *left, self._last = map(_counted, layers)
        self._left, self._size = left, len(top)
        self._nodes = 2 + (len(left) + 1) * self._size
        tokens, least = np.arange(self._size), THROUGH * ONE / max(1, len(left))
        first = (np.zeros_like(tokens), 1 + tokens, _counted(top))
        down = (self._nodes - 1 - self._size + tokens, np.full_like(tokens, self._nodes - 1), np.ones_like(tokens))
        self._edges: list[Edges] = [first, down, *(self._taken(i, *_widest(one, least)) for i, one in enumerate(left))]
        self._widest, self._graph = int(first[2].sum()), self._joined()

    def to(self, token: int) -> float:
        """How much can flow from the source to one token of the input."""
        while True:
            graph = self._ending_at(token)
            found = maximum_flow(graph, 0, self._nodes - 1, method="dinic")
            if found.flow_value == min(self._widest, int(self._last[:, token].sum())):
                break
            missing = self._crossing(graph - found.flow)
            if not missing:
                break
            self._edges += [self._taken(level, *some) for level, *some in _strongest(missing, self._size)]
            self._graph = self._joined()
        return int(found.flow_value) / ONE

    @property
    def laid(self) -> int:
        """How many pipes the flow is looked for in."""
        return self._graph.nnz

    def _taken(self, level: int, query: np.ndarray, key: np.ndarray) -> Edges:
        """These pipes of a layer, which are then no longer among those left out."""
        widths = self._left[level][query, key].copy()
        self._left[level][query, key] = 0
        start = 1 + level * self._size
        return start + query, start + self._size + key, widths

    def _joined(self) -> csr_array:
        rows, columns, widths = (np.concatenate(part) for part in zip(*self._edges, strict=True))
        self._edges = [(rows, columns, widths)]
        graph = csr_array((widths.astype(np.int32), (rows, columns)), shape=(self._nodes, self._nodes))
        graph.sort_indices()
        return graph

    def _ending_at(self, token: int) -> csr_array:
        """The thin graph with the pipes of the first layer to one token of the input: its last edges."""
        widths = self._graph.data.copy()
        widths[-self._size :] = self._last[:, token]
        return csr_array((widths, self._graph.indices, self._graph.indptr), shape=self._graph.shape)

    def _crossing(self, residual: csr_array) -> list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        """Of the narrowest cuts nearest to either end, the one that less crosses of what was left out, and that.

        Returns:
            Level, query, key and width of each pipe, by level; empty where nothing crosses.
        """
        open_ = csr_array((residual.data > 0, residual.indices, residual.indptr), shape=residual.shape, dtype=np.int8)
        open_.eliminate_zeros()
        reached = self._from(open_, 0)
        cuts = [self._across(reached)]
        if cuts[0]:
            cuts.append(self._across(~self._from(open_.T.tocsr(), self._nodes - 1)))
        return min(cuts, key=lambda cut: sum(int(width.sum(dtype=np.int64)) for *_, width in cut))

    def _from(self, graph: csr_array, node: int) -> np.ndarray:
        reached = np.zeros(self._nodes, dtype=bool)
        reached[breadth_first_order(graph, node, return_predecessors=False)] = True
        return reached

    def _across(self, reached: np.ndarray) -> list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        found = list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]()
        above = reached[1:-1].reshape(-1, self._size)
        for level, left in enumerate(self._left):
            queries, keys = above[level].nonzero()[0], (~above[level + 1]).nonzero()[0]
            part = left[np.ix_(queries, keys)]
            query, key = part.nonzero()
            if len(query):
                found.append((level, queries[query], keys[key], part[query, key]))
        return found


def _widest(layer: Int[np.ndarray, "query key"], least: float) -> tuple[np.ndarray, np.ndarray]:
    """The widest pipes of each token upwards and downwards, and that to itself.

    Args:
        least: so much should go through those that leave a token, that to itself left out.
    """
    size = len(layer)
    own, between = np.arange(size), layer.copy()
    np.fill_diagonal(between, 0)
    some = KEPT
    while some < size // 4 and np.median(np.partition(between, size - some)[:, size - some :].sum(1)) < least:
        some *= 2
    some = min(some, size)
    below = np.argpartition(between, size - some, axis=1)[:, size - some :]
    above = np.argpartition(between, size - some, axis=0)[size - some :]
    ends = [np.repeat(own, some) * size + below.ravel(), above.ravel() * size + np.tile(own, some), own * size + own]
    query, key = np.divmod(np.unique(np.concatenate(ends)), size)
    return query, key


def _strongest(
    missing: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]], most: int
) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Of pipes by level, about the `most` widest."""
    widths = np.concatenate([width for *_, width in missing])
    least = np.partition(widths, -most)[-most] if len(widths) > most else 0
    return [(level, query[width >= least], key[width >= least]) for level, query, key, width in missing]


def _counted(capacity: np.ndarray) -> np.ndarray:
    return np.rint(capacity.astype(np.float64) * ONE).astype(np.int32)
