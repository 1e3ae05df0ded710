import time

import pytest

from pellucid.engine.monitor import guard as module
from pellucid.engine.monitor.guard import Guard


def test_time_is_counted_and_the_first_fault_is_the_last():
    made, ran = Guard(time.perf_counter), []
    made(lambda: time.sleep(0.01))
    assert made.spent() >= 0.01 and made.spent() == 0.0 and not made.error
    with pytest.warns(RuntimeWarning, match="division"):
        made(lambda: ran.append(1 / 0))
    made(lambda: ran.append(1))
    assert "ZeroDivisionError" in made.error and ran == []


def test_interrupts_pass():
    def interrupted():
        raise KeyboardInterrupt

    made = Guard(time.perf_counter)
    with pytest.raises(KeyboardInterrupt):
        made(interrupted)
    assert not made.error


def test_a_fault_is_no_error_even_where_warnings_are(monkeypatch, caplog):
    def refused(*_, **__):
        raise RuntimeWarning("stop")

    monkeypatch.setattr(module.warnings, "warn", refused)
    made = Guard(time.perf_counter)
    made(lambda: 1 / 0)
    assert "division" in made.error and "division" in caplog.text
