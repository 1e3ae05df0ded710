"""The corners, the edges and the frame of a picture."""

from pellucid.diagnose.borders import regions


def test_four_corners_four_edges_one_frame_of_their_own_size():
    corners, edges, frame = regions(24, 48)
    assert [int(one.inside.sum()) for one in corners] == [4 * 8] * 4
    assert [int(one.inside.sum()) for one in edges] == [2 * 48, 2 * 48, 24 * 4, 24 * 4]
    assert int(frame[0].inside.sum()) == 24 * 48 - (24 - 2) * (48 - 6)
    assert corners[0].inside[0, 0] and corners[3].inside[-1, -1] and edges[1].inside[-1].all()
