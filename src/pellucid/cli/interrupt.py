"""Ctrl-C: the first stops the work at its next pass, the second at once."""

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from pellucid.cli.progress import progress
from pellucid.cli.screen import Screen
from pellucid.core.errors import Cancelled
from pellucid.core.text import Text


class Stop:
    """Whether the user asked to stop.

    Args:
        told: called at the first Ctrl-C.
    """

    def __init__(self, told: Callable[[], None]) -> None:
        self.asked, self._told = False, told

    def __call__(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - what a handler is called with
        """The handler of the signal."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self._told()

    def check(self) -> None:
        """Called between passes.

        Raises:
            Cancelled: the user asked to stop.
        """
        if self.asked:
            raise Cancelled(Text("stopped by Ctrl-C before it was finished", "在完成之前被 Ctrl-C 中止"))


@contextmanager
def stoppable(told: Callable[[], None]) -> Generator[Stop]:
    """Take SIGINT and SIGTERM while the block runs; off the main thread nothing is installed."""
    stop = Stop(told)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before: dict[int, Any] = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


LOOKING = Text("Looking", "正在观察")
STOPPING = Text(
    "Stopping after this pass; Ctrl-C again stops at once.", "本次前向结束后停止；再按一次 Ctrl-C 立即停止。"
)


@contextmanager
def looking(
    screen: Screen, doing: Text = LOOKING, stopping: Text = STOPPING
) -> Generator[tuple[Stop, Callable[[Any], None]]]:
    """While a look runs: whether to stop, and what to call between its passes.

    Args:
        doing: what is shown beside the bar.
        stopping: what the first Ctrl-C answers.
    """
    with stoppable(lambda: screen.aside(stopping)) as stop, progress(screen, doing) as show:

        def watch(at: Any) -> None:
            stop.check()
            show(at)

        yield stop, watch
