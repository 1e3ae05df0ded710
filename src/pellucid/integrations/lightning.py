"""A training by Lightning, watched: `Trainer(callbacks=[lightning_callback(folder="runs/first")])`."""

import sys
from importlib.util import find_spec
from typing import Any

from pellucid.core.errors import BadRequest
from pellucid.core.text import Text
from pellucid.integrations.watcher import Watcher

_NAMES = ("lightning", "pytorch_lightning")


def lightning_callback(**settings: Any) -> Any:
    """A Lightning `Callback` that watches; `callback.watcher.run` is the run.

    Args:
        settings: of `Lens.watch`: every, budget, folder, ...
    Raises:
        BadRequest: Lightning is not installed.
    """
    if _installed() == "lightning":
        from lightning.pytorch import Callback
    else:
        from pytorch_lightning import Callback

    class Watching(Callback):  # pyright: ignore[reportGeneralTypeIssues, reportUntypedBaseClass]
        watcher = Watcher(settings)

        def __init__(self) -> None:
            self.told: dict[str, Any] = {}
            self.of_steps: set[str] = set()

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            optimizers = trainer.optimizers
            self.watcher.begin(pl_module, optimizers, start=trainer.global_step // max(1, len(optimizers)))

        def on_train_epoch_start(self, trainer: Any, *_: Any) -> None:
            self.told.update(trainer.callback_metrics)

        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            self._log(trainer.callback_metrics, of_step=True)

        def on_train_epoch_end(self, trainer: Any, *_: Any) -> None:
            self._log(trainer.callback_metrics)

        def on_validation_end(self, trainer: Any, *_: Any) -> None:
            self._log(trainer.callback_metrics)

        def on_train_end(self, *_: Any) -> None:
            self.watcher.end()

        def on_exception(self, *given: Any) -> None:
            self.watcher.end(given[-1])

        def _log(self, metrics: dict[str, Any], *, of_step: bool = False) -> None:
            """What is new: Lightning keeps all metrics, and gives those of the last step again when an epoch ends."""
            new = {name: value for name, value in metrics.items() if value is not self.told.get(name)}
            self.told.update(new)
            if of_step:
                self.of_steps |= new.keys()
            else:
                new = {name: value for name, value in new.items() if name not in self.of_steps}
            self.watcher.log({name: value for name, value in new.items() if _plain(name) not in new.keys() - {name}})

    return Watching()


def _plain(name: str) -> str:
    """`loss` of `loss_step` and `loss_epoch`: Lightning may give a metric by both names."""
    return name.removesuffix("_step").removesuffix("_epoch")


def _installed() -> str:
    """The name of Lightning: the one that is in use, where it is installed under both of its names."""
    found = [one for one in _NAMES if one in sys.modules] or [one for one in _NAMES if find_spec(one) is not None]
    if not found:
        raise BadRequest(Text("Lightning is not installed", "未安装 Lightning"), hint="pip install lightning")
    return found[0]
