"""A training by Hugging Face's `Trainer`, watched: `Trainer(..., callbacks=[trainer_callback(folder="first")])`."""

from typing import Any

from pellucid.lens.lens import Lens
from pellucid.lens.run import Run


class Watcher:
    """Opens a run when the training begins, logs what the `Trainer` logs, closes it at the end.

    Args:
        settings: of `Lens.watch`, all but the optimizer.

    `run` is the run, once the training has begun.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.run: Run | None = None

    def begin(self, model: Any, optimizer: Any = None) -> None:
        """The training begins."""
        self.run = Lens(model).watch(optimizer, **self.settings)
        self.run.__enter__()

    def log(self, metrics: dict[str, Any]) -> None:
        """Numbers among what was logged."""
        if self.run is not None and self.run.state == "running":
            self.run.log(**{name: value for name, value in metrics.items() if isinstance(value, (int, float))})

    def end(self, error: BaseException | None = None) -> None:
        """The training is over."""
        if self.run is not None:
            self.run.__exit__(type(error) if error is not None else None, error, None)


def trainer_callback(**settings: Any) -> Any:
    """A `transformers.TrainerCallback` that watches; `callback.watcher.run` is the run.

    Args:
        settings: of `Lens.watch`: every, budget, folder, ...
    """
    from transformers import TrainerCallback

    class Watching(TrainerCallback):
        watcher = Watcher(settings)

        def on_train_begin(self, *_: Any, **given: Any) -> None:
            self.watcher.begin(given["model"])

        def on_log(self, *_: Any, logs: Any = None, **__: Any) -> None:
            self.watcher.log(logs or {})

        def on_train_end(self, *_: Any, **__: Any) -> None:
            self.watcher.end()

    return Watching()
