import pytest

from pellucid.engine.monitor.sample import NAMES, Birth


@pytest.mark.parametrize("direction", ["forward", "backward", "update", "input", "loss"])
def test_a_birth_says_step_place_and_operation(direction):
    words = Birth(30, "block.0", "log", direction, 28).words
    assert "step 30" in words.en and "第 30 步" in words.zh and "28" in words.en and "28" in words.zh
    if direction in ("forward", "backward"):
        assert "'block.0'" in words.en and "log" in words.en and "log" in words.zh


def test_a_gradient_that_is_bad_everywhere_names_no_layer():
    words = Birth(30, "", "", "backward").words
    assert "step 30" in words.en and "every layer" in words.en and "所有层" in words.zh and "''" not in words.en


@pytest.mark.parametrize("layer", ["", "block.0"])
def test_a_skipped_step_is_told_as_one(layer):
    words = Birth(30, layer, "", "scale").words
    assert words.en.startswith("Step 30 was skipped") and words.zh.startswith("第 30 步被跳过")
    assert ("'block.0'" in words.en) == ("block.0" in words.zh) == bool(layer)


def test_every_statistic_has_a_name_in_both_languages():
    assert all(name.en and name.zh for name in NAMES.values())
