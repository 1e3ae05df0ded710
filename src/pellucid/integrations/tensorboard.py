"""A run for TensorBoard, written by torch's own writer."""

from pathlib import Path

import numpy as np

from pellucid.core.errors import BadRequest
from pellucid.engine.monitor.sample import STATISTICS
from pellucid.lens.run import Run


def to_tensorboard(run: Run, folder: str | Path) -> Path:
    """Write metrics as `NAME`, statistics of layers as `STATISTIC/LAYER`, and `events` in words.

    Returns:
        The folder, for `tensorboard --logdir`.
    Raises:
        BadRequest: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise BadRequest("TensorBoard is not installed", hint="pip install 'pellucid[tensorboard]'") from error
    writer = SummaryWriter(str(folder))
    try:
        for name, curve in run.metrics.items():
            for step, value in zip(curve.steps.tolist(), curve.values.tolist(), strict=True):
                writer.add_scalar(name, value, step)
        for statistic in (*STATISTICS, "ratio"):
            grid = run.grid(statistic)
            for line, step in enumerate(grid.steps.tolist()):
                for layer, value in zip(grid.layers, grid.values[line].tolist(), strict=True):
                    if not np.isnan(value):
                        writer.add_scalar(f"{statistic}/{layer}", value, step)
        if run.born is not None:
            writer.add_text("events", run.born.words.en, run.born.step)
    finally:
        writer.close()
    return Path(folder)
