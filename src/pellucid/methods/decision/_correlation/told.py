"""How maps of units over the input were made, in words."""

from math import prod

from pellucid.core.text import Text
from pellucid.engine.sweeps.reducers import State
from pellucid.methods.decision._correlation.estimate import CERTAIN, MENDED, Estimate
from pellucid.methods.decision._correlation.window import Place
from pellucid.results import spell

_COLOURS = Text(
    "In each tile the colours of the input stand beside each other: red, green, blue.",
    "每格内从左到右依次是输入的红、绿、蓝三个颜色通道。",
    aside=True,
)


_IN_A_ROW = {
    1: (
        Text(
            "Each tile holds the values of the input in their order, from left to right.",
            "每格从左到右依次是输入的各个值。",
            aside=True,
        ),
    ),
    2: (
        Text(
            "Each row of a tile is a channel of the input, from left to right its steps in order.",
            "每格中一行是输入的一个通道，从左到右依次是各个时间步。",
            aside=True,
        ),
    ),
}


def about(place: Place, found: Estimate, state: State, shown: int | None) -> tuple[Text, ...]:
    """Everything that a reader must know.

    Args:
        shown: how many units are drawn; None: all that were looked at are listed.
    """
    said = [_sees(place), *_single(place), _pairs(place, found)]
    if shown is not None and shown < place.channels and not place.asked:
        said.append(_chosen(place, shown))
    said += [*_whitened(found), *_gone(place, found), *_left(place, state)]
    return tuple(said)


def beside(place: Place, most: int) -> tuple[Text, ...]:
    """How the channels of the input share a tile."""
    if len(place.box) < 3 or place.box[0] == 1:
        return _IN_A_ROW.get(len(place.box), ())
    if place.box[0] > most:
        return (
            Text(
                f"Of the {place.box[0]} channels of the input each tile shows the one after ←, in which it is strongest.",
                f"输入有 {place.box[0]} 个通道，每格只画 ← 之后的那一个，即其值最强的通道。",
                aside=True,
            ),
        )
    if place.box[0] == len("RGB") and place.picture == "image":
        return (_COLOURS,)
    return (
        Text(
            f"In each tile the {place.box[0]} channels of the input stand beside each other.",
            f"每格内从左到右依次是输入的 {place.box[0]} 个通道。",
            aside=True,
        ),
    )


def _extent(place: Place) -> tuple[str, str]:
    """The sides of the box; along one axis with what it counts."""
    size = " × ".join(map(str, place.window.size))
    return (f"{size} steps", f"{size} 步") if len(place.window.size) == 1 else (size, size)


def _sees(place: Place) -> Text:
    size, size_zh = _extent(place)
    if place.sees == "part" and not place.zero_outside:
        return Text(
            f"A unit sees {size} of the input, and the map covers that alone. What lies outside has no effect on the unit, "
            "though it correlates with it as far as it is like what lies inside.",
            f"一个单元能看到输入的 {size_zh}，图只画此范围。框外的输入对该单元没有影响，但若与框内相似，也会与它相关。",
            aside=True,
        )
    if place.sees == "part":
        return Text(
            f"A unit sees {size} of the input; outside that box its map is zero by construction.",
            f"一个单元能看到输入的 {size_zh}；框外的值按定义为零。",
            aside=True,
        )
    if place.sees == "local":
        return Text(
            f"A unit sees {size} of the input along its local paths; what it reads of the rest through means or "
            "attention over the whole input is not in the map.",
            f"沿局部路径，一个单元能看到输入的 {size_zh}；通过对整个输入的平均或注意力读到的其余部分不在图中。",
        )
    if place.sees == "whole":
        return Text("A unit here sees the whole input.", "此处的单元能看到整个输入。", aside=True)
    return Text(
        "What a unit here sees is not known, so its map covers the whole input.",
        "此处单元所能看到的范围未知，因此图覆盖整个输入。",
        aside=True,
    )


