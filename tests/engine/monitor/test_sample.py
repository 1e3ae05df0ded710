import pytest

from pellucid.engine.monitor.sample import NAMES, Birth


@pytest.mark.parametrize("direction", ["forward", "backward", "update", "input", "loss", "scale"])
def test_a_birth_says_step_place_and_operation(direction):
    words = Birth(30, "block.0", "log", direction, 28).words
    assert "step 30" in words.en and "第 30 步" in words.zh and "28" in words.en and "28" in words.zh
    if direction in ("forward", "backward"):
        assert "'block.0'" in words.en and "log" in words.en and "log" in words.zh


def test_every_statistic_has_a_name_in_both_languages():
    assert all(name.en and name.zh for name in NAMES.values())
