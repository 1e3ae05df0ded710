"""How a training fares: in one sentence, and a line with a small curve for each metric."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.monitor.history import Curve, History
from pellucid.methods.gradient._training import flow_words, skipped_words
from pellucid.results import spell

BARS, BROKEN, WIDTH = "▁▂▃▄▅▆▇█", "×", 20
FEWEST, SPAN, SHARE, MOVED = 5, 20, 10, 0.03  # values, steps, one part of so many, a share
CERTAIN = 3.0  # standard errors
STATES = {
    "running": Text("under way", "进行中"),
    "finished": Text("finished", "已完成"),
    "interrupted": Text("interrupted", "已中断"),
    "killed": Text("ended without a word: it was killed, or the machine stopped", "突然终止：进程被杀死或机器停止"),
    "stopped": Text("finished, but watching ended before it", "已完成，但监视提前终止"),
    "unwritten": Text("no longer recorded: the folder could not be written", "记录中断：文件夹无法写入"),
    "damaged": Text("how it ended is unknown: its record is damaged", "结局未知：记录已损坏"),
}
STYLES = {"high": "bold red", "medium": "yellow"}


def standing(history: History) -> tuple[Text, str]:
    """Whose training it is, how far it is, and whether it goes on; and the style in which that is said."""
    state = STATES.get(history.state, Text(f"ended by {history.state}", f"因错误终止：{history.state}"))
    seconds, name, steps = history.facts("seconds"), history.about.get("model", ""), history.last + 1
    en, zh = f"{name}: {state.en}; {steps:,} steps", f"{name}：{state.zh}；共 {steps:,} 步"
    if len(seconds.values) and seconds.values[-1] >= 1:
        passed = timedelta(seconds=round(float(seconds.values[-1])))
        en, zh = f"{en} in {passed}", f"{zh}，用时 {passed}"
    return Text(en, zh), "bold" if history.state in ("running", "finished", "interrupted") else STYLES["high"]


def verdict(history: History) -> tuple[Text, str]:
    """Whether it learns, by the loss of training; and the style in which that is said."""
    name = next((one for one in history.metrics if _is_loss(one)), None)
    values = history.metrics[name].values if name is not None else np.array([])
    if len(values) and not np.isfinite(values[-1]):
        since = int(history.metrics[str(name)].steps[_last_finite(values) + 1])
        return Text(f"'{name}' is not finite since step {since}.", f"“{name}”自第 {since} 步起为非有限值。"), STYLES[
            "high"
        ]
    finite = values[np.isfinite(values)]
    steps = history.metrics[name].steps if name is not None else np.zeros(1)
    if len(finite) < FEWEST or steps[-1] - steps[0] + 1 < SPAN:
        return Text("Too little was logged to say whether it learns.", "记录太少，尚不能判断是否在学习。"), ""
    part = max(1, len(finite) // SHARE)
    first, last = float(finite[:part].mean()), float(finite[-part:].mean())
    moved = (first - last) / max(abs(first), abs(last), 1e-12)
    ends = f"{spell.number(first)} → {spell.number(last)}"
    if abs(moved) > MOVED and abs(first - last) <= CERTAIN * _noise(finite) * (2 / part) ** 0.5:
        en, zh = f"'{name}' moves less than it scatters, {ends}", f"“{name}”的变化小于其波动，{ends}"
        return Text(f"Not clear yet whether it learns: {en}.", f"尚不清楚是否在学习：{zh}。"), ""
    if moved > MOVED:
        return Text(f"It learns: '{name}' fell, {ends}.", f"正在学习：“{name}”已下降，{ends}。"), "green"
    if moved < -MOVED:
        return Text(f"It gets worse: '{name}' rose, {ends}.", f"变差了：“{name}”已上升，{ends}。"), STYLES["high"]
    return Text(f"It does not learn: '{name}' stays, {ends}.", f"没有学习：“{name}”几乎不变，{ends}。"), STYLES[
        "medium"
    ]


def troubles(history: History) -> Iterator[tuple[Text, str]]:
    """What went wrong, each with its style: where values broke, how the gradient flows, what checks of a run find."""
    if history.born is not None:
        yield history.born.words, STYLES["high"]
    for words in flow_words(history):
        yield words, STYLES["medium"]
    for words in skipped_words(history):
        yield words, ""
    from pellucid.diagnose.check import Case, checks  # with torch, which takes seconds: all else is told by then

    case: Any = Case(None, run=history)  # pyright: ignore[reportArgumentType] - these checks ask for the run alone
    for one in checks():
        for noticed in _noticed(one.start(case)) if one.needs == ("run",) else ():
            if noticed.severity != "high" and history.born is not None:
                continue  # what broke is known already
            title, said, advice = one.title, noticed.said, noticed.advice or one.advice
            words = Text(f"{title.en}: {said.en} {advice.en}", f"{title.zh}：{said.zh}{advice.zh}")
            yield words, STYLES.get(noticed.severity, "")


def courses(history: History, lang: str) -> list[tuple[str, str]]:
    """A line for each metric and the learning rate: a small curve, its ends, and its best value."""
    rows = [(name, course(name, curve, lang)) for name, curve in history.metrics.items()]
    rates = history.facts("rate.0")
    if len(rates.steps):
        rows.append((Text("learning rate", "学习率").say(lang), course("rate", rates, lang)))
    return rows


def course(name: str, curve: Curve, lang: str) -> str:
    """`█▅▃▂▁  2.3 → 0.41, lowest 0.38 at step 1,100`; of what is no loss the highest value too."""
    values = curve.values
    if (values == values[0]).all():
        return f"{bars(values)}  {spell.number(float(values[0]))}"
    ends = f"{spell.number(float(values[0]))} → {spell.number(float(values[-1]))}"
    inside = np.where(np.isfinite(values), values, np.nan)
    words = [ends]
    best = [("lowest", "最低", np.nanargmin), ("highest", "最高", np.nanargmax)][: 1 if "loss" in name.lower() else 2]
    for en, zh, place in best if np.isfinite(values).any() else ():
        at = int(place(inside))
        if 0 < at < len(values) - 1:
            value, step = spell.number(float(values[at])), int(curve.steps[at])
            words.append(Text(f"{en} {value} at step {step:,}", f"{zh} {value}（第 {step:,} 步）").say(lang))
    return f"{bars(values)}  {Text(', '.join(words), '，'.join(words)).say(lang)}"


def bars(values: np.ndarray) -> str:
    """A curve of at most 20 signs; where nothing is finite is a cross."""
    groups = [one[np.isfinite(one)] for one in np.array_split(values.astype(float), min(WIDTH, len(values)))]
    means = np.array([one.mean() if len(one) else np.nan for one in groups])
    finite = means[np.isfinite(means)]
    if not len(finite):
        return BROKEN * len(means)
    low, high = float(finite.min()), float(finite.max())
    if low > 0 and high > 100 * low:
        means, low, high = np.log(means), float(np.log(low)), float(np.log(high))
    flat = high - low <= 1e-9 * max(abs(low), abs(high))
    height = means * 0 + 0.4 if flat else (means - low) / (high - low)
    return "".join(BROKEN if np.isnan(one) else BARS[round(one * (len(BARS) - 1))] for one in height)


def _noticed(steps: Any) -> list[Any]:
    """What a check that makes no pass returns; nothing where it does not apply."""
    try:
        while True:
            next(steps)
    except StopIteration as ended:
        return list(ended.value)
    except NotApplicable:
        return []


def _noise(values: np.ndarray) -> float:
    """The standard deviation of one value around its course, by the median change from value to value."""
    changes = np.diff(values)
    return 1.4826 * float(np.median(np.abs(changes - np.median(changes)))) / 2**0.5


def _last_finite(values: np.ndarray) -> int:
    """The place of the last finite value; -1 where there is none."""
    return int(np.flatnonzero(np.isfinite(values))[-1]) if np.isfinite(values).any() else -1


def _is_loss(name: str) -> bool:
    return "loss" in name.lower() and not any(part in name.lower() for part in ("val", "eval", "test"))
