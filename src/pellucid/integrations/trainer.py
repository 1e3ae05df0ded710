"""A training by Hugging Face's `Trainer`, watched: `Trainer(..., callbacks=[trainer_callback(folder="first")])`."""

from types import TracebackType
from typing import Any, Self

from pellucid.integrations.watcher import Watcher

_NO_METRICS = ("epoch", "total_flos", "train_loss")  # the last one is a mean over the whole training
_OF_THE_CLOCK = ("_runtime", "_per_second")


def trainer_callback(**settings: Any) -> Any:
    """A `transformers.TrainerCallback` that watches; `callback.watcher.run` is the run.

    The `Trainer` does not tell its callbacks of an error. Where one may come, let the callback hear of it:
    `with trainer_callback(folder="first") as callback: Trainer(..., callbacks=[callback]).train()`. Without, the run
    ends when the next training begins, or with Python.

    Args:
        settings: of `Lens.watch`: every, budget, folder, ...
    """
    from transformers import TrainerCallback

    class Watching(TrainerCallback):
        watcher = Watcher(settings)

        def on_train_begin(self, _: Any, state: Any, *__: Any, **given: Any) -> None:
            self.watcher.begin(given["model"], start=state.global_step)

        def on_log(self, *_: Any, logs: Any = None, **__: Any) -> None:
            self.watcher.log({name: value for name, value in (logs or {}).items() if _is_metric(name)})

        def on_train_end(self, *_: Any, **__: Any) -> None:
            self.watcher.end()

        def __enter__(self) -> Self:
            return self

        def __exit__(
            self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
        ) -> None:
            self.watcher.end(error)

    return Watching()


def _is_metric(name: str) -> bool:
    return name not in _NO_METRICS and not name.endswith(_OF_THE_CLOCK)
