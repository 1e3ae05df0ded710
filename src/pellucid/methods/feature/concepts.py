"""Concepts: what a class is made of in a layer, and how much each part of it matters (CRAFT)."""

from dataclasses import replace
from typing import Annotated

from annotated_types import Ge, Gt, Le

from pellucid.core.text import Text
from pellucid.engine.passes import OUTPUT, Layer, Looking, Step
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.request import Sweep
from pellucid.methods.feature._concepts.bank import bank_of, check_factoring
from pellucid.methods.feature._concepts.chosen import Answers, chosen
from pellucid.methods.feature._concepts.drawn import bars, facts_of, gallery, pieces_table, said_of, table
from pellucid.methods.feature._concepts.judged import Judged, judged
from pellucid.methods.feature._concepts.pieces import pieces_of
from pellucid.methods.feature._concepts.read import Read, layer_of, samples_read
from pellucid.methods.feature._concepts.shown import pieces_shown, tiles_of
from pellucid.methods.feature._concepts.weighed import Weighed, weighed
from pellucid.methods.feature._regions_drawn import grey
from pellucid.registry import method
from pellucid.results import Gallery, Series, Table


@method(
    title=Text("Concepts of a class", "类别的概念"),
    question=Text(
        "Which recurring parts make this class, and how much does each matter?",
        "这个类别由哪些反复出现的部分构成，各有多重要？",
    ),
    shows=Text(
        "For each concept, the most important first: the crops that hold most of it, and samples coloured by how much of it lies where. Importance is the share of the score's variance that is lost when the concept is held (total Sobol index); ± is its standard error.",
        "每个概念（最重要的在前）：含量最高的裁块，以及按各处含量着色的样本。重要性为固定该概念时得分所失去的方差占比（总 Sobol 指数），± 为其标准误。",
    ),
    cannot=Text(
        "That the layer itself has such concepts: another number of them cuts otherwise. Importance has no sign (the table tells how the score falls without each), and counts only what is varied: the coefficients, between none and all that is there.",
        "该层本身是否真有这些概念：概念数不同，划分也不同。重要性没有正负（表中列出去掉各概念后得分的下降），且只针对被改变的量：系数在零与其原值之间变化。",
    ),
    check=Text(
        "Run it with another seed and number of concepts: trust what stays. The notes say what is left of the score when the concepts rebuild the layer: where that is little, so is what they tell.",
        "换一个种子与概念数再运行：只信保持不变的部分。注释给出用概念重建该层后的得分：若相差很大，概念能说明的也就很少。",
    ),
    needs=Text(
        "A data set, a network with a score, a layer with channels before it, and scikit-learn.",
        "一个数据集、一个有得分的网络、得分之前一个有通道的层，以及 scikit-learn。",
    ),
    formula="min ‖A − U W‖², U, W ≥ 0;  S_k = E[(f(m ⊙ U·W) − f(m⁽ᵏ⁾ ⊙ U·W))²] / 2 Var f;  m, m⁽ᵏ⁾ differ in mask k",
    paper="CRAFT: Fel et al. 2023, arXiv:2211.10154; Jansen 1999, doi:10.1016/S0010-4655(98)00154-4",
    steps=Text(
        "1. Send every sample through the network once and take those of the class. 2. Cut each into crops, enlarge them, and keep what the layer makes of each. 3. Factor these vectors into concepts and coefficients that are never negative. 4. Find the coefficients of every position of the samples. 5. Multiply them by random masks, put the sums of concepts in the layer's place and run on. 6. Compare masks that differ in one concept.",
        "1. 每个样本前向一次，取属于该类的样本。2. 裁成小块，放大，并保留该层对每块的输出。3. 将这些向量分解为概念与系数，二者均非负。4. 求样本每个位置的系数。5. 乘以随机掩码，用概念之和代替该层继续前向。6. 比较只在一个概念上不同的掩码。",
    ),
    quick={"concepts": 2, "samples": 3, "masks": 4, "k": 2, "maps": 1},
)
def concepts(
    data: Source,
    layer: Layer | None = None,
    of: int | str | None = None,
    concepts: Annotated[int, Ge(1)] = 8,
    crop: Annotated[float, Gt(0), Le(1)] | None = 0.33,
    samples: Annotated[int, Ge(1)] = 32,
    masks: Annotated[int, Ge(2)] = 64,
    k: Annotated[int, Ge(1)] = 4,
    maps: Annotated[int, Ge(0)] = 3,
    seed: int = 0,
) -> Looking[tuple[Gallery | Series | Table, ...]]:
    """The concepts of one class in one layer, in falling order of importance.

    Args:
        layer: where; best where no value is negative. Of each place that it denotes there are results. None: "last
            spatial", as in the paper; of networks where nothing lies on a grid "last block".
        of: the class, by number or name; None: the one that the network predicts most. Its samples are those that are
            predicted to be of it.
        concepts: how many.
        crop: side of the crops, as a share of the picture's. None, and where there are no pictures: no crops but the
            positions of the layer.
        samples: how many of the class are used, a random choice of more.
        masks: how many the estimate takes, n: the part of the network behind the layer runs (2 + concepts) n times for each sample,
            and once more for each concept.
        k: pieces drawn of each concept, of different samples where there are as many.
        maps: samples drawn of each concept.
        seed: of the choice of samples, of the factorization and of the masks.
    Returns:  for pictures a Gallery, whose values are the concepts in the layer's own space `(concept, channel)`, each
        of length 1; a Series and a Table of importance; and a Table of the pieces.
    Raises:   NotApplicable if no sample is predicted to be of the class, or the layer cannot be replaced.
    Source:   Fel et al. 2023, arXiv:2211.10154. Maps are the coefficients of the positions, found with the concepts held
        (as in the authors' code), not drawn back to pixels through the gradient of the factorization.
    """
    check_factoring()
    answers = Answers(OUTPUT, seed=seed)
    swept = yield from Sweep([answers])
    some = chosen(swept.at(answers)[0], of, data.outputs, samples)
    where = yield from layer_of(data, some.ordinals[0], layer)
    read = yield from samples_read(data, some.ordinals, where, some.number, data.outputs)
    results: list[Gallery | Series | Table] = []
    for place in range(len(read[0].spots)):
        spots = [one.spots[place] for one in read]
        found = yield from _found(read, place, concepts, crop, masks, seed)
        regions = yield from pieces_shown(data, read, spots, found, k)
        tiles = tiles_of(data, read, spots, found, regions, maps)
        info = replace(read[0].info, score=found.scores[0], probability=None)
        said = (*said_of(found, some, info, spots[0]), *swept.notes)
        facts = {**swept.facts, **facts_of(found)}
        if tiles:
            results.append(gallery(spots[0], found, tiles, info, (*said, *grey(regions)), facts))
        results += [bars(spots[0], found, info, said, facts), table(spots[0], found, info, said, facts)]
        results.append(pieces_table(data, swept, spots[0], found, regions, info))
    return tuple(results)


def _found(read: list[Read], place: int, count: int, crop: float | None, masks: int, seed: int) -> Looking[Judged]:
    """The concepts of one place, weighed."""
    pieces = yield from pieces_of(read, place, crop)
    yield from Step((0, len(read)))
    where = read[0].spots[place].address
    bank = bank_of(pieces.vectors, count, seed, where)
    each: list[Weighed] = []
    for i, one in enumerate(read):
        each.append((yield from weighed(one, one.spots[place], bank, masks, seed, (i, len(read)))))
    return judged(bank, pieces, each, where)
