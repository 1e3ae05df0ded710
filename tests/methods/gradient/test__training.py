"""Pictures of a run show its numbers, and their words say what went wrong, where and when."""

import numpy as np
import pytest

from pellucid.core.errors import NotApplicable
from pellucid.engine.monitor.history import History
from pellucid.engine.monitor.sample import Birth, Logged, Row, Sample, Told
from pellucid.methods.gradient._training import (
    COLUMNS,
    CURVES,
    activations,
    chosen,
    curves,
    flow_words,
    gradient_flow,
    skipped_words,
    updates,
)


def run(steps, layers=3, factor=0.1, **columns):
    """A history in which the gradient falls by `factor` from layer to layer on its way back."""
    found = History(about={"model": "Net", "versions": {}})
    found.add([Told(rows=tuple(Row(f"layer{i}", "Linear", 4) for i in range(layers)), every=(1, 1))])
    flow = factor ** np.arange(layers - 1, -1, -1.0)
    for step in steps:
        found.add([Sample(step, 0.0, {"flow": flow, "weight": np.ones(layers), "update": flow * 1e-3, **columns})])
    return found


def test_the_map_holds_logarithms_layer_by_step():
    result = gradient_flow(run(range(0, 40, 2)), "every weight")
    assert result.axes == ("layer", "step") and result.rows == ("layer0", "layer1", "layer2")
    assert result.columns == tuple(map(str, range(0, 40, 2)))
    np.testing.assert_allclose(result.values, np.array([[-2.0], [-1.0], [0.0]]).repeat(20, 1), atol=1e-6)
    assert "Net" in result.provenance.model and result.describe("zh")


def test_many_steps_are_means_of_equally_many():
    result = gradient_flow(run(range(1000)), "every weight")
    assert result.values.shape[1] <= COLUMNS
    assert len(set(np.diff(list(map(int, result.columns))))) == 1
    assert any("mean of up to" in note.en for note in result.notes)


@pytest.mark.parametrize(("factor", "word"), [(1e-2, "vanishes"), (1e2, "explodes"), (0.5, "")])
def test_words_say_where_and_when(factor, word):
    found = flow_words(run(range(4), factor=factor))
    assert bool(found) == bool(word)
    if word:
        assert word in found[0].en and "'layer0'" in found[0].en and "step 0" in found[0].en and "100%" in found[0].en
        assert "第 0 步" in found[0].zh


def test_a_gradient_that_is_not_finite_is_not_said_to_explode():
    history = run(range(3), factor=0.5)
    history.add([Sample(3, 0.0, {"flow": np.array([np.inf, 0.5, 1.0])})])
    assert not flow_words(history)


def test_what_has_no_logarithm_has_no_colour():
    history = run(range(3))
    history.add([Sample(3, 0.0, {"flow": np.array([0.0, np.inf, 1.0])})])
    result = gradient_flow(history, "every weight")
    assert np.isnan(result.values[:2, 3]).all() and any("2 of 12" in note.en for note in result.notes)


@pytest.mark.parametrize("layers", [3, CURVES + 4])
def test_updates_are_curves_or_ribbons(layers):
    result = updates(run(range(5), layers), "every weight")
    if layers == 3:
        np.testing.assert_allclose(result.curves["layer0"], 1e-5, rtol=1e-6)
    else:
        assert list(result.curves) == ["100%", "75%", "50%", "25%", "0%"]
        assert (result.curves["100%"] >= result.curves["50%"]).all()


def test_training_and_validation_stand_together():
    history = run(range(3))
    for step in range(6):
        history.add([Logged(step, "loss", 1.0 / (1 + step)), Logged(step, "accuracy", 0.5)])
    history.add([Logged(2, "val_loss", 0.9), Logged(5, "val_loss", 0.8)])
    loss, accuracy = curves(history)
    assert list(loss.curves) == ["loss", "val_loss"] and list(accuracy.curves) == ["accuracy"]
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(loss.curves["val_loss"])), [2, 5])
    assert loss.called("val_loss").zh == "val_loss（验证）" and loss.positions == tuple(map(float, range(6)))


def test_a_birth_is_marked_and_told():
    history = run(range(3))
    history.add([Logged(step, "loss", 1.0 if step < 2 else float("nan")) for step in range(4)])
    history.add([Birth(2, "layer1", "log")])
    result = curves(history)[0]
    assert list(result.marks) == [2] and "'layer1'" in result.notes[0].en and "log" in result.notes[0].zh


def test_a_run_without_anything_has_no_pictures():
    assert curves(History()) == [] and activations(History()) == []
    for make in (gradient_flow, updates):
        with pytest.raises(NotApplicable, match="the run holds no measurement of"):
            make(History(), "every weight")


def test_what_is_not_finite_does_not_count_among_the_last():
    history = run(range(4))
    history.add([Sample(step, 0.0, {"update": np.full(3, np.nan), "weight": np.ones(3)}) for step in range(4, 8)])
    assert not updates(history, "every weight").notes


@pytest.mark.parametrize(
    ("layer", "kept"),
    [("every weight", 3), ("layer1", 1), ("layer[12]", 2), (("layer2", "layer0"), 2), (("layer1", "layer?"), 3)],
)
def test_layers_by_name_and_glob(layer, kept):
    grid = chosen(run(range(2)), "flow", layer)
    assert len(grid.layers) == kept == grid.values.shape[1] and list(grid.layers) == sorted(grid.layers)


def test_shares_are_drawn_where_there_are_any():
    names = [one.provenance.method for one in activations(run(range(3), dead=np.array([np.nan, 0.5, 0.0])))]
    assert names == ["dead"]
    assert activations(run(range(3), dead=np.array([np.nan, 0.0, 0.0]))) == []


@pytest.mark.parametrize(("steps", "marked"), [((0, 10, 20), {}), ((0, 10, 11, 20), {2: "11"})])
def test_only_the_step_that_broke_is_marked(steps, marked):
    history = run(range(3))
    history.add([*(Logged(step, "val_loss", 1.0) for step in steps), Birth(11, "layer1", "log")])
    marks = curves(history)[0].marks
    assert marks.keys() == marked.keys() and all(marked[at] in words.en for at, words in marks.items())


def test_points_of_a_long_curve_say_that_they_are_means():
    history = run(range(3))
    history.add(Logged(step, "loss", 1.0) for step in range(4000))
    (note,) = curves(history)[0].notes
    assert note.aside and "up to 3 " in note.en and "3 " in note.zh


@pytest.mark.parametrize("count", [3, 20])
def test_steps_that_the_scaler_skipped_are_told(count):
    history = run(range(100))
    history.add(Birth(step, "", "", "scale") for step in range(count))
    assert not skipped_words(run(range(3)))
    (words,) = skipped_words(history)
    assert f"skipped {count} of 100 steps" in words.en and f"100 步中的 {count} 步" in words.zh
    assert ("12 more" in words.en) == (count == 20)
    assert words in gradient_flow(history, "every weight").notes and words in updates(history, "every weight").notes
