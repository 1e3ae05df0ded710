"""Trainings side by side."""

import math

import numpy as np
import pytest

from pellucid.engine.monitor.history import History
from pellucid.engine.monitor.sample import Birth, Logged, Row, Sample, Told
from pellucid.lens.comparing.runs import curves, ends, falls, updates


def history(rate: float = 1.0, steps: int = 5, **metrics: float) -> History:
    made = History(about={"model": "Net"})
    made.add([Told(rows=(Row("a", "Linear", 4), Row("b", "Linear", 4)), every=(1, 1))])
    for step in range(steps):
        columns = {"update": np.array([0.1, 0.2 * rate]), "weight": np.array([1.0, 2.0])}
        made.add(
            [Sample(step, 0.0, columns, {}), *(Logged(step, name, end + 4 - step) for name, end in metrics.items())]
        )
    made.state = "finished"
    return made


def test_every_metric_has_a_result_with_a_curve_for_each_run():
    made = curves([history(loss=1.0), history(loss=0.5, accuracy=0.9, steps=3)], ["a", "b"])
    assert [one.unit for one in made] == ["loss", "accuracy"] and list(made[0].curves) == ["a", "b"]
    assert made[0].curves["a"].tolist() == [5, 4, 3, 2, 1] and made[0].curves["b"][:3].tolist() == [4.5, 3.5, 2.5]
    assert np.isnan(made[0].curves["b"][3:]).all() and made[1].notes == ()
    assert "loss ends lowest in a, at 1; 2.5 in b" in str(made[0].notes[0])


def test_less_is_better_for_losses_alone():
    assert falls("val_loss") and not falls("accuracy")
    assert "highest in a" in str(curves([history(accuracy=2.0), history(accuracy=1.0)], ["a", "b"])[0].notes[0])


def test_ends_tell_the_last_and_the_best_and_where_it_broke():
    broken = history(loss=1.0)
    broken.add([Birth(3, "b", "log"), Logged(5, "loss", math.nan)])
    first, second = ends([history(loss=1.0), broken], ["a", "b"]).rows
    assert first["loss last"] == 1 and first["loss best"] == 1 and first["broken"] is None and first["steps"] == 5
    assert math.isnan(second["loss last"]) and second["loss best"] == 1 and second["broken"].en == "step 3, b"
    assert "broken" not in ends([history(), history()], ["a", "b"]).columns
    assert "ends finite in no run" in str(curves([broken, broken], ["a", "b"])[0].notes[0])


def test_updates_are_compared_layer_by_layer():
    shown, apart = updates([history(), history(rate=3.0)], ["a", "b"])
    assert shown.labels == ("a", "b") and shown.curves["a"].tolist() == pytest.approx([0.1, 0.1])
    assert apart.curves["b"].tolist() == pytest.approx([1, 3]) and "farthest from it is 'b', 3 times" in str(
        apart.notes[0]
    )
    assert "moves as in a" in str(updates([history(), history()], ["a", "b"])[1].notes[0])
    assert updates([History(), History()], ["a", "b"]) == (None, None)
