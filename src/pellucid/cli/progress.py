"""How far a look is: a bar that vanishes on a terminal, a plain line now and then everywhere else."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import click
from rich.text import Text as Line

from pellucid.cli.screen import Screen
from pellucid.core.text import Text, say

EVERY = 5.0  # seconds between two plain lines


@contextmanager
def progress(screen: Screen, doing: Text) -> Generator[Callable[[Any], None]]:
    """A function that shows how far a look is: a bar that vanishes, or a plain line every few seconds."""
    if screen.quiet:
        yield lambda _: None
    elif not screen.alive:
        yield _lines(screen, doing)
    else:
        from rich.progress import (
            BarColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=screen.errors, transient=True) as bar:
            task = bar.add_task(say(doing, screen.lang), total=None)

            def show(at: Any) -> None:
                done, total = at.step or (None, None)
                bar.update(task, description=_state(screen, doing, at), completed=done or 0, total=total)

            yield show


@contextmanager
def working(screen: Screen, doing: Text) -> Generator[None]:
    """A spinner while something runs that cannot tell how far it is; plain, one line before it."""
    if screen.quiet:
        yield
    elif not screen.alive:
        screen.aside(Text(f"{doing} ...", f"{doing.say('zh')}……"))
        yield
    else:
        with screen.errors.status(Line(say(doing, screen.lang), "dim")):
            yield


def _lines(screen: Screen, doing: Text) -> Callable[[Any], None]:
    told = time.monotonic()

    def line(at: Any) -> None:
        nonlocal told
        if time.monotonic() - told >= EVERY:
            told = time.monotonic()
            step = f", {at.step[0]}/{at.step[1]}" if at.step else ""
            click.echo(f"{_state(screen, doing, at)}{step}, {at.seconds:.0f} s", err=True)

    return line


def _state(screen: Screen, doing: Text, at: Any) -> str:
    one = at.waiting == 1
    left = Text(
        f"{doing}: {at.forwards} forward passes, {at.waiting} view{'' if one else 's'} to go",
        f"{doing.say('zh')}：已前向 {at.forwards} 次，剩余 {at.waiting} 个视图",
    )
    return left.say(screen.lang)
