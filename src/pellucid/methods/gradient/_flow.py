"""What one backward tells of the gradient's way: where it is lost or too strong, and in words."""

import numpy as np

from pellucid.core.text import Text

VANISHING, EXPLODING, NOTABLE = 1e-3, 1e3, 0.1
_VERDICTS = {
    "steady": "平稳",
    "falling": "逐层减弱",
    "rising": "逐层增强",
    "vanishing": "消失",
    "exploding": "爆炸",
    "zero": "处处为零",
    "not finite": "出现非有限值",
}


def said(verdict: str, slope: float, marked: int, layers: int) -> Text:
    """The verdict in words: at how many layers where it is not the whole network's, and the factor per layer."""
    some = verdict in ("vanishing", "exploding")
    at, where = (f" at {marked} of {layers} layers", f"在 {layers} 层中的 {marked} 层") if some else ("", "")
    factor = f" (× {slope:.3g} per layer)", f"（每层 × {slope:.3g}）"
    en, zh = factor if np.isfinite(slope) and verdict != "not finite" else ("", "")
    return Text(
        f"On its way back the gradient is {verdict}{at}{en}.",
        f"反传途中，梯度{where}{_VERDICTS[verdict]}{zh}。",
        aside=verdict == "steady",
    )


def marked(flow: np.ndarray) -> tuple[dict[int, Text], str]:
    """Where the gradient is lost or too strong, compared with the last layer's."""
    bad = ~np.isfinite(flow)
    if bad.any():
        return {int(i): Text("not finite", "非有限值") for i in np.flatnonzero(bad)}, "not finite"
    first, last = flow[0], flow[-1]
    if not flow.any():
        return {int(i): Text("zero", "为零") for i in range(len(flow))}, "zero"
    low, high = flow < VANISHING * last, flow > EXPLODING * last
    marks = {int(i): Text("vanishing", "梯度消失") for i in np.flatnonzero(low)}
    marks.update({int(i): Text("exploding", "梯度爆炸") for i in np.flatnonzero(high)})
    marks.update({int(i): Text("zero: vanished", "为零：梯度消失") for i in np.flatnonzero(flow == 0)})
    if low.any() or high.any():
        return marks, "vanishing" if low.any() else "exploding"
    return marks, "falling" if first < NOTABLE * last else "rising" if NOTABLE * first > last else "steady"


def slope_of(flow: np.ndarray) -> float:
    """Factor per layer on the way back, by a straight line through the logarithms; 1 is steady."""
    good = np.isfinite(flow) & (flow > 0)
    if good.sum() < 2:
        return float("nan")
    return float(np.exp(-np.polyfit(np.flatnonzero(good), np.log(flow[good]), 1)[0]))
