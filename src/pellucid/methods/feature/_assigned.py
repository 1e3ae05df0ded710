"""Pictures coloured by the code of every position."""

from collections.abc import Generator, Sequence

import numpy as np

from pellucid.core.text import Text
from pellucid.engine.passes import Keep, Pass, Seen
from pellucid.engine.sweeps.cells import cells
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.request import Gathered
from pellucid.methods.feature._codes import Codes
from pellucid.methods.feature._regions import Region, picture_of
from pellucid.results import Gallery

_OVER = 0.7  # how much of a colour lies over the picture
_FRAME = 0.08  # of the longer side
_GOLDEN = 0.618033988749895


def assigned(
    data: Source, one: Gathered, found: Codes, regions: Sequence[Region], pictures: int
) -> Generator[Pass, Seen, Gallery | None]:
    """The first samples among those that were clustered, coloured by the nearest code; None if they are no pictures.

    Args:
        regions: of the codes, the nearest of each first; they stand beside as what the colours mean.
    """
    if one.layout is None or len(one.layout.grid) != 2:
        return None
    images, captions = list[np.ndarray](), list[Text]()
    chosen = found.ordinals.unique()[:pictures].tolist()
    colours = palette(len(found.centres))
    for step, ordinal in enumerate(chosen):
        x = data.inputs([ordinal])
        picture = picture_of(x)
        if picture is None:
            return None
        whole = Keep(one.site, lambda value: value)
        seen = yield from Pass(x, keep=[whole], step=(step, len(chosen)))
        (spot,) = seen.at(whole)
        if spot.layout is None:
            continue
        vectors = cells(spot.value, spot.layout, one.address, 1)[0].T[spot.layout.prefix :]
        codes = found.assign(vectors.cpu()).reshape(spot.layout.grid).numpy()
        images.append(_over(picture, colours[codes]))
        captions.append(Text(data.name(ordinal).rpartition("/")[2]))
    if not images:
        return None
    framed: dict[int, np.ndarray] = {}
    for region in regions:
        if region.picture is not None:
            framed.setdefault(region.channel, _framed(region.picture, colours[region.channel]))
    names = [Text(f"code {i}", f"码 {i}") for i in framed]
    of_pictures, of_codes = Text("samples", "样本"), Text("colours of the codes", "各码的颜色")
    return Gallery(
        values=found.vectors.float().numpy(),
        axes=("code", "channel"),
        images=(*images, *framed.values()),
        captions=(*captions, *names),
        groups=(*[of_pictures] * len(images), *[of_codes] * len(framed)),
        layer=one.address,
        notes=(_CELLS,),
    )


def palette(count: int) -> np.ndarray:
    """Colours told apart by hue, brightness and saturation, `(count, 3)` in 0..1."""
    hue = (np.arange(count) * _GOLDEN) % 1.0
    bright, full = 0.95 - 0.25 * (np.arange(count) % 3) / 2, 0.9 - 0.35 * (np.arange(count) % 2)
    corner = (np.array([5.0, 3.0, 1.0]) + hue[:, None] * 6) % 6
    return (bright[:, None] * (1 - full[:, None] * np.clip(np.minimum(corner, 4 - corner), 0, 1))).astype(np.float32)


def _over(picture: np.ndarray, colours: np.ndarray) -> np.ndarray:
    rows, columns = picture.shape[:2]
    down = np.arange(rows) * colours.shape[0] // rows
    across = np.arange(columns) * colours.shape[1] // columns
    gray = picture.mean(2, keepdims=True)
    return (gray * (1 - _OVER) + colours[down][:, across] * _OVER).astype(np.float32)


def _framed(picture: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """A picture with a frame of one colour."""
    wide = max(1, round(max(picture.shape[:2]) * _FRAME))
    inner = np.nan_to_num(picture, nan=0.5)
    framed = np.broadcast_to(colour, (inner.shape[0] + 2 * wide, inner.shape[1] + 2 * wide, 3)).astype(np.float32)
    framed[wide:-wide, wide:-wide] = inner
    return framed


_CELLS = Text(
    "Each cell of the layer is coloured as a square, as large as the steps of the layer; what it sees is larger.",
    "该层的每个单元画成一个方块，其大小为该层的步长；单元所见的范围更大。",
    aside=True,
)
