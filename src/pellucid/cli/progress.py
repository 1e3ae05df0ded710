"""How far a look is: a bar that vanishes on a terminal, a plain line now and then everywhere else."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import click
from rich.text import Text as Line

from pellucid.cli.screen import Screen
from pellucid.core.text import Text, say

EVERY = 5.0  # seconds between two plain lines
AGAIN = Text("Reading some samples again", "再次读取部分样本")  # after the run through a data set


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
            pace, sweeping = Pace(), False

            def show(at: Any) -> None:
                nonlocal sweeping
                done, total = at.samples or at.step or (None, None)
                if sweeping != (at.samples is not None):  # what a folder held already is no speed of this run
                    sweeping = not sweeping
                    bar.reset(task, completed=done or 0)
                bar.update(task, description=_state(screen, doing, at, pace), completed=done or 0, total=total)

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


class Pace:
    """How fast samples go through, counted from where this run began."""

    def __init__(self) -> None:
        self.first: tuple[float, int] | None = None

    def at(self, seconds: float, done: int) -> float | None:
        """Samples a second; None before there is something to tell it from."""
        if self.first is None or done < self.first[1]:
            self.first = (seconds, done)
        took, more = seconds - self.first[0], done - self.first[1]
        return more / took if more and took > 0 else None


def _lines(screen: Screen, doing: Text) -> Callable[[Any], None]:
    told, pace = time.monotonic(), Pace()

    def line(at: Any) -> None:
        nonlocal told
        state = _state(screen, doing, at, pace)
        if time.monotonic() - told >= EVERY:
            told = time.monotonic()
            step = f", {at.step[0]}/{at.step[1]}" if at.step else ""
            left = _left(screen, at, pace)
            click.echo(f"{state}{step}, {at.seconds:.0f} s{left}", err=True)

    return line


def _state(screen: Screen, doing: Text, at: Any, pace: Pace) -> str:
    if at.samples is not None:
        done, every = at.samples
        fast = pace.at(at.seconds, done)
        en, zh = ("", "") if fast is None else (f", {_rate(fast)}/s", f"，每秒 {_rate(fast)} 个")
        return say(
            Text(
                f"{doing}: {done:,} of {every:,} samples{en}",
                f"{doing.say('zh')}：共 {every:,} 个样本，已完成 {done:,} 个{zh}",
            ),
            screen.lang,
        )
    said, one = getattr(at, "said", None), at.waiting == 1
    doing = AGAIN if pace.first is not None and said is None else doing
    en, zh = ("", "") if said is None else (f", {said}", f"，{said.say('zh')}")
    left = Text(
        f"{doing}: {at.forwards} forward passes, {at.waiting} view{'' if one else 's'} to go{en}",
        f"{doing.say('zh')}：已前向 {at.forwards} 次，剩余 {at.waiting} 个视图{zh}",
    )
    return left.say(screen.lang)


def _left(screen: Screen, at: Any, pace: Pace) -> str:
    if at.samples is None:
        return ""
    fast = pace.at(at.seconds, at.samples[0])
    if fast is None:
        return ""
    left = timedelta(seconds=round((at.samples[1] - at.samples[0]) / fast))
    return say(Text(f", {left} left", f"，还需 {left}"), screen.lang)


def _rate(fast: float) -> str:
    return f"{fast:,.0f}" if fast >= 10 else f"{fast:.1f}"
