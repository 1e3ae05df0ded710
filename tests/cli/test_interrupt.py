"""Ctrl-C."""

import os
import signal
import threading

import pytest

from pellucid.cli.interrupt import looking, stoppable
from pellucid.cli.screen import Screen
from pellucid.core.errors import Cancelled
from pellucid.engine.planner import Progress


def test_the_first_asks_and_the_second_interrupts():
    told = []
    before = signal.getsignal(signal.SIGINT)
    with stoppable(lambda: told.append(1)) as stop:
        stop.check()
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.asked and told == [1]
        with pytest.raises(Cancelled):
            stop.check()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_termination_is_the_same():
    with stoppable(lambda: None) as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.asked


def test_handlers_are_put_back_after_an_error():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="x"), stoppable(lambda: None):
        raise ValueError("x")
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_install_nothing():
    seen = []

    def run():
        with stoppable(lambda: None) as stop:
            seen.append((stop.asked, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [(False, signal.getsignal(signal.SIGINT))]


def test_a_look_is_stopped_between_two_passes(capsys):
    at = Progress(1, 0, 2, None, 0.1)
    with looking(Screen()) as (stop, watch):
        watch(at)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Cancelled):
            watch(at)
    assert stop.asked and "Ctrl-C again stops at once" in capsys.readouterr().err
