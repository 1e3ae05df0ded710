"""Occlusion: cover one part of the input after another and see what happens to the target."""

from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text
from pellucid.engine.passes import Covered, Looking, Pass
from pellucid.engine.targets.target import Target
from pellucid.inputs.attributed_groups import attributed_groups, on_grid
from pellucid.inputs.groups import GroupsSetting, grouped
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._coalitions import BLACK_BOX, Baselines, Game, covered_scores, opened, scored
from pellucid.ops.windows import averaged, one_per_axis, sliding_windows
from pellucid.registry import method
from pellucid.results import Attribution

Size = Annotated[int, Ge(1)] | tuple[int, ...]
SHARES = {1: 12, 2: 7, 3: 4}


@method(
    title=Text("Occlusion", "遮挡"),
    question=Text("What happens to this output when a part is covered?", "遮住某一部分，该输出会怎样变化？"),
    shows=Text(
        "Red: covering this part lowers the score, it spoke for the target. Blue: covering it raises the score.",
        "红色：遮住此处会使得分下降，它支持目标；蓝色：遮住此处反而使得分上升。",
    ),
    cannot=Text(
        "What parts do together: if two of them say the same, covering one alone changes little. Detail finer than the window.",
        "各部分的共同作用：若两处提供相同的信息，单独遮住其一几乎没有变化。也看不到比窗口更细的内容。",
    ),
    check=Text(
        "Take another fill (baselines='blur') and another window: what matters stays; a patch of an odd colour can itself be evidence. Where blue lies on the object, ask pl.contrast(a, b): covering may raise the scores of all classes.",
        "换一种填充（baselines='blur'）和窗口大小：真正重要的部分应保持不变；突兀的色块本身也可能成为证据。若物体上出现蓝色，请改用 pl.contrast(a, b)：遮挡可能同时抬高所有类别的得分。",
    ),
    needs=BLACK_BOX,
    formula="O_w = f_t(x) − f_t(x with window w replaced); a cell has the mean of its windows",
    paper="Zeiler and Fergus 2014, arXiv:1311.2901",
    steps=Text(
        "1. Score the input. 2. Replace the first window by the fill and score again. 3. Slide the window on. 4. The fall of the score is the window's value. 5. Where windows overlap, take the mean.",
        "1. 计算输入的得分。2. 用填充值替换第一个窗口，再次计算得分。3. 移动窗口。4. 得分的下降量即该窗口的值。5. 窗口重叠处取平均。",
    ),
)
def occlusion(
    x: Inputs,
    target: Target,
    size: Size | None = None,
    stride: Size | None = None,
    baselines: Baselines = 0.0,
    groups: GroupsSetting | None = None,
    batch_size: Annotated[int, Ge(1)] | None = None,
) -> Looking[tuple[Attribution, ...]]:
    """The fall of the target when a window is replaced, for windows everywhere; all channels are covered.

    Args:
        size: of the window, one number or one per axis. None: a seventh of an image's sides, a twelfth of a series, a
            quarter of a volume, one token, one column.
        stride: from one window to the next, at most `size`; None: half of it.
        baselines: what a window is filled with: a number, a tensor like the input, `"mean"` or `"blur"`; of an integer
            input it is an embedding; a tuple of these, one per explained input.
        groups: cover these groups instead of windows, one at a time (`"superpixels"`, `"words"`, labels, ...).
        batch_size: most rows in one pass; None: as many as run well.
    Returns:  Attribution on the input's grid in units of the target; `facts` hold the score and the number of windows.
    Raises:   NotApplicable for an integer input that no embedding reads.
    Source:   Zeiler and Fergus 2014, arXiv:1311.2901, section 4.2.
    """
    game = yield from opened(x, target, baselines, batch_size)
    seen = game.seen
    said: dict[str, Any] = {"signed": True, "targets": seen.targets, "notes": seen.notes, "unit": seen.targets[0].unit}
    facts: dict[str, Any] = {"score": tuple(seen.scores.tolist())}
    if groups is not None:
        if size is not None or stride is not None:
            raise BadSetting("size= and stride= belong to windows; with groups= one group after another is covered")
        found = grouped(x, groups)
        total, falls = sum(found.count), list[Tensor]()
        for i, count in enumerate(found.count):
            every = torch.eye(count, dtype=torch.bool)
            scores = yield from covered_scores(game, found, i, every, sum(found.count[:i]), total)
            falls.append(game.full(i) - scores)
        return attributed_groups(x, found, falls, facts=facts, **said)
    results: list[Attribution] = []
    for name, fill in game.fills.items():
        behind = x.is_discrete or fill.ndim < 3
        grid = tuple(fill.shape[1:2]) if behind else tuple(fill.shape[2:])
        wide = one_per_axis(
            "size", size, tuple(1 if behind else max(1, round(one / SHARES.get(len(grid), 4))) for one in grid)
        )
        step = one_per_axis("stride", stride, tuple(max(1, one // 2) for one in wide))
        if any(one > most for one, most in zip(step, wide, strict=True)):
            raise BadSetting(f"stride {step} leaves gaps between windows of {wide}", hint="at most the size")
        windows = sliding_windows(grid, wide, step)
        maps: list[Tensor] = []
        for i in range(x.size):
            scores = yield from _covered(game, name, i, windows)
            maps.append(averaged(windows, game.full(i) - scores, grid))
        value = torch.stack(maps)
        value = value[..., None] if x.is_discrete else value if behind else value[:, None]
        known = {**facts, "windows": len(windows), "size": wide, "stride": step}
        notes = (*seen.notes, _told(windows, wide, step, baselines))
        results.append(on_grid(x, name, value, facts=known, **{**said, "notes": notes}))
    return tuple(results)


def _covered(game: Game, name: str, example: int, windows: Tensor) -> Looking[Tensor]:
    """Scores of one example with each of the windows replaced."""
    alone, fill = game.x.rows(example, example + 1), game.fill(example)[name]
    alike = not game.x.is_discrete and len(alone.tensors) == 1 and fill.ndim > 2
    found: list[Tensor] = []
    done, total = example * len(windows), game.x.size * len(windows)
    for part in windows.split(game.rows):
        step = (done + sum(map(len, found)), total)
        if alike:
            seen = yield from Pass(alone, target=game.target, start=example, covered=Covered(part, fill), step=step)
            found.append(seen.scores.detach().cpu().double())
        else:
            found.append((yield from scored(game, _rows(alone, name, fill, part), example, step)))
    return torch.cat(found)


def _rows(alone: Inputs, name: str, fill: Tensor, windows: Tensor) -> Inputs:
    """The example once for each window of one of its inputs, with that window replaced."""
    many = alone.repeated(len(windows))
    values = (many.embedded if alone.is_discrete else many.tensors)[name].clone()
    channels = () if alone.is_discrete or fill.ndim < 3 else (slice(None),)
    for row, window in enumerate(windows.tolist()):
        at = (*channels, *(slice(start, stop) for start, stop in window))
        values[(row, *at)] = fill[(0, *at)]
    return many.replaced({name: values})


def _told(windows: Tensor, size: tuple[int, ...], stride: tuple[int, ...], baselines: Baselines) -> Text:
    """How much was covered at once, and by what."""
    wide, step = (" × ".join(map(str, sides)) for sides in (size, stride))
    fill = f"{baselines:g}" if isinstance(baselines, (int, float)) else baselines if isinstance(baselines, str) else ""
    words = {"blur": Text("the blurred input", "模糊后的输入"), "mean": Text("the mean", "均值")}
    by = words.get(fill, Text(fill or "the values given", f" {fill} " if fill else "给定的值"))
    if len(windows) == 1:
        return Text(
            f"One window covers the whole input, filled with {by.en}: the map is flat (a smaller size= tells parts apart).",
            f"一个窗口就盖住了整个输入，以{by.zh}填充：图是平的（减小 size= 才能区分各部分）。",
        )
    return Text(
        f"{len(windows)} windows of {wide}, one every {step}, each filled with {by.en}.",
        f"{len(windows)} 个窗口，大小 {wide}，步长 {step}，以{by.zh}填充。",
        aside=True,
    )
