"""A run for TensorBoard, written by torch's own writer."""

from collections import defaultdict
from collections.abc import Iterator
from math import isnan
from pathlib import Path

from pellucid.core.errors import BadRequest
from pellucid.core.text import Text
from pellucid.engine.monitor.sample import STATISTICS
from pellucid.lens.run import Run

_SUFFIX = ".pellucid"


def to_tensorboard(run: Run, folder: str | Path) -> Path:
    """Write metrics as `NAME`, statistics of layers as `STATISTIC/LAYER`, and `events` in words.

    What was exported into the folder before is replaced, so a run that is under way can be exported again and again.

    Returns:
        The folder, for `tensorboard --logdir`.
    Raises:
        BadRequest: TensorBoard is not installed.
    """
    try:
        from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]
        from torch.utils.tensorboard import FileWriter
        from torch.utils.tensorboard.summary import text
    except ImportError as error:
        hint = "pip install 'pellucid[tensorboard]'"
        raise BadRequest(Text("TensorBoard is not installed", "未安装 TensorBoard"), hint=hint) from error
    for earlier in Path(folder).glob(f"events.out.tfevents.*{_SUFFIX}"):
        earlier.unlink()
    writer = FileWriter(str(folder), filename_suffix=_SUFFIX)
    try:
        for step, numbers in _by_step(run):  # one record for a step: one for each number takes ten times longer
            values = [Summary.Value(tag=name, simple_value=value) for name, value in numbers]
            writer.add_summary(Summary(value=values), step)
        if run.born is not None:
            writer.add_summary(text("events", run.born.words.en), run.born.step)
    finally:
        writer.close()
    return Path(folder)


def _by_step(run: Run) -> Iterator[tuple[int, list[tuple[str, float]]]]:
    """Every step with its numbers."""
    logged: dict[int, list[tuple[str, float]]] = defaultdict(list)
    for name, curve in run.metrics.items():
        for step, value in zip(curve.steps.tolist(), curve.values.tolist(), strict=True):
            logged[step].append((name, value))
    grids = [(statistic, run.grid(statistic)) for statistic in (*STATISTICS, "ratio")]
    measured = [
        ([f"{statistic}/{layer}" for layer in grid.layers], dict(zip(grid.steps.tolist(), grid.values, strict=True)))
        for statistic, grid in grids
    ]
    for step in sorted(logged.keys() | {one for _, lines in measured for one in lines}):
        numbers = list(logged.get(step, ()))
        for names, lines in measured:
            if step in lines:
                numbers += [
                    (name, value) for name, value in zip(names, lines[step].tolist(), strict=True) if not isnan(value)
                ]
        yield step, numbers
