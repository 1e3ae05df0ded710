"""Pictures coloured by the code of every position."""

from collections.abc import Generator, Sequence

import numpy as np
import torch

from pellucid.core.text import Text
from pellucid.engine.passes import Keep, Pass, Seen
from pellucid.engine.sweeps.cells import cells
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.request import Gathered
from pellucid.methods.feature._codes import Codes
from pellucid.methods.feature._regions import Region, picture_of
from pellucid.methods.feature._regions_drawn import framed, palette, short
from pellucid.results import Gallery

_OVER = 0.6  # how much of a colour lies over the picture
_FRAME = 0.08  # of the longer side


def assigned(
    data: Source, one: Gathered, found: Codes, regions: Sequence[Region], pictures: int
) -> Generator[Pass, Seen, Gallery | None]:
    """Samples spread over those that were clustered, coloured by the nearest code; None if they are no pictures.

    Args:
        regions: of the codes, the nearest of each first; they stand beside as what the colours mean.
    """
    if one.layout is None or len(one.layout.grid) != 2:
        return None
    images, captions = list[np.ndarray](), list[Text]()
    every = found.ordinals.unique()
    chosen = every[torch.linspace(0, len(every) - 1, min(pictures, len(every))).long()].tolist()
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
        captions.append(Text(short(data.name(ordinal))))
    if not images:
        return None
    nearest: dict[int, np.ndarray] = {}
    for region in regions:
        if region.picture is not None:
            nearest.setdefault(region.channel, framed(region.picture, colours[region.channel], _FRAME))
    names = [Text(f"code {i}", f"码 {i}") for i in nearest]
    of_pictures, of_codes = Text("samples", "样本"), Text("colours of the codes", "各码的颜色")
    return Gallery(
        values=found.vectors.float().numpy(),
        axes=("code", "channel"),
        images=(*images, *nearest.values()),
        captions=(*captions, *names),
        groups=(*[of_pictures] * len(images), *[of_codes] * len(nearest)),
        layer=one.address,
        notes=(_CELLS,),
    )


def _over(picture: np.ndarray, colours: np.ndarray) -> np.ndarray:
    rows, columns = picture.shape[:2]
    down = np.arange(rows) * colours.shape[0] // rows
    across = np.arange(columns) * colours.shape[1] // columns
    gray = picture.mean(2, keepdims=True)
    return (gray * (1 - _OVER) + colours[down][:, across] * _OVER).astype(np.float32)


_CELLS = Text(
    "Each cell of the layer is coloured as a square, as large as the steps of the layer; what it sees is larger.",
    "该层的每个单元画成一个方块，其大小为该层的步长；单元所见的范围更大。",
    aside=True,
)
