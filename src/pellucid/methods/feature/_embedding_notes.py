"""What a plane of samples says beside its points: what it lost, and what must not be read into it."""

from typing import Any

from pellucid.core.text import Text
from pellucid.engine.sweeps.request import Gathered
from pellucid.methods.feature._grouped import Grouped
from pellucid.methods.feature._neighbours import Neighbours, chance, kept
from pellucid.methods.feature._plane import Plane
from pellucid.results import spell


def axes_of(plane: Plane) -> tuple[Text, Text]:
    """What the two axes are."""
    if plane.perplexity is not None:
        return Text("t-SNE 1"), Text("t-SNE 2")
    shares = [spell.percent(share) for share in (*plane.variance, 0.0)[:2]]
    first, second = (
        Text(f"component {i} ({share} of the variance)", f"第 {i} 主成分（占方差 {share}）")
        for i, share in enumerate(shares, 1)
    )
    return first, second


def facts_of(plane: Plane, shown: Grouped, found: tuple[Neighbours, Neighbours]) -> dict[str, Any]:
    """Numbers of a plane, each for the layer and for the plane."""
    layer, below = found
    facts: dict[str, Any] = {
        "drawn": len(plane.positions),
        "nearest neighbours kept": kept(layer, below),
    }
    if plane.perplexity is None:
        facts["explained variance"] = tuple(float(share) for share in plane.variance)
    else:
        facts |= {"variance before t-SNE": float(plane.variance.sum()), "perplexity": plane.perplexity}
    if layer.agreement is not None:
        facts["same class nearest"] = {
            "layer": layer.agreement,
            "plane": below.agreement,
            "by chance": chance(shown.codes),
        }
        facts["silhouette"] = {"layer": layer.silhouette, "plane": below.silhouette}
    return facts


def notes_of(
    one: Gathered, plane: Plane, shown: Grouped, found: tuple[Neighbours, Neighbours], broken: int
) -> tuple[Text, ...]:
    """What the reader must know."""
    return (
        *_lost(shown, found),
        *_meaningless(plane),
        *_drawn(one, plane, broken),
    )


def _lost(shown: Grouped, found: tuple[Neighbours, Neighbours]) -> list[Text]:
    layer, below = found
    share = spell.percent(kept(layer, below))
    count = layer.nearest.shape[1]
    notes = [
        Text(
            f"Of the {count} nearest neighbours of each sample in the layer the plane keeps {share}."
            if count > 1
            else f"Of the nearest neighbours in the layer the plane keeps {share}.",
            f"平面保留了每个样本在该层中 {count} 个最近邻的 {share}。"
            if count > 1
            else f"平面保留了该层最近邻的 {share}。",
        )
    ]
    if layer.agreement is not None and below.agreement is not None:
        inside, drawn, blind = (spell.percent(one) for one in (layer.agreement, below.agreement, chance(shown.codes)))
        said = shown.said
        notes.insert(
            0,
            Text(
                f"The nearest neighbour has the same {said.en} in {inside} of the cases in the layer itself and in"
                f" {drawn} in this plane ({blind} by chance).",
                f"最近邻{said.say('zh')}相同的比例：在该层自身的空间中为 {inside}，在此平面中为 {drawn}（随机为 {blind}）。",
            ),
        )
    return notes


def _meaningless(plane: Plane) -> list[Text]:
    if plane.perplexity is None:
        return []
    used = spell.number(plane.perplexity)
    return [
        Text(
            f"t-SNE with perplexity {used}: distances between groups and sizes of groups mean little.",
            f"t-SNE，困惑度 {used}：组间距离与组的大小没有多少意义。",
        )
    ]


def _drawn(one: Gathered, plane: Plane, broken: int) -> list[Text]:
    notes: list[Text] = []
    seen, drawn = int(one.state["seen"]), len(plane.positions) + broken
    if seen > drawn:
        notes.append(
            Text(
                f"{drawn:,} of {seen:,} samples, drawn at random.",
                f"从 {seen:,} 个样本中随机抽取 {drawn:,} 个。",
                aside=True,
            )
        )
    if broken:
        notes.append(
            Text(
                f"{broken} samples are left out because the layer is not finite there.",
                f"{broken} 个样本因该层出现非有限值而略去。",
            )
        )
    if one.layout is not None and one.layout.prefix:
        notes.append(
            Text(
                "The mean over positions takes in the class token and its like; for it alone give what the head reads.",
                "对位置取的均值包含类别 token 等；若只要类别 token，请给出分类头所读取的层。",
                aside=True,
            )
        )
    return notes
