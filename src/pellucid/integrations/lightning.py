"""A training by Lightning, watched: `Trainer(callbacks=[lightning_callback(folder="runs/first")])`."""

from importlib.util import find_spec
from typing import Any

from pellucid.core.errors import BadRequest
from pellucid.integrations.trainer import Watcher


def lightning_callback(**settings: Any) -> Any:
    """A Lightning `Callback` that watches; `callback.watcher.run` is the run.

    Args:
        settings: of `Lens.watch`: every, budget, folder, ...
    Raises:
        BadRequest: Lightning is not installed.
    """
    if find_spec("lightning") is not None:
        from lightning.pytorch import Callback
    elif find_spec("pytorch_lightning") is not None:
        from pytorch_lightning import Callback
    else:
        raise BadRequest("Lightning is not installed", hint="pip install lightning")

    class Watching(Callback):  # pyright: ignore[reportUntypedBaseClass]
        watcher = Watcher(settings)

        def on_train_start(self, _: Any, pl_module: Any) -> None:
            self.watcher.begin(pl_module)

        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            self.watcher.log(_numbers(trainer.callback_metrics))

        def on_train_end(self, *_: Any) -> None:
            self.watcher.end()

        def on_exception(self, *given: Any) -> None:
            self.watcher.end(given[-1])

    return Watching()


def _numbers(metrics: Any) -> dict[str, float]:
    return {str(name): float(value) for name, value in metrics.items()}
