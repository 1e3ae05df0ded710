"""Codebook: the few kinds of vector that a layer is made of (vector quantization of features)."""

from typing import Annotated

from annotated_types import Ge

from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.reducers import Sample
from pellucid.engine.sweeps.request import Sweep
from pellucid.methods.feature._assigned import assigned
from pellucid.methods.feature._codes import check_clustering, codes_of, nearest
from pellucid.methods.feature._codes_drawn import gallery, nearest_table, similarity, table
from pellucid.methods.feature._regions import regions_of
from pellucid.methods.feature._regions_drawn import palette, tiles
from pellucid.registry import method
from pellucid.results import Gallery, Matrix, Table

_CODE = Text("code", "码")


@method(
    title=Text("Codebook", "码本"),
    question=Text("Of which few kinds of vector is this layer made?", "这一层由哪几类向量构成？"),
    shows=Text(
        "For each code the regions whose vectors lie nearest to it and their mean; how often each is used; and pictures coloured by the code of every position.",
        "每个码：向量与其最近的区域及其平均；各码的使用频率；以及按各位置所属的码着色的图像。",
    ),
    cannot=Text(
        "That the layer itself has such kinds: clusters are found in any cloud, and another number of codes draws other borders.",
        "该层本身是否真有这些类别：任何点云都能聚出类来，码数不同，边界也不同。",
    ),
    check=Text(
        "Run it with another seed and another number of codes: what stays is in the layer. The share of the variance that the codes keep is stated.",
        "换一个种子与码数再运行：不变的部分才属于该层。图中给出各码所保留的方差比例。",
    ),
    needs=Text(
        "A data set, a network with channels, and scikit-learn.", "一个数据集、一个有通道的网络，以及 scikit-learn。"
    ),
    formula="min Σ ‖P(v − v̄) − c_{k(v)}‖² over K codes c; perplexity exp(−Σ u_k ln u_k) of the usage u",
    paper="Linde, Buzo & Gray 1980, doi:10.1109/TCOM.1980.1094577; Wang et al. 2015, arXiv:1511.06855",
    steps=Text(
        "1. Send every sample through the network once, keeping a random sample of the layer's vectors. 2. Centre them and keep the directions of largest variance (PCA). 3. Cluster (k-means). 4. For each code read again the samples whose vectors lie nearest, and cut out what they see. 5. Colour some samples by the nearest code.",
        "1. 每个样本前向一次，随机保留该层的一部分向量。2. 中心化并保留方差最大的方向（PCA）。3. 聚类（k-means）。4. 对每个码重新读取向量最近的样本，裁出其所见。5. 将若干样本按最近的码着色。",
    ),
    quick={"codes": 2, "sample": 64, "k": 2, "pictures": 1},
)
def codebook(
    data: Source,
    layer: Layer = "last block",
    codes: Annotated[int, Ge(2)] = 12,
    dimensions: Annotated[int, Ge(1)] = 32,
    sample: Annotated[int, Ge(2)] = 16384,
    unit_length: bool = False,
    k: Annotated[int, Ge(1)] = 6,
    pictures: Annotated[int, Ge(0)] = 6,
    seed: int = 0,
) -> Looking[tuple[Gallery | Matrix | Table, ...]]:
    """The codes of one layer, in falling order of use.

    Args:
        layer: whose vectors, one for each position.
        codes: how many.
        dimensions: of the space that is clustered (PCA); at most as many as channels.
        sample: how many vectors are kept, chosen by a fixed shuffle.
        unit_length: bring every vector to length 1 first, so that few very long ones (register tokens) do not rule.
        k: regions drawn for each code, of different samples.
        pictures: how many samples are coloured by code.
        seed: of the shuffle and of k-means.
    Returns:  of pictures a Gallery of the codes, whose values are the codes in the layer's own space `(code, channel)`,
        and a Gallery of samples coloured by code; a Matrix of the similarity of the codes (cosine of what differs from
        the mean); a Table of their use; and a Table of the samples that lie nearest.
    Raises:   NotApplicable if there are fewer different vectors than codes.
    """
    check_clustering()
    wish = Sample(layer, sample, seed=seed)
    swept = yield from Sweep([wish])
    results: list[Gallery | Matrix | Table] = []
    for one in swept.at(wish):
        found = codes_of(one, codes, dimensions, seed, unit_length=unit_length)
        regions = yield from regions_of(data, one, nearest(found, k), found.likeness)
        drawn = tiles(data, regions, _CODE, colours=palette(codes))
        if drawn.images:
            results.append(gallery(swept, one, found, regions, drawn))
        coloured = yield from assigned(data, one, found, regions, pictures)
        if coloured is not None:
            results.append(coloured)
        results += [similarity(one, found), table(swept, one, found), nearest_table(data, swept, one, regions)]
    return tuple(results)
