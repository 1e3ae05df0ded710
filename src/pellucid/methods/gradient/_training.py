"""Pictures of a watched training: layer by step, curves of the metrics, and where it went wrong, in words."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from pellucid.core.errors import BadRequest, NotApplicable, nearest_names, quoted
from pellucid.core.provenance import Provenance
from pellucid.core.text import Text
from pellucid.engine.monitor.history import Grid, History
from pellucid.engine.monitor.sample import NAMES
from pellucid.methods.gradient._training_words import WORDS
from pellucid.results.matrix import Matrix
from pellucid.results.result import Result
from pellucid.results.series import Series

COLUMNS, POINTS, CURVES, NAMED = 48, 1500, 8, 8
VANISHING, EXPLODING = 1e-3, 1e3
HEALTHY = 1e-3  # of an update beside its weights, an old rule of thumb


def gradient_flow(history: History, layer: Any) -> Matrix:
    """How strong the gradient is at every layer's output, over the training; the notes say where it fails.

    Raises:
        NotApplicable: the run has none.
        BadRequest: it has no such layer.
    """
    grid = chosen(history, "flow", layer)
    return _matrix(history, grid, "gradient_flow", "flow", flow_words(history), log=True)


def gradient_maps(history: History, layer: Any) -> Matrix:
    """How strong the gradient of every layer's weights is, over the training; raises as `gradient_flow`."""
    return _matrix(history, chosen(history, "gradient", layer), "gradient_maps", "gradient", (), log=True)


def chosen(history: History, statistic: str, layer: Any) -> Grid:
    """One statistic at the layers that names and globs mean; roles such as "every weight" mean all.

    Raises:
        NotApplicable: the run has nothing of it.
        BadRequest: it has no such layer.
    """
    grid = history.grid(statistic)
    if not grid.values.size:
        what = NAMES["update" if statistic == "ratio" else statistic]
        raise NotApplicable(
            Text(f"the run holds no measurement of {what}", f"训练记录中没有 {what.zh} 的测量"),
            hint=Text("lens.watch(optimizer) from the first step", "请从第一步起使用 lens.watch(optimizer)"),
        )
    kept: set[int] = set()
    for one in layer if isinstance(layer, tuple) else (layer,):
        if not isinstance(one, str):
            raise NotApplicable(
                Text("a run knows its layers by name", "训练记录只以名称识别层"), hint=f"layer={grid.layers[0]!r}"
            )
        hit = [i for i, name in enumerate(grid.layers) if " " in one or name == one or fnmatchcase(name, one)]
        if not hit:
            raise BadRequest(
                Text(f"the run has no layer '{one}'", f"训练记录中没有层 '{one}'"),
                nearest=quoted(nearest_names(one, grid.layers)),
            )
        kept |= set(hit)
    which = sorted(kept)
    return Grid(grid.steps, tuple(grid.layers[i] for i in which), grid.values[:, which])


