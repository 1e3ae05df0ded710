"""Embedding: the samples of a data set in the plane, as a layer sees them."""

from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.passes import OUTPUT, Layer, Looking
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.reducers import Sample
from pellucid.engine.sweeps.request import Gathered, Sweep
from pellucid.methods.feature._embedding_notes import axes_of, facts_of, notes_of
from pellucid.methods.feature._grouped import By, answers_of, grouped
from pellucid.methods.feature._labels import Labels
from pellucid.methods.feature._neighbours import neighbours
from pellucid.methods.feature._plane import by_neighbours, by_variance
from pellucid.methods.feature._samples_shown import pictures_of, spread
from pellucid.registry import method
from pellucid.results import Points
from pellucid.results.array import as_array

_FEWEST = 3


@method(
    title=Text("Embedding", "嵌入"),
    question=Text("Which samples are alike to this layer?", "对这一层而言，哪些样本彼此相似？"),
    shows=Text(
        "One point for each sample, near to another where the layer answers them alike; colour is the label, the prediction, or whether it is right.",
        "每个样本一个点，该层反应相似的样本靠得近；颜色表示标签、预测，或预测是否正确。",
    ),
    cannot=Text(
        "All of the layer: a plane keeps two of its directions (PCA) or only who is near to whom (t-SNE), whose distances between groups, sizes of groups and axes mean little.",
        "该层的全部信息：平面只保留两个方向（PCA），或只保留谁与谁相邻（t-SNE）；后者的组间距离、组的大小与坐标轴没有多少意义。",
    ),
    check=Text(
        "Compare how often the nearest neighbour has the same label in the layer and in the plane; draw t-SNE again with another seed and perplexity, and look for the same groups with projection='pca'.",
        "比较在该层中与在平面中最近邻标签相同的比例；换种子与困惑度重画 t-SNE，并用 projection='pca' 看是否有同样的分组。",
    ),
    needs=Text(
        "A data set and a layer with channels; t-SNE needs scikit-learn.",
        "一个数据集与一个有通道的层；t-SNE 需要 scikit-learn。",
    ),
    formula="v_n = mean over positions of a(x_n); PCA: argmax_W Σ‖Wᵀ(v_n − v̄)‖², WᵀW = I; t-SNE: min KL(P‖Q)",
    paper="Pearson 1901, doi:10.1080/14786440109462720; van der Maaten & Hinton 2008, JMLR 9:2579",
    steps=Text(
        "1. Send every sample through the network once, keeping a random sample of them, each as the mean of the layer over its positions (tokens that stand for no place, such as a class token, are among them). 2. PCA to two directions; or PCA to fifty, then t-SNE. 3. Compare nearest neighbours in the layer and in the plane. 4. Read some samples again that lie far apart, and draw them.",
        "1. 每个样本前向一次，随机保留其中一部分，各取该层在所有位置上的均值（类别 token 等不对应位置的 token 也计入）。2. 用 PCA 降到两维；或先降到五十维再用 t-SNE。3. 比较该层与平面中的最近邻。4. 重新读取若干相距较远的样本并画出。",
    ),
    quick={"samples": 64, "thumbnails": 2},
)
def embedding(
    data: Source,
    layer: Layer = "last block",
    samples: Annotated[int, Ge(3)] = 1000,
    projection: Literal["pca", "tsne"] = "pca",
    by: By = "label",
    thumbnails: Annotated[int, Ge(0)] = 24,
    perplexity: Annotated[float, Gt(1)] = 30.0,
    seed: int = 0,
) -> Looking[tuple[Points, ...]]:
    """A layer's samples in the plane.

    Args:
        layer: one or several; each has a picture of its own, with the same samples. For the class token of a
            transformer alone: what its head reads, as `"head:in"`.
        samples: how many are drawn at random of larger data sets.
        projection: the directions of largest variance, or t-SNE, which keeps neighbourhoods.
        by: what colours tell: the label; what the network answers; whether that is the label.
        thumbnails: how many samples are shown beside their points, if they are pictures.
        perplexity: of t-SNE, about how many neighbours count; at most a third of the samples.
        seed: of the choice of samples and of t-SNE.
    Returns:  Points `(sample, 2)`, in the order of the data set.
    Raises:   NotApplicable if the layer has no channels, if it is the same for all samples, or if the network or the
        data have no classes to colour by.
    """
    vectors, labels = Sample(layer, samples, whole=True, seed=seed), Labels(layer, samples, seed)
    answers = Sample(OUTPUT, samples, whole=True, seed=seed)
    swept = yield from Sweep([vectors, labels] if by == "label" else [vectors, labels, answers])
    scores = None if by == "label" else answers_of(swept.at(answers)[0])
    made: list[Points] = []
    for one, told in zip(swept.at(vectors), swept.at(labels), strict=True):
        found, members = _vectors(one)
        shown = grouped(
            by,
            data.classes,
            as_array(told.state["vectors"])[members, 0].astype(np.int64),
            None if scores is None else scores[members],
        )
        plane = by_variance(found) if projection == "pca" else by_neighbours(found, perplexity, seed)
        above, below = neighbours(found, shown.codes), neighbours(plane.positions, shown.codes)
        ordinals = as_array(one.state["ordinals"])[members]
        broken = min(samples, int(one.state["seen"])) - len(members)
        made.append(
            Points(
                values=plane.positions.astype(as_array(one.state["vectors"]).dtype),
                axes=("sample", "axis"),
                labels=tuple(data.name(int(ordinal)) for ordinal in ordinals),
                groups=shown.names,
                axis_names=axes_of(plane),
                one_scale=True,
                thumbnails=pictures_of(data, ordinals, spread(plane.positions, thumbnails)),
                layer=one.address,
                notes=(*notes_of(one, plane, shown, (above, below), broken), *swept.notes),
                facts={**swept.facts, **facts_of(plane, shown, (above, below))},
            )
        )
    return tuple(made)


def _vectors(one: Gathered) -> tuple[np.ndarray, Any]:
    """The vectors in the order of the data set, in double precision, and where they lie in the state."""
    ordinals, vectors = as_array(one.state["ordinals"]), as_array(one.state["vectors"]).astype(np.float64)
    members = np.flatnonzero((ordinals >= 0) & np.isfinite(vectors).all(1))
    members = members[np.argsort(ordinals[members])]
    found = vectors[members]
    if len(found) < _FEWEST:
        raise NotApplicable(
            Text(
                f"'{one.address}' gives {len(found)} finite vectors on these data; a plane needs {_FEWEST}",
                f"'{one.address}' 在这些数据上只给出 {len(found)} 个有限的向量，而一个平面需要 {_FEWEST} 个",
            )
        )
    if not np.ptp(found, axis=0).max() > 0:
        raise NotApplicable(
            Text(
                f"'{one.address}' is the same for all {len(found)} samples",
                f"'{one.address}' 对全部 {len(found)} 个样本都相同",
            )
        )
    return found, members
