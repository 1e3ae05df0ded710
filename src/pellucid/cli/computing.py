"""How a command computes: its seed, the size of its batches, its device."""

from collections.abc import Callable
from typing import Any

import click


def computing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options `--seed`, `--batch-size` and `--device`, for every command that sends batches through a model."""
    command = click.option("--device", metavar="NAME", help="cpu, cuda, cuda:1, ...  Default: where the model is.")(
        command
    )
    command = click.option(
        "--batch-size", type=click.IntRange(1), help="Most examples in one pass.  Default: all; of a data set 32."
    )(command)
    return click.option("--seed", default=0, show_default=True, help="Of everything random.")(command)