def updates(history: History, layer: Any) -> Series:
    """By how much a step moves the weights of every layer, beside their size; raises as `gradient_flow`."""
    grid = chosen(history, "ratio", layer)
    notes: tuple[Text, ...] = ()
    last = [_median(column) for column in grid.values[-max(1, len(grid.steps) // 4) :].T]
    still = [name for name, value in zip(grid.layers, last, strict=True) if value < 1e-2 * HEALTHY]
    wild = [name for name, value in zip(grid.layers, last, strict=True) if value > 30 * HEALTHY]
    if still:
        en, zh = _listed(still)
        notes += (Text(f"Hardly moves in the end: {en}.", f"后期几乎不再更新：{zh}。"),)
    if wild:
        en, zh = _listed(wild)
        notes += (Text(f"Moves by more than 3% a step in the end: {en}.", f"后期每步更新超过 3%：{zh}。"),)
    return _ribbons(history, grid, "updates", Text("‖ΔW‖ / ‖W‖ of a step", "每步 ‖ΔW‖ / ‖W‖"), notes)


def activations(history: History) -> list[Result]:
    """Spread of the activations of every layer, and the shares that are silent or saturated."""
    shown = [_by_step(history, "std", "activations", ())]
    for name in ("dead", "saturated"):
        grid = history.grid(name)
        if grid.values.size and np.nanmax(grid.values) > 0:
            shown.append(_matrix(history, grid, name, name, (), log=False))
    return [one for one in shown if one is not None]


def curves(history: History) -> list[Series]:
    """What was logged: a metric of training and its partner of validation together."""
    made: list[Series] = []
    born = history.born
    for family, names in _families(list(history.metrics)).items():
        every = {name: history.metrics[name] for name in names}
        steps = np.unique(np.concatenate([one.steps for one in every.values()]))
        positions, groups = _thinned(steps)
        shown: dict[str, np.ndarray] = {}
        for name, one in every.items():
            shown[name] = _means(np.full(len(steps), np.nan), np.searchsorted(steps, one.steps), one.values, groups)
        finite = np.concatenate([one[np.isfinite(one)] for one in shown.values()])
        wide = bool(finite.size) and float(finite.min()) > 0 and float(finite.max()) > 100 * float(finite.min())
        marks: dict[int, Text] = {}
        at = -1 if born is None else int(np.searchsorted(positions, born.step, side="right")) - 1
        if born is not None and at >= 0 and born.step <= steps[groups[at][-1]]:
            marks[at] = Text(f"not finite: step {born.step}", f"第 {born.step} 步：非有限值")
        made.append(
            Series(
                curves=shown,
                names={name: _named(name) for name in names},
                positions=tuple(map(float, positions)),
                position_unit=Text("step", "步"),
                unit=family,
                log=wide,
                marks=marks,
                notes=_what_went_wrong(history) + _thinning(groups, "point", "点"),
                provenance=_signed(history, "curves"),
            )
        )
    return made


def flow_words(history: History) -> tuple[Text, ...]:
    """Whether, where and since when the gradient vanishes or explodes on its way back."""
    grid = history.grid("flow")
    if grid.values.shape[1] < 2:
        return ()
    with np.errstate(all="ignore"):
        share = np.where(np.isfinite(grid.values), grid.values, np.nan)
        share = share[:, :-1] / share[:, -1:]
    found: list[Text] = []
    for low, en, zh in ((True, "vanishes", "消失"), (False, "explodes", "爆炸")):
        hit = share < VANISHING if low else share > EXPLODING
        steps = hit.any(1)
        if not steps.any():
            continue
        first = int(np.flatnonzero(steps)[0])
        at = int(np.nanargmin(share[first]) if low else np.nanargmax(share[first]))
        times = f"{share[first, at]:.2g}"
        found.append(
            Text(
                f"The gradient {en} on its way back at {steps.mean():.0%} of the measured steps, first at step "
                f"{grid.steps[first]}: at '{grid.layers[at]}' it is {times} times that of '{grid.layers[-1]}'.",
                f"在 {steps.mean():.0%} 的测量步中梯度反传时{zh}，首次出现于第 {grid.steps[first]} 步："
                f"“{grid.layers[at]}”处的梯度是“{grid.layers[-1]}”处的 {times} 倍。",
            )
        )
    return tuple(found)


_SYMBOLS = {"flow": "‖∂L/∂a‖", "gradient": "‖∂L/∂W‖", "std": "std(a)"}


def skipped_words(history: History) -> tuple[Text, ...]:
    """How many steps the loss scaler of mixed precision skipped, and which; nothing where it skipped none."""
    skipped = history.skipped
    if not skipped:
        return ()
    total = max(history.last, skipped[-1]) + 1 - (history.schedule[0][0] if history.schedule else 0)
    en, zh = _listed([str(step) for step in skipped])
    return (
        Text(
            f"The loss scaler skipped {len(skipped):,} of {total:,} steps, because a scaled gradient was not finite: {en}.",
            f"缩放后的梯度出现非有限值，损失缩放器因此跳过了 {total:,} 步中的 {len(skipped):,} 步：{zh}。",
        ),
    )


def _listed(names: Sequence[str]) -> tuple[str, str]:
    """The first names, and how many more there are, in both languages."""
    some, more = names[:NAMED], len(names) - NAMED
    en, zh = (f" and {more} more", f"等 {len(names)} 个") if more > 0 else ("", "")
    return ", ".join(some) + en, "、".join(some) + zh


def _what_went_wrong(history: History) -> tuple[Text, ...]:
    born = () if history.born is None else (history.born.words,)
    return (*born, *skipped_words(history), *history.notes)


def _by_step(history: History, statistic: str, method: str, notes: tuple[Text, ...]) -> Matrix | None:
    grid = history.grid(statistic)
    return _matrix(history, grid, method, statistic, notes, log=True) if grid.values.size else None


def _matrix(history: History, grid: Grid, method: str, statistic: str, notes: tuple[Text, ...], *, log: bool) -> Matrix:
    """Layers downward, steps to the right; the mean of neighbouring steps where there are many."""
    raw = grid.values.astype(np.float64)
    with np.errstate(all="ignore"):
        values = np.log10(np.where(np.isfinite(raw) & (raw > 0), raw, np.nan)) if log else raw
    groups = _groups(len(grid.steps), COLUMNS)
    shown = np.stack([_mean(values[group]) for group in groups], axis=1)
    notes = (*notes, *_what_went_wrong(history), *_thinning(groups, "column", "列"))
    missing = int((~np.isfinite(raw) | ((raw <= 0) & log)).sum())
    if missing and log:
        en = f"{missing} of {raw.size} values are zero, not finite or not measured and have no colour."
        notes += (Text(en, f"{raw.size} 个值中有 {missing} 个为零、非有限或未测量，不着色。"),)
    return Matrix(
        values=shown.astype(np.float32),
        axes=("layer", "step"),
        rows=grid.layers,
        columns=tuple(str(grid.steps[group[0]]) for group in groups),
        unit=f"log₁₀ {_SYMBOLS[statistic]}" if log else NAMES[statistic],
        notes=notes,
        provenance=_signed(history, method),
    )


def _ribbons(history: History, grid: Grid, method: str, unit: Text, notes: tuple[Text, ...]) -> Series:
    """A curve for each layer; of many layers the lowest, the quartiles and the highest."""
    positions, groups = _thinned(grid.steps)
    values = grid.values.T.astype(np.float64)
    if len(grid.layers) <= CURVES:
        shown: dict[str, np.ndarray] = dict(zip(grid.layers, values, strict=True))
        names: dict[str, Text] = {}
    else:
        measured = ~np.isnan(values).all(0)
        ribbon = {"100%": 1.0, "75%": 0.75, "50%": 0.5, "25%": 0.25, "0%": 0.0}
        shown = {key: np.full(values.shape[1], np.nan) for key in ribbon}
        for key, share in ribbon.items():
            shown[key][measured] = np.nanquantile(values[:, measured], share, axis=0)
        words = {
            "100%": ("highest layer", "最高层"),
            "50%": ("median layer", "中位层"),
            "0%": ("lowest layer", "最低层"),
        }
        names = {key: Text(*both) for key, both in words.items()}
    return Series(
        curves={name: np.array([_mean(curve[group]) for group in groups]) for name, curve in shown.items()},
        names=names,
        positions=tuple(map(float, positions)),
        position_unit=Text("step", "步"),
        unit=unit,
        log=True,
        notes=(*notes, *_what_went_wrong(history), *_thinning(groups, "point", "点")),
        provenance=_signed(history, method),
    )


def _signed(history: History, method: str) -> Provenance:
    about = history.about
    return Provenance(
        method,
        "gradient",
        words=WORDS.get(method),
        model=str(about.get("model", "")),
        versions=dict(about.get("versions", {})),
        code="run.pictures()",
    )


def _families(names: Sequence[str]) -> dict[str, list[str]]:
    """Metrics that belong together: `loss`, `train_loss` and `val_loss` are one family, `loss`."""
    made: dict[str, list[str]] = {}
    for name in names:
        parts = [one for one in name.replace("/", "_").split("_") if one.lower() not in _SIDES]
        made.setdefault("_".join(parts) or name, []).append(name)
    return made


_VALIDATION = Text("validation", "验证")
_SIDES = {
    "train": Text("training", "训练"),
    "test": Text("test", "测试"),
    **dict.fromkeys(("val", "eval", "valid", "validation"), _VALIDATION),
}


def _named(name: str) -> Text:
    """A metric with the side that it is of."""
    side = next((_SIDES[one.lower()] for one in name.replace("/", "_").split("_") if one.lower() in _SIDES), None)
    side = side or _SIDES["train"]
    return Text(f"{name} ({side.en})", f"{name}（{side.zh}）") if name.lower() not in _SIDES else side


def _thinned(steps: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    groups = _groups(len(steps), POINTS)
    return np.array([steps[group[0]] for group in groups], np.int64), groups


def _groups(count: int, most: int) -> list[np.ndarray]:
    """Numbers 0 to `count` in at most `most` runs of one length (the last may be shorter)."""
    size = -(-count // most)
    return [np.arange(start, min(start + size, count)) for start in range(0, count, max(1, size))]


def _thinning(groups: Sequence[np.ndarray], en: str, zh: str) -> tuple[Text, ...]:
    """What a column or point is where steps are taken together."""
    most = max(map(len, groups), default=1)
    if most < 2:
        return ()
    return (
        Text(
            f"A {en} is the mean of up to {most} measured steps, and is called by the first of them.",
            f"每{zh}为至多 {most} 个测量步的平均，以其中第一步标注。",
            aside=True,
        ),
    )


def _means(empty: np.ndarray, at: np.ndarray, values: np.ndarray, groups: list[np.ndarray]) -> np.ndarray:
    empty[at] = values
    return np.array([_mean(empty[group]) for group in groups])


def _median(values: np.ndarray) -> float:
    """The median of what is finite; NaN where nothing is."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean over the first axis of what is finite; NaN where nothing is."""
    finite = np.isfinite(values)
    count = finite.sum(0)
    total = np.where(finite, values, 0.0).sum(0)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)
