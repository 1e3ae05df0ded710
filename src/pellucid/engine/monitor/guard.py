"""What keeps a training safe from being watched."""

import logging
import warnings
from collections.abc import Callable

_LOG = logging.getLogger("pellucid")


class Guard:
    """Runs what must never raise, and counts its time; after the first fault it runs nothing more.

    Args:
        clock: seconds.

    `error` is what went wrong, `own` the seconds since it was last set to zero.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock, self.error, self.own = clock, "", 0.0

    def __call__(self, work: Callable[[], None]) -> None:
        """Run it, unless something went wrong before."""
        if self.error:
            return
        began = self.clock()
        try:
            work()
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            _warn(f"pellucid stops watching this training, which goes on: {self.error}")
        finally:
            self.own += self.clock() - began


def _warn(words: str) -> None:
    """A warning, also where warnings are errors: those must not end the training."""
    try:
        warnings.warn(words, RuntimeWarning, stacklevel=2)
    except RuntimeWarning:
        _LOG.warning(words)