def _single(place: Place) -> list[Text]:
    if place.single == "field":
        return [
            Text(
                "Only the unit in the middle is looked at: no other has all of its box inside the input.",
                "只看中央的单元：其他单元的框都伸出输入之外。",
                aside=True,
            )
        ]
    if place.single == "size":
        return [
            Text(
                f"Only the unit in the middle is looked at: a box of {prod(place.box):,} values leaves room for one.",
                f"只看中央的单元：框含 {prod(place.box):,} 个值，只容得下一个。",
                aside=True,
            )
        ]
    if place.positions > 1 and place.sees in ("whole", ""):
        return [Text("Of its positions the one in the middle is looked at.", "各位置中只看中央的一个。", aside=True)]
    return []


def _pairs(place: Place, found: Estimate) -> Text:
    many = place.pairs > 1
    each, each_zh = (
        (f", up to {place.pairs:,} of each sample", f"，每个样本至多 {place.pairs:,} 对") if many else ("", "")
    )
    band, chance = spell.percent(CERTAIN), spell.percent(1 - CERTAIN)
    return Text(
        f"{found.pairs:,} pairs of a box and a unit{each}. The numbers are a map's largest value ± its standard error, "
        f"a jackknife over {found.groups} groups of samples. Above noise is what lies outside its {band} band; "
        f"chance alone leaves {chance} there.",
        f"共 {found.pairs:,} 对（框，单元）{each_zh}。数字为图中绝对值最大的值 ± 其标准误，后者由 {found.groups} 组样本的刀切法得出。"
        f"“高于噪声”指超出其 {band} 区间；纯属偶然时也有 {chance} 在外。",
        aside=True,
    )


def _chosen(place: Place, shown: int) -> Text:
    looked = len(place.units)
    among, among_zh = (
        ("", "")
        if looked == place.channels
        else (f", of {looked} evenly chosen ones that were looked at", f"（从均匀选取的 {looked} 个中）")
    )
    return Text(
        f"Shown are the {shown} of {place.channels} channels whose maps stand out most from noise{among}.",
        f"所示为 {place.channels} 个通道中最明显高于噪声的 {shown} 个{among_zh}。",
        aside=True,
    )


def _whitened(found: Estimate) -> list[Text]:
    ridge = f"{found.ridge:g}"
    if not found.how:
        return []
    by = {
        "own": Text(
            "Whitened by the covariance of the input's values in these very pairs: least squares.",
            "以这些样本自身的输入协方差白化：即最小二乘。",
            aside=True,
        ),
        "white": Text("Whitened by the known variance of the noise.", "以已知的噪声方差白化。", aside=True),
    }[found.how]
    if found.mended:
        return [
            by,
            Text(
                f"The covariance of the input's values is singular, so {MENDED:g} of its mean variance was added to its "
                "diagonal (ridge): details that the data do not show are damped, not found.",
                f"输入的协方差奇异，故在对角线上加了平均方差的 {MENDED:g} 倍（岭）：数据未显示的细节被压低，而非被找出。",
            ),
        ]
    if found.ridge:
        return [
            by,
            Text(
                f"{ridge} of the mean variance was added to the diagonal (ridge).",
                f"对角线上加了平均方差的 {ridge} 倍（岭）。",
            ),
        ]
    return [by]


def _gone(place: Place, found: Estimate) -> list[Text]:
    said: list[Text] = []
    dead = int(found.dead.sum())
    if dead:
        were = (
            "channel that was looked at never varies and has"
            if dead == 1
            else "channels that were looked at never vary and have"
        )
        said.append(Text(f"{dead} {were} no map.", f"所看的通道中有 {dead} 个从不变化，没有图。"))
    if found.fixed:
        said.append(
            Text(
                f"{found.fixed} of {place.pixels} values of the box never vary: nothing can be said of them, and they are zero.",
                f"框内 {place.pixels} 个值中有 {found.fixed} 个从不变化：对其无从判断，记为零。",
            )
        )
    return said


def _left(place: Place, state: State) -> list[Text]:
    other, broken = int(state["other"]), int(state["broken"])
    shape = " × ".join(map(str, place.shape))
    said: list[Text] = []
    if other:
        said.append(
            Text(
                f"{other} samples are of another shape than {shape}, and do not count.",
                f"有 {other} 个样本的形状不是 {shape}，不计在内。",
            )
        )
    if broken:
        said.append(Text(f"{broken} pairs are not finite, and do not count.", f"有 {broken} 对不是有限数，不计在内。"))
    return said
