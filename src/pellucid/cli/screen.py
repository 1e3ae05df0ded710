"""What a command prints: tables and a progress bar on a terminal, plain lines everywhere else."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Line

from pellucid.core.errors import PellucidError
from pellucid.core.text import Text, say
from pellucid.render.escape import visible

FIRST, WIDEST = 22, 48  # cells of the first column
_ERROR, _TRY = Text("Error: ", "错误："), Text("try", "可以尝试")
_LABEL = 9  # cells of what a line of help is called


class Screen:
    """Where a command speaks.

    Args:
        lang: "en" or "zh".
        quiet: say nothing but errors.
    """

    def __init__(self, lang: str = "en", *, quiet: bool = False) -> None:
        self.lang, self.quiet = lang, quiet
        self.console = Console(highlight=False, soft_wrap=False)
        self.errors = Console(stderr=True, highlight=False)

    @property
    def alive(self) -> bool:
        """Whether something on it may move: a bar, a spinner."""
        return self.errors.is_terminal and self.pretty

    @property
    def pretty(self) -> bool:
        """Whether tables and colours are wanted: a terminal, and no `NO_COLOR`."""
        return self.console.is_terminal and not os.environ.get("NO_COLOR")

    def say(self, words: Text | str, style: str = "", *, indent: int = 0) -> None:
        """One line, `indent` cells from the left; on a terminal all of its lines are."""
        if self.quiet:
            return
        spoken = shown(say(words, self.lang))
        if self.pretty:
            line = Line(spoken, style)
            self.console.print(Padding(line, (0, 0, 0, indent), expand=False) if indent else line)
        else:
            click.echo(" " * indent + spoken)

    def missed(self, words: Text | str) -> None:
        """One line about what could not be made; a quiet screen gives it to the error stream."""
        if self.quiet:
            click.echo(shown(say(words, self.lang)), err=True)
        else:
            self.say(words, "yellow")

    def aside(self, words: Text | str) -> None:
        """One line that is not the result: to the error stream, dim."""
        if self.quiet:
            return
        spoken = shown(say(words, self.lang))
        if self.pretty:
            self.errors.print(Line(spoken, "dim"))
        else:
            click.echo(spoken, err=True)

    def table(
        self,
        rows: Sequence[tuple[str, str]],
        headings: tuple[Text, Text],
        *,
        title: Text | str = "",
        width: int = FIRST,
    ) -> None:
        """Two columns, the first at least `width` cells wide on a terminal; plain, a line per row."""
        if self.quiet or not rows:
            return
        if not self.pretty:
            most = min(WIDEST, max(cell_len(first) for first, _ in rows))
            lines = [f"{set_cell_size(shown(a), max(most, cell_len(shown(a))))}  {shown(b)}" for a, b in rows]
            click.echo("\n".join([*([say(title, self.lang)] if str(title) else []), *lines]))
            return
        made = Table(
            title=Line(say(title, self.lang), "bold") if str(title) else None,
            title_justify="left",
            box=None,
            padding=(0, 2, 0, 0),
            header_style="dim",
            show_header=bool(str(headings[0])),
        )
        made.add_column(Line(say(headings[0], self.lang)), style="bold", min_width=width, max_width=WIDEST)
        made.add_column(Line(say(headings[1], self.lang)), ratio=1)
        for first, second in rows:
            made.add_row(Line(shown(first)), Line(shown(second)))
        self.console.print(made)

    def error(self, what: Text | str, lines: Sequence[tuple[str, str]] = ()) -> None:
        """An error and what helps; always told."""
        error, said = _ERROR.say(self.lang), shown(say(what, self.lang))
        if not self.alive:
            click.echo("\n".join([f"{error}{said}", *(helping(name, shown(words)) for name, words in lines)]), err=True)
            return
        self.errors.print(Line.assemble((error, "bold red"), said))
        grid = Table.grid(padding=(0, 1, 0, 2))
        for name, words in lines:
            grid.add_row(Line(name, "dim"), Line(shown(words)))
        self.errors.print(grid)

    def failed(self, error: BaseException) -> None:
        """An exception in words, without its traceback."""
        if isinstance(error, PellucidError):
            self.error(error.words, error.helps(self.lang))
        elif isinstance(error, OSError):
            why = error.strerror or error
            self.error(Text(f"{error.filename or 'a file'}: {why}", f"{error.filename or '某个文件'}：{why}"))
        else:
            said = f"{type(error).__name__}: {error}"
            hint = Text(
                "the same command with --debug shows where; please report it",
                "加上 --debug 重新运行可看到出错位置；请报告此问题",
            )
            self.error(
                Text(f"A fault of pellucid: {said}", f"pellucid 自身的错误：{said}"),
                [(_TRY.say(self.lang), hint.say(self.lang))],
            )

    def counted(self, pictures: int, forwards: int, backwards: int, seconds: float) -> None:
        """What the looks gave and what they cost."""
        many = "" if pictures == 1 else "s"
        passes = "pass" if backwards == 1 else "passes"
        en = f"{pictures} picture{many} from {forwards} forward and {backwards} backward {passes} in {seconds:.1f} s."
        zh = f"共 {pictures} 幅图像，前向 {forwards} 次，反向 {backwards} 次，用时 {seconds:.1f} 秒。"
        self.say(Text(en, zh))

    def wrote(self, paths: Sequence[Path]) -> None:
        """The files that were written, and the line that opens the first."""
        for path in paths[:12]:
            self.say(Text(f"Wrote {path} ({size(path)})", f"已写入 {path}（{size(path)}）"))
        if len(paths) > 12:
            self.say(
                Text(
                    f"  ... and {len(paths) - 12} more in {paths[0].parent}",
                    f"  …… {paths[0].parent} 中另有 {len(paths) - 12} 个文件",
                )
            )
        if paths:
            self.say(Text(f"Open it:  {opening(paths[0])}", f"打开：  {opening(paths[0])}"), "bold")


def helping(name: str, words: str) -> str:
    """A line of help below what went wrong, in plain characters."""
    return f"  {set_cell_size(name, max(_LABEL, cell_len(name)))} {words}"


def shown(words: str) -> str:
    """Words of strangers without the characters that steer a terminal; lines stay lines."""
    return "\n".join(visible(line) for line in words.split("\n"))


def size(path: Path) -> str:
    """`1.2 MB`."""
    count = path.stat().st_size
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"


def opening(path: Path) -> str:
    """The line that opens a file on this system."""
    how = {"darwin": "open", "win32": "start"}.get(sys.platform, "xdg-open")
    return f"{how} {shlex.quote(str(path))}"
