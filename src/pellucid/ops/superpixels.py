"""Superpixels: a picture cut into connected regions of like colour and about equal size."""

import numpy as np
from jaxtyping import Float, Int
from scipy import ndimage

COMPACTNESS, ROUNDS = 10.0, 10
_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = np.array([0.95047, 1.0, 1.08883])


def superpixels(
    picture: Float[np.ndarray, "height width channel"], count: int, compactness: float = COMPACTNESS
) -> Int[np.ndarray, "height width"]:
    """Labels 0, 1, ... of about `count` regions, the same for the same picture.

    Clusters start on a regular grid of cells. A pixel joins one of the nine clusters around its own cell: that with the
    least distance in colour, plus the distance in space weighed by `compactness`. Parts that hang apart from the
    largest part of their cluster go to the nearest region.

    Args:
        picture: 0..1 in sRGB where there are three channels; any numbers otherwise.
        count: how many regions are wanted; at most one for each pixel.
        compactness: how square the regions are, in units of lightness (0..100).
    Source: Achanta et al. 2012 (SLIC), doi:10.1109/TPAMI.2012.120; the fixed nine candidates after Ren et al. 2015.
    """
    height, width = picture.shape[:2]
    rows, columns = _cells(height, width, count)
    colour = _lab(picture) if picture.shape[2] == 3 else _stretched(picture)
    size = np.sqrt(height * width / (rows * columns))
    place = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), -1) * (compactness / size)
    points = np.concatenate([colour, place], -1).reshape(height * width, -1)
    down, right = np.arange(height) * rows // height, np.arange(width) * columns // width
    home = (down[:, None] * columns + right[None]).ravel()
    near = _around(rows, columns)
    labels = home
    for _ in range(ROUNDS):
        centres = _means(points, labels, rows * columns)
        candidates = near[home]
        distance = np.stack([np.square(points - centres[one]).sum(1) for one in candidates.T], 1)
        moved = candidates[np.arange(len(points)), distance.argmin(1)]
        if np.array_equal(moved, labels):
            break
        labels = moved
    return _connected(labels.reshape(height, width))


def _cells(height: int, width: int, count: int) -> tuple[int, int]:
    """Rows and columns of about square cells, about `count` of them."""
    rows = min(height, max(1, round(np.sqrt(count * height / width))))
    return rows, min(width, max(1, round(count / rows)))


def _around(rows: int, columns: int) -> Int[np.ndarray, "cell candidate"]:
    """The cells around each cell, itself first; cells beyond the edge are replaced by the cell itself."""
    down, right = np.divmod(np.arange(rows * columns), columns)
    found = [down * columns + right]
    for i, j in [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]:
        inside = (down + i >= 0) & (down + i < rows) & (right + j >= 0) & (right + j < columns)
        found.append(np.where(inside, (down + i) * columns + right + j, found[0]))
    return np.stack(found, 1)


def _means(
    points: Float[np.ndarray, "point feature"], labels: Int[np.ndarray, " point"], count: int
) -> Float[np.ndarray, "cluster feature"]:
    sums = np.stack([np.bincount(labels, one, count) for one in points.T], 1)
    members = np.bincount(labels, minlength=count)[:, None]
    return np.where(members > 0, sums / np.maximum(members, 1), np.inf)


def _connected(labels: Int[np.ndarray, "height width"]) -> Int[np.ndarray, "height width"]:
    """Only the largest part of each label stays; the rest goes to the nearest pixel that stays."""
    stays = np.zeros(labels.shape, bool)
    for label, box in enumerate(ndimage.find_objects(labels + 1)):
        if box is None:
            continue
        parts = np.asarray(ndimage.label(labels[box] == label)[0])  # pyright: ignore[reportIndexIssue, reportGeneralTypeIssues]
        stays[box] |= parts == np.bincount(parts.ravel())[1:].argmax() + 1
    nearest = np.asarray(ndimage.distance_transform_edt(~stays, return_distances=False, return_indices=True))
    whole = labels[tuple(nearest)]
    return np.unique(whole, return_inverse=True)[1].reshape(labels.shape)


def _lab(picture: Float[np.ndarray, "height width 3"]) -> Float[np.ndarray, "height width 3"]:
    """CIE L*a*b* (D65) of sRGB in 0..1: equal distances look about equally different."""
    wide = np.clip(picture.astype(np.float64), 0, 1)
    linear = np.where(wide > 0.04045, ((wide + 0.055) / 1.055) ** 2.4, wide / 12.92)
    xyz = linear @ _XYZ.T / _WHITE
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [
            116 * root[..., 1] - 16,
            500 * (root[..., 0] - root[..., 1]),
            200 * (root[..., 1] - root[..., 2]),
        ],
        -1,
    )


def _stretched(picture: Float[np.ndarray, "height width channel"]) -> Float[np.ndarray, "height width channel"]:
    """Channels of any meaning, each brought to 0..100."""
    wide = np.nan_to_num(picture.astype(np.float64))
    low, high = wide.min((0, 1)), wide.max((0, 1))
    return (wide - low) / np.where(high > low, high - low, 1) * 100 / np.sqrt(picture.shape[2])
