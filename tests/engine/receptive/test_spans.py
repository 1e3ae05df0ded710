import numpy as np

from pellucid.engine.receptive.spans import FAR, Line, Spans, everything, itself, joined_lines, nothing, union


def box(spans: Spans, shape: tuple[int, ...], at: tuple[int, ...]) -> list[tuple[int, int]]:
    tables = [np.broadcast_to(low, shape)[at] for low in spans.lows]
    return [(int(start), -int(stop)) for start, stop in zip(tables[: spans.rank], tables[spans.rank :], strict=True)]


def test_the_input_reads_itself():
    own = itself((1, 3, 4, 5), (2, 3))
    assert box(own, (1, 3, 4, 5), (0, 2, 1, 4)) == [(1, 2), (4, 5)]
    assert own.lines == (Line(-2, 1, 0, 1), Line(-1, 1, 0, 1)) and own.lows[0].shape == (1, 1, 4, 1)
    assert own.places(0) and not own.empty


def test_a_union_holds_both_and_what_is_empty_does_not_count():
    own = itself((1, 1, 6), (2,))
    left, right = (own.windowed(-1, np.arange(6)[:, None] + shift, 6) for shift in (0, 0))
    later = Spans(tuple(low + (3 if i == 0 else -3) for i, low in enumerate(own.lows)), (Line(-1, 1, 3, 1),))
    both = union([own, later])
    assert box(both, (1, 1, 6), (0, 0, 2)) == [(2, 6)] and both.lines == (Line(-1, 1, 0, 4),)
    assert union([own, nothing(3, 1)]).lines == own.lines and nothing(3, 1).empty
    assert union([own, everything(1, (6,))]).lines == (None,)
    assert joined_lines([left, right]) == (None,)


def test_lines_join_only_where_they_step_alike():
    assert Line(-1, 2, 0, 3).joined(Line(-1, 2, -4, 5)) == Line(-1, 2, -4, 7)
    assert Line(-1, 2, 0, 3).joined(Line(-2, 2, 0, 3)) is None is Line(-1, 2, 0, 3).joined(Line(-1, 4, 0, 3))


def test_going_over_an_axis():
    own = itself((1, 2, 4, 5), (2, 3))
    kept, lost = own.over([2]), own.over([1, -1], keep=False)
    assert box(kept, (1, 2, 1, 5), (0, 1, 0, 3)) == [(0, 4), (3, 4)] and kept.lines == (None, Line(-1, 1, 0, 1))
    assert box(lost, (1, 4), (0, 3)) == [(3, 4), (0, 5)] and lost.lines == (Line(-1, 1, 0, 1), None)


def test_windows_and_cells_that_read_nothing():
    own = itself((1, 1, 4), (2,))
    taps = np.array([[-1, 0], [0, 3], [-1, -1]])
    read = own.windowed(-1, taps, 4)
    assert [box(read, (1, 1, 3), (0, 0, i)) for i in range(3)] == [[(0, 1)], [(0, 4)], [(FAR, -FAR)]]
    same = everything(3, (4,)).windowed(-1, taps, 4)
    assert box(same, (1, 1, 3), (0, 0, 1)) == [(0, 4)] and same.lows[0].max() == FAR
