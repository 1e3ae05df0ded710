"""The maximum flow through layers of pipes, found in a thin part of them and proved on all."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

ONE = 2**24
KEPT = 8
Edges = tuple[np.ndarray, np.ndarray, np.ndarray]


class Pipes:
    """Capacities, in units of 2⁻²⁴, from one source through the tokens after each layer to those of the input.

    A flow is first looked for among the widest pipes of each token, all that leave the one that is read, and all that
    lead to the one it should reach. Its narrowest cut is then measured with all pipes: if none that was left out
    crosses it, no flow is larger; else the widest of those are added, and it is looked for again. So every flow is the
    exact maximum. What was added for one token of the input stays for the next.

    Args:
        top: how much each token after the last layer is read.
        layers: `Ã`, the last one first; at least one.
    """

    def __init__(self, top: Float[np.ndarray, "token"], layers: Iterable[Float[np.ndarray, "query key"]]) -> None:
        *left, self._last = map(_counted, layers)
        self._left, self._size, self._top = left, len(top), _counted(top)
        self._nodes = 2 + (len(left) + 1) * self._size
        tokens, read = np.arange(self._size), self._top.nonzero()[0]
        self._edges: list[Edges] = [(np.zeros_like(tokens), 1 + tokens, self._top)]
        self._edges += [self._taken(level, *_widest(one)) for level, one in enumerate(left)]
        if len(read) == 1:
            self._edges += [self._taken(level, np.full_like(tokens, read[0]), tokens) for level in range(len(left))]

    def to(self, token: int) -> float:
        """How much can flow from the source to one token of the input."""
        while True:
            graph = self._ending_at(token)
            found = maximum_flow(graph, 0, self._nodes - 1, method="dinic")
            if found.flow_value == min(int(self._top.sum()), int(self._last[:, token].sum())):
                break
            missing = self._crossing(graph - found.flow, token)
            if not missing:
                break
            self._edges += [self._taken(level, *some) for level, *some in _strongest(missing, self._size)]
        return int(found.flow_value) / ONE

    @property
    def laid(self) -> int:
        """How many pipes every flow is looked for in."""
        return sum(len(widths) for *_, widths in self._edges)

    def _taken(self, level: int, query: np.ndarray, key: np.ndarray) -> Edges:
        """These pipes of a layer, which are then no longer among those left out."""
        widths = self._left[level][query, key].copy()
        self._left[level][query, key] = 0
        start = 1 + level * self._size
        return start + query, start + self._size + key, widths

    def _ending_at(self, token: int) -> csr_array:
        """The thin graph, with all pipes to the same token of every layer, and those to the input's."""
        tokens, start = np.arange(self._size), 1 + self._size * np.arange(len(self._left) + 1)
        over = [
            (start[level] + tokens, np.full_like(tokens, start[level + 1] + token), one[:, token])
            for level, one in enumerate(self._left)
        ]
        last = (start[-1] + tokens, np.full_like(tokens, self._nodes - 1), self._last[:, token])
        rows, columns, widths = (np.concatenate(part) for part in zip(*self._edges, *over, last, strict=True))
        graph = csr_array((widths, (rows, columns)), shape=(self._nodes, self._nodes), dtype=np.int32)
        graph.eliminate_zeros()
        return graph

    def _crossing(self, residual: csr_array, token: int) -> list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        """Of the narrowest cuts nearest to either end, the one that less crosses of what was left out, and that.

        Returns:
            Level, query, key and width of each pipe, by level; empty where nothing crosses.
        """
        open_ = csr_array((residual.data > 0, residual.indices, residual.indptr), shape=residual.shape, dtype=np.int8)
        open_.eliminate_zeros()
        reached = self._from(open_, 0)
        cuts = [self._across(reached, token)]
        if cuts[0]:
            cuts.append(self._across(~self._from(open_.T.tocsr(), self._nodes - 1), token))
        return min(cuts, key=lambda cut: sum(int(width.sum(dtype=np.int64)) for *_, width in cut))

    def _from(self, graph: csr_array, node: int) -> np.ndarray:
        reached = np.zeros(self._nodes, dtype=bool)
        reached[breadth_first_order(graph, node, return_predecessors=False)] = True
        return reached

    def _across(self, reached: np.ndarray, token: int) -> list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        found = list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]()
        above = reached[1:-1].reshape(-1, self._size)
        for level, left in enumerate(self._left):
            queries, keys = above[level].nonzero()[0], (~above[level + 1]).nonzero()[0]
            keys = keys[keys != token]
            part = left[np.ix_(queries, keys)]
            query, key = part.nonzero()
            if len(query):
                found.append((level, queries[query], keys[key], part[query, key]))
        return found


def _widest(layer: Int[np.ndarray, "query key"]) -> tuple[np.ndarray, np.ndarray]:
    """The widest pipes that leave each token, and that to itself."""
    size = len(layer)
    some, own = min(KEPT, size), np.arange(size)
    widest = np.argpartition(layer, size - some, axis=1)[:, size - some :]
    query, key = np.divmod(
        np.unique(np.concatenate([np.repeat(own, some) * size + widest.ravel(), own * size + own])), size
    )
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
