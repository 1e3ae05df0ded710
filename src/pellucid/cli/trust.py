"""What a user must say before a file may run code."""

from collections.abc import Callable
from typing import Any

import click


def trusting(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options `--trust-code` and `--unsafe-pickle`, for every command that opens a model."""
    command = click.option(
        "--unsafe-pickle",
        is_flag=True,
        help="Unpickle the file whatever it holds, as a whole model saved by torch.save: it can run any code.",
    )(command)
    return click.option(
        "--trust-code",
        is_flag=True,
        help="Load a file that can run code of its author: an exported program (.pt2), TorchScript.",
    )(command)
