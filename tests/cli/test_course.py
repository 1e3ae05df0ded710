import math

import numpy as np
import pytest

from pellucid.cli.course import bars, courses, standing, troubles, verdict
from pellucid.engine.monitor.history import History
from pellucid.engine.monitor.sample import Birth, Logged, Row, Sample, Told


def history(*values, **metrics):
    made = History(about={"model": "Net"})
    made.add([Told(rows=(Row("a", "Linear", 4), Row("b", "Linear", 4)))])
    for name, series in {"loss": values, **metrics}.items():
        made.add([Logged(step, name, value) for step, value in enumerate(series)])
    return made


FALLS = [2.0 - 0.1 * i for i in range(20)]


@pytest.mark.parametrize(
    ("values", "en", "zh", "style"),
    [
        (FALLS, "It learns: 'loss' fell, 1.95 → 0.15.", "正在学习", "green"),
        (FALLS[::-1], "It gets worse: 'loss' rose, 0.15 → 1.95.", "变差了", "bold red"),
        (
            [1.9, 1.7, *[1.5, 1.8] * 10, 1.7, 1.5],
            "Not clear yet whether it learns: 'loss' moves less than it scatters, 1.8 → 1.6.",
            "尚不清楚",
            "",
        ),
        (FALLS[:12], "Too little was logged", "记录太少", ""),
        ([1.0, 1.01] * 10, "It does not learn: 'loss' stays", "没有学习", "yellow"),
        ([1.0] * 4 + [math.nan] * 3, "'loss' is not finite since step 4.", "自第 4 步起", "bold red"),
        ([math.inf] * 3, "'loss' is not finite since step 0.", "自第 0 步起", "bold red"),
        ([2.0, 1.0], "Too little was logged", "记录太少", ""),
        ([], "Too little was logged", "记录太少", ""),
    ],
)
def test_the_verdict_goes_by_the_loss_of_training(values, en, zh, style):
    for validation in ({}, {"val_loss": FALLS}):
        words, found = verdict(history(*values, **validation))
        assert words.en.startswith(en) and zh in words.zh and found == style


def test_the_state_is_told_with_steps_and_time():
    made = history(*FALLS)
    made.add([Sample(30, 75.2, {"gradient": np.ones(2)})])
    assert standing(made)[0].en == "Net: under way; 31 steps in 0:01:15"
    assert standing(made)[0].zh == "Net：进行中；共 31 步，用时 0:01:15"
    for state, words, style in (
        ("killed", "ended without a word", "bold red"),
        ("ValueError: no such word", "ended by ValueError: no such word", "bold red"),
        ("interrupted", "interrupted", "bold"),
    ):
        made.state = state
        assert words in standing(made)[0].en and standing(made)[1] == style


@pytest.mark.parametrize(
    ("values", "signs"),
    [
        (np.arange(8.0), "▁▂▃▄▅▆▇█"),
        (np.array([0.0, math.nan, 1.0]), "▁×█"),
        (np.full(3, 0.05), "▄▄▄"),
        (np.full(2, math.inf), "××"),
        (np.array([1e-6, 1e-3, 1.0]), "▁▅█"),  # over many decades by the logarithm
        (np.repeat(np.arange(24.0), 50), None),
    ],
)
def test_a_curve_of_signs(values, signs):
    assert bars(values) == signs if signs else len(bars(values)) == 20


def test_each_metric_has_a_line():
    made = history(3.0, 1.0, 2.0, accuracy=[0.1, 0.9, 0.5], constant=[4.0, 4.0])
    made.add([Sample(step, 0.0, {}, {"rate.0": 0.1}) for step in range(3)])
    assert courses(made, "en") == [
        ("loss", "█▁▅  3 → 2, lowest 1 at step 1"),
        ("accuracy", "▁█▅  0.1 → 0.5, highest 0.9 at step 1"),
        ("constant", "▄▄  4"),
        ("learning rate", "▄▄▄  0.1"),
    ]
    assert courses(made, "zh")[0] == ("loss", "█▁▅  3 → 2，最低 1（第 1 步）")


def test_what_went_wrong_is_told():
    over = history(*FALLS, val_loss=[1.0, 0.5, 0.4, 0.4, 0.5, 0.7, 0.9, 1.0, 1.1, 1.2])
    ((words, style),) = troubles(over)
    assert words.en.startswith("Over-fitting: ") and words.zh.startswith("过拟合：") and style == "bold red"
    over.add([Birth(3, "a", "log")])
    first, *_ = troubles(over)
    assert "step 3" in first[0].en and first[1] == "bold red"
    assert not list(troubles(history(*FALLS)))
