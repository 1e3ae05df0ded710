"""A run that opens and closes with a training that another library runs."""

import atexit
import sys
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from pellucid.lens.lens import Lens
from pellucid.lens.run import Run


class Watcher:
    """Opens a run when the training begins, logs what the library logs, closes it at the end.

    Args:
        settings: of `Lens.watch`, all but the optimizer.

    `run` is the run, once the training has begun.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)
        self.run: Run | None = None

    def begin(self, model: Any, optimizer: Any = None, start: int = 0) -> None:
        """The training begins.

        Args:
            start: steps that a checkpoint has behind it.
        """
        self.abandon()
        settings: dict[str, Any] = {"start": start or None, **self.settings}
        self.run = Lens(model).watch(optimizer, **settings)
        self.run.__enter__()
        atexit.register(self.abandon)

    def log(self, metrics: Mapping[str, Any]) -> None:
        """Those among what was logged that are one number; on a device they are not waited for."""
        if self.run is not None and self.run.state == "running":
            self.run.log(**{name: value for name, value in metrics.items() if _is_number(value)})

    def end(self, error: BaseException | None = None) -> None:
        """The training is over: finished, or ended by an error."""
        atexit.unregister(self.abandon)
        if self.run is not None:
            self.run.__exit__(type(error) if error is not None else None, error, None)

    def abandon(self) -> None:
        """The training is over without a word: by the error that Python printed last, if it printed one."""
        if self.run is not None and self.run.state == "running":
            self.end(getattr(sys, "last_value", None) or KeyboardInterrupt())


def _is_number(value: Any) -> bool:
    return value.numel() == 1 if isinstance(value, Tensor) else isinstance(value, (int, float))
