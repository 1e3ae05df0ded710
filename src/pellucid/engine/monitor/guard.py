"""What keeps a training safe from being watched."""

import logging
import warnings
from collections.abc import Callable
from typing import Any

_LOG = logging.getLogger("pellucid")


class Guard:
    """Runs what must never raise, and counts its time; after the first fault it runs nothing more.

    Args:
        clock: seconds.

    `error` is what went wrong.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock, self.error = clock, ""
        self._own = 0.0
        self._began: float | None = None

    def __call__(self, work: Callable[..., None], *given: Any) -> None:
        """Run it, unless something went wrong before."""
        if self.error:
            return
        inside = self._began is not None
        if not inside:
            self._began = self.clock()
        try:
            work(*given)
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            warn(f"pellucid stops watching this training, which goes on: {self.error}")
        finally:
            if not inside:
                self._pause()
                self._began = None

    def spent(self) -> float:
        """Seconds since this was last asked, those of the work that is under way included."""
        self._pause()
        own, self._own = self._own, 0.0
        return own

    def _pause(self) -> None:
        if self._began is not None:
            now = self.clock()
            self._own, self._began = self._own + now - self._began, now


def warn(words: str) -> None:
    """A warning, also where warnings are errors: those must not end the training."""
    try:
        warnings.warn(words, RuntimeWarning, stacklevel=2)
    except RuntimeWarning:
        _LOG.warning(words)
