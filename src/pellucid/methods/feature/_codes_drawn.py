"""Codes as pictures, their similarity, and a table of their use."""

from collections.abc import Sequence

import torch

from pellucid.core.text import Text
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.request import Gathered, Swept
from pellucid.methods.feature._codes import Codes
from pellucid.methods.feature._regions import Region
from pellucid.methods.feature._regions_drawn import COLUMNS, Tiles, about
from pellucid.methods.feature._regions_drawn import table as table_of_regions
from pellucid.results import Gallery, Matrix, Table, spell
from pellucid.results.array import as_array

_COLUMNS = {
    "code": Text("code", "码"),
    "used": Text("share of positions", "位置占比"),
    "samples": Text("samples in which it stands", "出现的样本数"),
    "near": Text("mean distance to the code", "到码的平均距离"),
}
_NEAREST = COLUMNS | {"channel": Text("code", "码"), "value": Text("distance to the code", "到码的距离")}
_LIKE = Text(
    "A picture is bright where the squared cosine of layer and code is at least half of its largest, and the darker the "
    "less it is; such pictures are not averaged.",
    "该层与码的余弦平方达到最大值一半以上之处为原亮度，越小越暗；这样的图像不作平均。",
    aside=True,
)


def gallery(swept: Swept, one: Gathered, found: Codes, regions: Sequence[Region], drawn: Tiles) -> Gallery:
    """The regions of each code."""
    return Gallery(
        values=as_array(found.vectors.float()),
        axes=("code", "channel"),
        images=drawn.images,
        captions=drawn.captions,
        groups=drawn.groups,
        unit=Text("distance to the code", "到码的距离"),
        layer=one.address,
        notes=(*_said(found), *about(regions, _LIKE), *swept.notes),
        facts={**swept.facts, **_facts(found), "spread of the regions": drawn.spreads},
    )


def similarity(one: Gathered, found: Codes) -> Matrix:
    """How alike the codes are."""
    centres = torch.nn.functional.normalize(found.centres, dim=1)
    names = tuple(f"{i}" for i in range(len(centres)))
    return Matrix(
        values=as_array((centres @ centres.T).float()),
        axes=("code", "code"),
        rows=names,
        columns=names,
        unit=Text("cosine", "余弦"),
        signed=True,
        layer=one.address,
    )


def table(swept: Swept, one: Gathered, found: Codes) -> Table:
    """How often each code is used, and how well it fits."""
    apart = torch.linalg.vector_norm(found.points - found.centres[found.assignment], dim=1)
    rows = tuple(
        {
            "code": f"{code}",
            "used": float(share),
            "samples": len(found.ordinals[mine].unique()),
            "near": float(apart[mine].mean()) if bool(mine.any()) else None,
        }
        for code, share in enumerate(found.usage)
        for mine in (found.assignment == code,)
    )
    return Table(
        rows=rows,
        columns=_COLUMNS,
        layer=one.address,
        notes=(*_said(found), *swept.notes),
        facts={**swept.facts, **_facts(found)},
    )


def nearest_table(data: Source, swept: Swept, one: Gathered, regions: Sequence[Region]) -> Table:
    """The samples nearest to each code."""
    return table_of_regions(data, swept, one, regions, _NEAREST)


def _facts(found: Codes) -> dict[str, float]:
    return {
        "perplexity": found.perplexity,
        "variance in the directions": found.kept,
        "variance kept by the codes": found.kept * (1 - found.within),
        "vectors": len(found.points),
    }


def _said(found: Codes) -> tuple[Text, ...]:
    kept, codes = spell.percent(found.kept * (1 - found.within)), len(found.centres)
    even = spell.number(found.perplexity, 2)
    said = Text(
        f"The {codes} codes keep {kept} of the variance of {len(found.points):,} vectors, and are used as {even} codes of equal use would be (perplexity).",
        f"{codes} 个码保留了 {len(found.points):,} 个向量 {kept} 的方差，使用的均匀程度相当于 {even} 个等频的码（困惑度）。",
        aside=True,
    )
    if not found.broken:
        return (said,)
    broken = Text(
        f"{found.broken:,} vectors hold NaN or infinite values and are left out.",
        f"{found.broken:,} 个向量含 NaN 或无穷值，已略去。",
    )
    return said, broken
